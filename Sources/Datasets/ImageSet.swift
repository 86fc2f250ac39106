import CKernels
import Tensors

/// One split of a data set: N images of one shape, with labels and clean images if present.
///
/// Pixels keep their stored form, 8-bit or float; `gather` returns floats in [0, 1]. Only unclipped
/// Gaussian noise gives values beyond [0, 1]; features have any. A row is an index in the split.
public final class ImageSet {
  /// The form of pixels in memory.
  enum Format {
    case bytes, floats

    var size: Int { self == .bytes ? 1 : MemoryLayout<Float>.size }

    /// The stored value that usually stands for 1.
    var usualScale: Float { self == .bytes ? 255 : 1 }
  }

  /// The file of the images, or a name for images made in memory.
  public let path: String
  /// The images' dataset inside the file; empty for images made in memory.
  public let dataset: String
  /// All files of the images: the file, and the sources of a virtual dataset.
  public let files: [String]
  /// One line about what was read; nil for images made in memory or from other images.
  public let reading: String?
  /// The split of the data set.
  public let split: Split
  /// The sides of an image.
  public let shape: ImageShape
  /// Images in the split, N.
  public let count: Int
  /// The available rows: all rows, except in a set made by `corrupted(by:seed:rows:)`.
  public let heldRows: Range<Int>
  /// The class of each of the N images.
  public let labels: [Int32]?
  /// The same N images without corruption.
  public let clean: ImageSet?
  /// The SPEC of the corruption in the images.
  public let noise: String?

  let format: Format
  /// The stored value that stands for 1.
  let scale: Float
  /// The stored value that stands for 1, if it is neither 255 in bytes nor 1 in floats.
  public var unusualScale: Float? { scale == format.usualScale ? nil : scale }
  let memory: PixelMemory
  /// The rule that makes these images from images of another set; `memory` then belongs to that
  /// set.
  private let derivation: Derivation?
  /// The images whose patches these rows are; `memory` then belongs to them.
  public let patching: PatchSource?

  /// The sizes of images that differ in size; nil for images of one `shape`.
  let mixed: MixedSizes?

  /// The rows of the file's split that these rows are; nil where they are all rows, or the first.
  public let selection: RowSelection?

  /// Images of mixed sizes lie one after another.
  struct MixedSizes {
    /// Height and width of each image.
    let sizes: [(height: Int, width: Int)]
    /// The first pixel of each image, and the number of all pixels, [N + 1].
    let first: [Int]

    /// Those of the first `n` images.
    func prefix(_ n: Int) -> MixedSizes {
      MixedSizes(sizes: Array(sizes.prefix(n)), first: Array(first.prefix(n + 1)))
    }

    /// The smallest and the largest sides.
    func smallest(channels: Int) -> ImageShape { sides(channels) { $0.min() } }
    func largest(channels: Int) -> ImageShape { sides(channels) { $0.max() } }

    private func sides(_ channels: Int, _ choose: ([Int]) -> Int?) -> ImageShape {
      ImageShape(
        height: choose(sizes.map(\.height)) ?? 1, width: choose(sizes.map(\.width)) ?? 1,
        channels: channels)
    }
  }

  /// A rule that makes images from images of another set.
  struct Derivation {
    /// The set of the original images.
    let source: ImageSet
    /// Changes one image in place: its values, and its row.
    let apply: (UnsafeMutablePointer<Float>, Int) -> Void
  }

  /// Images in memory as `[heldRows.count, H, W, C]`, or images made from another set on every
  /// request.
  init(
    path: String, split: Split, shape: ImageShape, count: Int, heldRows: Range<Int>,
    format: Format, memory: PixelMemory, labels: [Int32]?, clean: ImageSet?, noise: String?,
    derivation: Derivation? = nil, scale: Float? = nil, dataset: String = "",
    files: [String] = [], reading: String? = nil, patching: PatchSource? = nil,
    mixed: MixedSizes? = nil, selection: RowSelection? = nil
  ) {
    precondition(
      derivation != nil || patching != nil
        || heldRows.count * shape.count * format.size <= memory.byteCount,
      "\(heldRows.count) images of \(shape) in \(memory.byteCount) bytes")
    precondition(
      heldRows.lowerBound >= 0 && heldRows.upperBound <= count, "rows \(heldRows) of \(count)")
    precondition(labels.map { $0.count >= count } ?? true, "fewer labels than images")
    self.path = path
    self.dataset = dataset
    self.files = files
    self.reading = reading
    self.split = split
    self.shape = shape
    self.count = count
    self.heldRows = heldRows
    self.format = format
    self.scale = scale ?? format.usualScale
    self.memory = memory
    self.derivation = derivation
    self.patching = patching
    self.mixed = mixed
    self.selection = selection
    self.labels = labels
    self.clean = clean
    self.noise = noise
  }

  /// 8-bit images in memory, `[N, H, W, C]`; pixel p means p/255.
  ///
  /// Traps if the bytes are not a whole number of images, or labels and images differ in number.
  public convenience init(
    bytes: [UInt8], shape: ImageShape, labels: [Int32]? = nil, name: String = "memory"
  ) {
    let memory = bytes.withUnsafeBytes { PixelMemory(copying: $0) }
    self.init(whole: memory, .bytes, bytes.count, shape: shape, labels: labels, name: name)
  }

  /// Float images in memory, `[N, H, W, C]`, with values in [0, 1].
  ///
  /// Traps if the values are not a whole number of images, or labels and images differ in number.
  public convenience init(
    floats: [Float], shape: ImageShape, labels: [Int32]? = nil, name: String = "memory"
  ) {
    let memory = floats.withUnsafeBytes { PixelMemory(copying: $0) }
    self.init(whole: memory, .floats, floats.count, shape: shape, labels: labels, name: name)
  }

  /// 8-bit images that `draw` makes; only `heldRows` are in memory.
  ///
  /// Indices and `count` are global.
  ///
  /// - Parameter draw: gets a row and its `[H, W, C]` bytes, and fills the bytes.
  public convenience init(
    count: Int, shape: ImageShape, heldRows: Range<Int>, name: String = "memory",
    draw: (Int, UnsafeMutableBufferPointer<UInt8>) -> Void
  ) {
    let memory = PixelMemory(allocating: heldRows.count * shape.count)
    for (i, row) in heldRows.enumerated() {
      let start = (memory.start + i * shape.count).assumingMemoryBound(to: UInt8.self)
      draw(row, UnsafeMutableBufferPointer(start: start, count: shape.count))
    }
    self.init(
      path: name, split: .train, shape: shape, count: count, heldRows: heldRows,
      format: .bytes, memory: memory, labels: nil, clean: nil, noise: nil)
  }

  private convenience init(
    whole memory: PixelMemory, _ format: Format, _ values: Int, shape: ImageShape,
    labels: [Int32]?, name: String
  ) {
    precondition(values % shape.count == 0, "\(values) values for images of \(shape)")
    let count = values / shape.count
    precondition(labels.map { $0.count == count } ?? true, "labels differ from \(count) images")
    self.init(
      path: name, split: .train, shape: shape, count: count, heldRows: 0..<count,
      format: format, memory: memory, labels: labels, clean: nil, noise: nil)
  }

  /// Pictures of mixed sizes, from their pixels: the rows of a set of 1x1 images.
  ///
  /// Their `shape` is that of the smallest sides. They serve as sources of patches alone.
  convenience init(
    mixing pixels: ImageSet, _ sizes: MixedSizes, labels: [Int32]?, reading: String?
  ) {
    self.init(
      path: pixels.path, split: pixels.split,
      shape: sizes.smallest(channels: pixels.shape.channels), count: sizes.sizes.count,
      heldRows: 0..<sizes.sizes.count, format: pixels.format, memory: pixels.memory, labels: labels,
      clean: nil, noise: pixels.noise, scale: pixels.scale, dataset: pixels.dataset,
      files: pixels.files, reading: reading, mixed: sizes)
  }

  /// The patches of images; `held` are at hand.
  convenience init(_ source: PatchSource, held: Range<Int>, clean: ImageSet?) {
    let (images, grid) = (source.images, source.grid)
    self.init(
      path: images.path, split: images.split,
      shape: ImageShape(height: grid.side, width: grid.side, channels: images.shape.channels),
      count: grid.count, heldRows: held, format: images.format, memory: images.memory, labels: nil,
      clean: clean, noise: images.noise, scale: images.scale, dataset: images.dataset,
      files: images.files, reading: images.reading, patching: source)
  }

  /// Whether the pixels are mapped from the file, instead of read into this rank's memory.
  public var isMapped: Bool { memory.isMapped }

  /// Whether the images are made from another set on every request.
  public var isDerived: Bool { derivation != nil }

  /// Whether pixels are stored in 8 bits, and each is a whole number of 255ths.
  public var isEightBit: Bool {
    format == .bytes && 255 / scale == (255 / scale).rounded()
  }

  /// The order of future reads.
  public enum Access: Sendable {
    /// All images in order.
    case sequential
    /// Some images, in any order: only the requested images are read from the disk.
    case random
  }

  /// Tells the system how the images will be read, if they are mapped and many.
  public func expect(_ access: Access) { memory.expect(access) }

  /// Starts to read rows that will be requested soon, if they are mapped and many; does not wait.
  public func prefetch(_ rows: some Sequence<Int32>) {
    guard memory.isLarge, patching == nil else { return }
    let (size, first) = (shape.count * storedFormat.size, memoryRows.lowerBound)
    var run = 0..<0  // adjacent rows are requested at once
    for row in rows.lazy.map({ Int($0) - first }) {
      if row == run.upperBound {
        run = run.lowerBound..<row + 1
        continue
      }
      if !run.isEmpty { memory.prefetch(run.lowerBound * size..<run.upperBound * size) }
      run = row..<row + 1
    }
    if !run.isEmpty { memory.prefetch(run.lowerBound * size..<run.upperBound * size) }
  }

  /// The form of the elements in `memory`.
  private var storedFormat: Format { derivation?.source.storedFormat ?? format }
  private var memoryRows: Range<Int> { derivation?.source.memoryRows ?? heldRows }

  /// Copies chosen rows, in the given order, to `destination`: `[rows.count, H*W*C]` floats.
  ///
  /// Traps if a row is not in `heldRows`.
  public func gather(
    _ rows: UnsafeBufferPointer<Int32>, into destination: UnsafeMutablePointer<Float>
  ) {
    for (i, row) in rows.enumerated() {
      copy(Int(row)..<Int(row) + 1, to: destination + i * shape.count)
    }
  }

  /// Copies consecutive rows to `destination`: `[rows.count, H*W*C]` floats.
  ///
  /// Traps if a row is not in `heldRows`.
  public func gather(_ rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) {
    copy(rows, to: destination)
  }

  /// Consecutive rows as an array, `[rows.count, H*W*C]`.
  public func values(_ rows: Range<Int>) -> [Float] {
    let size = rows.reduce(0) { $0 + shape(of: $1).count }
    return [Float](unsafeUninitializedCapacity: size) { buffer, initialized in
      if let start = buffer.baseAddress { copy(rows, to: start) }
      initialized = size
    }
  }

  /// The first `n` of these images.
  ///
  /// - Throws: `DatasetError.mismatch` if there are fewer than `n` images, or `n` is not positive.
  public func limited(to n: Int) throws(DatasetError) -> ImageSet {
    guard n > 0, n <= count else {
      throw .mismatch(
        file: path, item: "rows", found: "\(n)", expected: "1 to \(count), the images there are")
    }
    let mixed = mixed?.prefix(n)
    return ImageSet(
      path: path, split: split, shape: mixed?.smallest(channels: shape.channels) ?? shape, count: n,
      heldRows: heldRows.clamped(to: 0..<n),
      format: format, memory: memory, labels: labels.map { Array($0[..<n]) },
      clean: try clean?.limited(to: n), noise: noise, derivation: derivation, scale: scale,
      dataset: dataset, files: files, patching: patching, mixed: mixed,
      selection: selection?.prefix(n))
  }

  /// The images of `rows`; `apply` changes an image on every request.
  func derived(
    _ rows: Range<Int>, as format: Format, noise: String, clean: ImageSet?,
    apply: @escaping (UnsafeMutablePointer<Float>, Int) -> Void
  ) -> ImageSet {
    ImageSet(
      path: path, split: split, shape: shape, count: count, heldRows: rows, format: format,
      memory: memory, labels: labels, clean: clean, noise: noise,
      derivation: Derivation(source: self, apply: apply), dataset: dataset, files: files)
  }

  /// These images as images of another split, whose draws they then have.
  public func asPart(of split: Split) -> ImageSet {
    guard split != self.split else { return self }
    return ImageSet(
      path: path, split: split, shape: shape, count: count, heldRows: heldRows, format: format,
      memory: memory, labels: labels, clean: clean?.asPart(of: split), noise: noise,
      derivation: derivation, scale: scale, dataset: dataset, files: files, patching: patching,
      mixed: mixed, selection: selection)
  }

  /// These images, of which others are the clean ones, row by row.
  ///
  /// Traps if there are fewer clean images, or of another shape.
  public func with(clean: ImageSet) -> ImageSet {
    precondition(clean.count >= count && clean.shape == shape, "clean images of other images")
    return ImageSet(
      path: path, split: split, shape: shape, count: count, heldRows: heldRows, format: format,
      memory: memory, labels: labels, clean: clean, noise: noise, derivation: derivation,
      scale: scale, dataset: dataset, files: files, reading: reading, patching: patching,
      mixed: mixed)
  }

  /// The stored values of available rows, [rows.count, H, W, C]: bytes, or floats where images are
  /// not 8-bit.
  ///
  /// Traps if the images are derived, or a row is not in `heldRows`.
  public func stored(_ rows: Range<Int>) -> UnsafeRawBufferPointer {
    precondition(
      derivation == nil && patching == nil, "images of \(path) are made, not stored")
    precondition(
      rows.lowerBound >= heldRows.lowerBound && rows.upperBound <= heldRows.upperBound,
      "rows \(rows) of \(path); at hand are \(heldRows)")
    if let mixed {
      let pixel = shape.channels * format.size
      let range = mixed.first[rows.lowerBound]..<mixed.first[rows.upperBound]
      return UnsafeRawBufferPointer(
        start: memory.start + range.lowerBound * pixel, count: range.count * pixel)
    }
    let size = shape.count * format.size
    return UnsafeRawBufferPointer(
      start: memory.start + (rows.lowerBound - heldRows.lowerBound) * size,
      count: rows.count * size)
  }

  private func copy(_ rows: Range<Int>, to destination: UnsafeMutablePointer<Float>) {
    if let derivation {
      precondition(
        rows.lowerBound >= heldRows.lowerBound && rows.upperBound <= heldRows.upperBound,
        "rows \(rows) of \(path); at hand are \(heldRows)")
      derivation.source.copy(rows, to: destination)
      for (i, row) in rows.enumerated() { derivation.apply(destination + i * shape.count, row) }
      return
    }
    if let patching { return copyPatches(rows, of: patching, to: destination) }
    let source = stored(rows)
    guard let start = source.baseAddress else { return }
    convert(start, source.count / format.size, to: destination)
  }

  /// Converts `count` stored values to floats.
  func convert(
    _ start: UnsafeRawPointer, _ count: Int, to destination: UnsafeMutablePointer<Float>
  ) {
    switch format {
    case .bytes where scale == 255:
      ck_bytes_to_floats(start.assumingMemoryBound(to: UInt8.self), destination, count)
    case .bytes:
      let bytes = start.assumingMemoryBound(to: UInt8.self)
      for i in 0..<count { destination[i] = Float(bytes[i]) / scale }
    case .floats:
      UnsafeMutableRawPointer(destination).copyMemory(
        from: start, byteCount: count * Format.floats.size)
      guard scale != 1 else { return }
      for i in 0..<count { destination[i] /= scale }
    }
  }
}
