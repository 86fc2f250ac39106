import HDF5

/// The images of one HDF5 dataset, mapped or read, in Cleave's layout.
struct StoredImages {
  let count: Int
  let shape: ImageShape
  private let format: ImageSet.Format
  private let memory: PixelMemory

  /// Maps or reads the dataset `name`.
  ///
  /// - Parameter noise: the SPEC of the corruption in the images; nil for none.
  /// - Throws: `HDF5Error`; `DatasetError` if type, extents or values are not those of images.
  init(_ name: String, in file: File, options: ImageSetOptions, noise: String?) throws {
    let dataset = try file.dataset(name)
    guard let shape = options.imageShape(of: dataset.shape),
      [.uint8, .float32, .float64].contains(dataset.type)
    else {
      throw DatasetError.mismatch(
        file: file.path, item: name, found: "\(dataset.type) \(dataset.shape)",
        expected: "uint8, float32 or float64 \(options.expectedExtents)")
    }
    let count = dataset.shape[0]
    guard count > 0, count <= Int(Int32.max) else {
      throw DatasetError.mismatch(
        file: file.path, item: name, found: "\(count) images", expected: "1 to \(Int32.max)")
    }
    self.count = count
    self.shape = shape
    format = dataset.type == .uint8 ? .bytes : .floats
    let isTransposed = options.layout == .nchw && shape.channels > 1
    let byteCount = count * shape.count * format.size
    if !isTransposed, dataset.type != .float64, let offset = dataset.fileOffset,
      offset % format.size == 0
    {
      memory = try PixelMemory(
        mapping: file.path, offset: offset, byteCount: byteCount, item: name)
    } else {
      memory = PixelMemory(allocating: byteCount)
      try read(dataset, transposing: isTransposed)
    }
    if format == .floats {
      let isBounded = noise.map { !Self.isUnbounded($0) } ?? true
      try checkValues(file.path, name, within: isBounded ? 0...1 : nil)
    }
  }

  /// The image set of these images.
  func imageSet(
    path: String, split: Split, labels: [Int32]?, clean: ImageSet?, noise: String?
  ) -> ImageSet {
    ImageSet(
      path: path, split: split, shape: shape, count: count, heldRows: 0..<count, format: format,
      memory: memory, labels: labels, clean: clean, noise: noise)
  }

  /// Reads all rows by hyperslabs of some megabytes; if channels come first, moves them last.
  private func read(_ dataset: Dataset, transposing: Bool) throws {
    let rowBytes = shape.count * format.size
    let type: ElementType = format == .bytes ? .uint8 : .float32
    let atOnce = max(1, (1 << 24) / rowBytes)
    for first in stride(from: 0, to: count, by: atOnce) {
      let rows = first..<min(first + atOnce, count)
      let destination = memory.start + first * rowBytes
      guard transposing else {
        try dataset.read(rows: rows, into: destination, as: type)
        continue
      }
      let planes = PixelMemory(allocating: rows.count * rowBytes)
      try dataset.read(rows: rows, into: planes.start, as: type)
      switch format {
      case .bytes: interleave(planes.start, to: destination, rows.count, UInt8.self)
      case .floats: interleave(planes.start, to: destination, rows.count, Float.self)
      }
    }
  }

  /// Reorders [rows, C, H, W] to [rows, H, W, C].
  private func interleave<Value: BitwiseCopyable>(
    _ source: UnsafeMutableRawPointer, to destination: UnsafeMutableRawPointer, _ rows: Int,
    _ type: Value.Type
  ) {
    let planes = source.assumingMemoryBound(to: type)
    let pixels = destination.assumingMemoryBound(to: type)
    let area = shape.height * shape.width
    for row in 0..<rows {
      let start = row * shape.count
      for channel in 0..<shape.channels {
        for position in 0..<area {
          pixels[start + position * shape.channels + channel] =
            planes[start + channel * area + position]
        }
      }
    }
  }

  /// Whether a SPEC names noise that leaves [0, 1]; false for unknown noise.
  private static func isUnbounded(_ spec: String) -> Bool {
    do { return try !Corruption(parsing: spec).staysInUnitRange } catch { return false }
  }

  /// Checks that every value is finite and, if there are bounds, within the bounds.
  private func checkValues(
    _ file: String, _ name: String, within bounds: ClosedRange<Float>?
  ) throws(DatasetError) {
    let limits = bounds ?? -Float.greatestFiniteMagnitude...Float.greatestFiniteMagnitude
    let values = memory.start.assumingMemoryBound(to: Float.self)
    for row in 0..<count {
      let image = UnsafeBufferPointer(start: values + row * shape.count, count: shape.count)
      // Comparisons are false for not-a-number, too.
      if image.allSatisfy({ $0 >= limits.lowerBound && $0 <= limits.upperBound }) { continue }
      let culprit = image.first { !limits.contains($0) } ?? .nan
      throw .mismatch(
        file: file, item: name, found: "\(culprit) in row \(row)",
        expected: bounds == nil ? "finite values" : "values from 0 to 1")
    }
  }
}
