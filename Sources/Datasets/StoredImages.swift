import HDF5
import Support

/// The images of one HDF5 dataset, mapped or to be read, in Cleave's layout.
struct StoredImages {
  /// All images of the dataset.
  let count: Int
  let shape: ImageShape
  /// The rows whose pixels are at hand: all if they are mapped, else the first ones.
  let heldRows: Range<Int>
  let format: ImageSet.Format
  let dataset: Dataset
  private let options: ImageSetOptions
  private let noise: String?
  private let isOwn: Bool
  private let rowName: String
  private let isRaw: Bool
  private let mapped: PixelMemory?
  private var file: String { dataset.file.path }

  /// The value of the attribute `range` of images that may have any finite value: L of a first
  /// stage as it is.
  static let rawRange = "raw"

  /// Maps the dataset `name`, or prepares to read it.
  ///
  /// - Parameters:
  ///   - noise: the SPEC of the corruption in the images; nil for none.
  ///   - isOwn: whether Cleave wrote the file, so that a byte p stands for p/255.
  ///   - rows: how many first rows to read where pixels cannot be mapped; nil for all.
  ///   - most: the largest number of images.
  ///   - rowName: what a row is called in errors.
  /// - Throws: `HDF5Error`; `DatasetError` if type or extents are not those of images.
  init(
    _ name: String, in file: File, options: ImageSetOptions, noise: String?, isOwn: Bool,
    rows: Int?, atMost most: Int = Int(Int32.max), rowName: String = "row"
  ) throws {
    let dataset = try file.dataset(name)
    if isOwn, let features = try Features.shape(of: dataset) {
      try Features.check(options, of: dataset)
      try self.init(
        dataset, features, options: ImageSetOptions(), noise: noise, isOwn: isOwn, rows: rows,
        atMost: most, rowName: rowName)
      return
    }
    guard let shape = options.imageShape(of: dataset.shape),
      [.uint8, .float32, .float64].contains(dataset.type)
    else {
      throw DatasetError.mismatch(
        file: file.path, item: name, found: "\(dataset.type) \(dataset.shape)",
        expected: "uint8, float32 or float64 "
          + (options.imageShape(of: dataset.shape) == nil
            ? options.expected(for: dataset.shape)
            : "values (cleave import hdf5 reads other numbers)"))
    }
    try self.init(
      dataset, shape, options: options, noise: noise, isOwn: isOwn, rows: rows, atMost: most,
      rowName: rowName)
  }

  /// Maps a dataset of rows of a shape, or prepares to read it.
  private init(
    _ dataset: Dataset, _ shape: ImageShape, options: ImageSetOptions, noise: String?,
    isOwn: Bool, rows: Int?, atMost most: Int, rowName: String
  ) throws {
    let (file, name) = (dataset.file, dataset.path)
    let count = dataset.shape[0]
    guard count > 0, count <= most else {
      throw DatasetError.mismatch(
        file: file.path, item: name, found: "\(count) \(shape.rowName)s",
        expected: "1 to \(most)")
    }
    // A byte more than any memory has; from here on products fit.
    guard [count, shape.height, shape.width, shape.channels, 8].product != nil else {
      throw DatasetError.mismatch(
        file: file.path, item: name, found: "\(dataset.shape)",
        expected: "extents of an array that is stored")
    }
    guard dataset.allocation != .none else {
      throw DatasetError.mismatch(
        file: file.path, item: name,
        found: "\(count) \(shape.rowName)s that were never written",
        expected: "\(shape.rowName)s; HDF5 would read one value everywhere")
    }
    try dataset.checkSources()
    self.dataset = dataset
    self.options = options
    self.noise = noise
    self.isOwn = isOwn
    self.rowName = rowName
    isRaw = try isOwn && file.stringAttribute("range", on: name) == Self.rawRange
    self.count = count
    self.shape = shape
    format = dataset.type == .uint8 ? .bytes : .floats
    let (byteCount, overflows) = (count * shape.count).multipliedReportingOverflow(by: format.size)
    if Self.isTransposed(options, shape) == false, dataset.type != .float64, !overflows,
      let offset = dataset.fileOffset, offset % format.size == 0
    {
      mapped = try PixelMemory(
        mapping: file.path, offset: offset, byteCount: byteCount, item: name)
      heldRows = 0..<count
    } else {
      mapped = nil
      heldRows = 0..<min(max(rows ?? count, 1), count)
    }
  }

  /// The bytes that `read(into:)` fills; 0 where the pixels are mapped.
  var bytesToRead: Int {
    guard mapped == nil else { return 0 }
    return (heldRows.count * shape.count).multipliedReportingOverflow(by: format.size).overflow
      ? Int.max : heldRows.count * shape.count * format.size
  }

  /// What a look at the values has found.
  struct Values {
    /// The stored value that stands for 1.
    var scale: Float
    /// The smallest and the largest stored value that was seen; nil if none was looked at.
    var range: ClosedRange<Float>?
  }

  /// Reads the pixels that are not mapped, and checks the values.
  ///
  /// - Parameter memory: gets the pixels of `heldRows`; unused where they are mapped.
  /// - Throws: `HDF5Error`; `DatasetError` if values are not those of images.
  func read(into memory: PixelMemory) throws -> Values {
    if mapped == nil { try readRows(into: memory) }
    let pixels = mapped ?? memory
    if format == .floats {
      let isBounded =
        !isRaw && !shape.isFeatures && noise.map { !Self.isUnbounded($0) } ?? true
      let scale = Float(options.scale ?? 1)
      let range = try checkValues(pixels, within: isBounded ? 0...scale : nil)
      return Values(scale: scale, range: range)
    }
    let bytes = UnsafeRawBufferPointer(start: pixels.start, count: heldRows.count * shape.count)
    if let scale = options.scale.map({ Float($0) }) {
      if scale < 255, let row = firstRow(of: bytes, above: scale) {
        throw DatasetError.mismatch(
          file: file, item: dataset.path,
          found: "bytes above \(text(scale)) in \(rowName) \(row)",
          expected: "0 to \(text(scale)), the scale")
      }
      return Values(scale: scale)
    }
    // The rule looks at the whole dataset, so that it does not depend on the rows in use.
    guard !isOwn, firstRow(of: bytes, above: PixelScale.darkest) == nil,
      case let most = max(bytes.max() ?? 0, try largest(from: heldRows.upperBound)),
      Float(most) <= PixelScale.darkest, most > 0
    else { return Values(scale: 255) }
    guard most == 1 else {
      throw DatasetError.mismatch(
        file: file, item: dataset.path, found: "bytes from 0 to \(most) alone",
        expected: "more than \(text(PixelScale.darkest))"
          + " (--scale tells the value that stands for 1: 15 for 4 bits, 255 for dark images)")
    }
    return Values(scale: 1, range: 0...1)
  }

  /// The image set of these images.
  func imageSet(
    _ memory: PixelMemory, _ values: Values, path: String, split: Split, labels: [Int32]?,
    clean: ImageSet?, reading: String?
  ) -> ImageSet {
    ImageSet(
      path: path, split: split, shape: shape, count: count, heldRows: heldRows, format: format,
      memory: mapped ?? memory, labels: labels, clean: clean, noise: noise, scale: values.scale,
      dataset: dataset.path, files: [path] + dataset.sourceFiles, reading: reading)
  }

  /// Type, form and range of the images, in words.
  ///
  /// - Parameter extent: the pictures of mixed sizes whose pixels these are, in words.
  func description(_ values: Values, extent: String? = nil) -> String {
    let number = "\(heldRows.count < count ? "the first \(grouped(heldRows.count)) of " : "")"
    let scale: String
    switch format {
    case .bytes where values.scale == 1 && options.scale == nil:
      scale = "bytes of 0 and 1 alone as 0 and 1 (--scale 255 divides them)"
    case .bytes: scale = "bytes p as p/\(text(values.scale))"
    case .floats:
      let range = values.range.map { " from \(text($0.lowerBound)) to \(text($0.upperBound))" }
      scale =
        "\(dataset.type) values\(range ?? "")"
        + (values.scale == 1 ? "" : " divided by \(text(values.scale))")
    }
    let form =
      (mapped == nil ? ", read into memory" : "")
      + (dataset.allocation == .part ? ", a part never written" : "")
    return "\(dataset.path), \(number)"
      + (extent ?? shape.extent(of: count)) + form + ", \(scale)"
      + (noise.map { ", noise \($0)" } ?? "")
  }

  private static func isTransposed(_ options: ImageSetOptions, _ shape: ImageShape) -> Bool {
    options.layout == .nchw && shape.channels > 1
  }

  /// Rows that are read at once: some megabytes, and whole chunks.
  private var rowsAtOnce: Int {
    let usual = max(1, (1 << 24) / (shape.count * format.size))
    guard let chunk = dataset.chunkRows, chunk > 1 else { return usual }
    return (usual + chunk - 1) / chunk * chunk
  }

  /// Reads rows by hyperslabs of some megabytes; if channels come first, moves them last.
  private func readRows(into memory: PixelMemory) throws {
    let rowBytes = shape.count * format.size
    let type: ElementType = format == .bytes ? .uint8 : .float32
    for first in stride(from: 0, to: heldRows.count, by: rowsAtOnce) {
      let rows = first..<min(first + rowsAtOnce, heldRows.count)
      let destination = memory.start + first * rowBytes
      guard Self.isTransposed(options, shape) else {
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

  /// The largest byte of the rows from `first` on, or any that is not dark.
  private func largest(from first: Int) throws -> UInt8 {
    guard first < count else { return 0 }
    let scratch = PixelMemory(allocating: min(rowsAtOnce, count - first) * shape.count)
    var most: UInt8 = 0
    for start in stride(from: first, to: count, by: rowsAtOnce) {
      let rows = start..<min(start + rowsAtOnce, count)
      try dataset.read(rows: rows, into: scratch.start, as: .uint8)
      let bytes = UnsafeRawBufferPointer(start: scratch.start, count: rows.count * shape.count)
      most = max(most, bytes.max() ?? 0)
      if Float(most) > PixelScale.darkest { break }
    }
    return most
  }

  /// The first row with a byte above a limit.
  private func firstRow(of bytes: UnsafeRawBufferPointer, above limit: Float) -> Int? {
    let limit = UInt8(max(0, min(limit, 255)))
    return bytes.firstIndex { $0 > limit }.map { $0 / shape.count }
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
  ///
  /// - Returns: the smallest and the largest value.
  private func checkValues(
    _ memory: PixelMemory, within bounds: ClosedRange<Float>?
  ) throws(DatasetError) -> ClosedRange<Float> {
    let limits = bounds ?? -Float.greatestFiniteMagnitude...Float.greatestFiniteMagnitude
    let values = memory.start.assumingMemoryBound(to: Float.self)
    var (low, high) = (Float.infinity, -Float.infinity)
    for row in 0..<heldRows.count {
      let image = UnsafeBufferPointer(start: values + row * shape.count, count: shape.count)
      var isSound = true
      for value in image {
        // Comparisons are false for not-a-number, too.
        isSound = isSound && value >= limits.lowerBound && value <= limits.upperBound
        low = min(low, value)
        high = max(high, value)
      }
      if isSound { continue }
      let culprit = image.first { !limits.contains($0) } ?? .nan
      throw .mismatch(
        file: file, item: dataset.path, found: "\(culprit) in \(rowName) \(row)",
        expected: bounds.map {
          "values from 0 to \(text($0.upperBound))"
            + (options.scale != nil
              ? ", the scale" : culprit > 1 && culprit.isFinite ? " (--scale tells another)" : "")
        } ?? "finite values")
    }
    return low...high
  }
}

/// A number without needless digits.
private func text(_ value: Float) -> String {
  value == value.rounded() && abs(value) < 1e6 ? "\(Int(value))" : "\(value)"
}

/// A count with commas between thousands.
func grouped(_ count: Int) -> String { Quantity.grouped(count) }
