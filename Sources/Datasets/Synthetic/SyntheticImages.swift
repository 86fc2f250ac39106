/// A kind of built-in images; each image is a pure function of (seed, split, index).
///
/// Nothing is downloaded. A new kind is one file, with a type that conforms to this protocol, and a
/// line in ``SyntheticCatalogue``.
public protocol SyntheticImages: Sendable {
  /// The kind's word on the command line, and the name of such a data set.
  static var kind: String { get }
  /// The help text about the images, in lines of at most 98 columns.
  static var help: String { get }
  /// The sides of an image.
  static var shape: ImageShape { get }
  /// The meaning of the notes on an image.
  static var notes: SyntheticNotes { get }

  /// Draws one image; several threads may draw at once.
  ///
  /// - Parameters:
  ///   - pixels: `[height, width, channels]`, to fill.
  ///   - note: the notes on the image, to fill.
  static func draw(
    _ index: Int, seed: UInt64, split: Split, into pixels: UnsafeMutablePointer<UInt8>,
    note: UnsafeMutablePointer<Int8>)
}

/// Information about synthetic images besides their pixels.
public enum SyntheticNotes: Sendable {
  /// One note for each image: its class.
  case label
  /// A note for each name: 1 if the image has that attribute, -1 otherwise.
  case attributes([String])

  /// The number of notes on an image.
  var count: Int {
    switch self {
    case .label: 1
    case .attributes(let names): names.count
    }
  }
}

extension SyntheticImages {
  /// `count` images in memory, with their labels if they have some.
  public static func images(count: Int, seed: UInt64, split: Split = .train) -> ImageSet {
    let memory = PixelMemory(allocating: count * shape.count)
    let pixels = memory.start.bindMemory(to: UInt8.self, capacity: count * shape.count)
    var drawn = [Int8](repeating: 0, count: count * notes.count)
    drawn.withUnsafeMutableBufferPointer { drawn in
      guard let note = drawn.baseAddress else { return }
      for index in 0..<count {
        draw(
          index, seed: seed, split: split, into: pixels + index * shape.count,
          note: note + index * notes.count)
      }
    }
    var labels: [Int32]?
    if case .label = notes { labels = drawn.map(Int32.init) }
    return ImageSet(
      path: kind, split: split, shape: shape, count: count, heldRows: 0..<count,
      format: .bytes, memory: memory, labels: labels, clean: nil, noise: nil)
  }

  /// Writes a data set of `count` training images and `test` test images with their notes.
  ///
  /// Images are drawn on all cores. Memory does not grow with the number of images, except for
  /// their notes.
  ///
  /// - Throws: `DatasetError` if the file exists and `force` is false, or if the monitor stops the
  ///   work. `HDF5Error` if the file cannot be written. No output remains then.
  public static func write(
    count: Int, test: Int, seed: UInt64, to path: String, force: Bool = false,
    monitor: WorkMonitor = WorkMonitor()
  ) throws {
    try DatasetWriter.write(
      path, name: kind, source: "cleave synthesize \(kind), seed \(seed)", force: force
    ) { writer in
      for (split, images, before) in [(Split.train, count, 0), (.test, test, count)] {
        guard images > 0 else { continue }
        try write(images, of: split, seed: seed, to: writer) { done in
          monitor.progress(before + done, count + test)
          if monitor.isStopped() { throw writer.stopped }
        }
      }
    }
  }

  private static func write(
    _ count: Int, of split: Split, seed: UInt64, to writer: DatasetWriter,
    progress: (Int) throws -> Void
  ) throws {
    let dataset = try writer.createImages(split, count: count, shape: shape)
    let blocks = ImageBlocks(imageSize: shape.count)
    var drawn: [Int8] = []
    drawn.reserveCapacity(count * notes.count)
    let memory = PixelMemory(allocating: min(blocks.blockLength, count) * notes.count)
    // Each thread writes only the notes of its own images.
    nonisolated(unsafe) let block = memory.start.bindMemory(
      to: Int8.self, capacity: memory.byteCount)
    try blocks.run(count: count) { row, pixels in
      draw(
        row, seed: seed, split: split, into: pixels,
        note: block + row % blocks.blockLength * notes.count)
    } use: { rows, pixels in
      try dataset.write(rows: rows, from: pixels, as: .uint8)
      drawn += UnsafeBufferPointer(start: block, count: rows.count * notes.count)
      try progress(rows.upperBound)
    }
    switch notes {
    case .label: try writer.write(labels: drawn.map(Int32.init), of: split)
    case .attributes(let names): try writer.write(attributes: drawn, called: names, of: split)
    }
  }
}
