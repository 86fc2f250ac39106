/// An IDX file: LeCun's format for MNIST, with a big-endian header before the values.
struct IDX {
  /// The content of the file; the raw value is the magic number.
  enum Kind: UInt32 {
    case labels = 0x0000_0801  // bytes, one dimension
    case images = 0x0000_0803  // bytes, three dimensions
    case labelRows = 0x0000_0c02  // 32-bit integers, two dimensions: QMNIST, the class comes first

    /// The number of extents in the header, after the magic number.
    var dimensions: Int {
      switch self {
      case .labels: 1
      case .images: 3
      case .labelRows: 2
      }
    }

    /// Bytes of a value.
    var valueSize: Int { self == .labelRows ? 4 : 1 }

    /// The kind as a word in messages.
    var noun: String { self == .images ? "images" : "labels" }

    /// Bytes before the values.
    var headerSize: Int { 4 + 4 * dimensions }
  }

  /// The file.
  let path: String
  /// Images or labels.
  let kind: Kind
  /// The number of images or labels; for images also height and width.
  let extents: [Int]
  private let bytes: [UInt8]

  /// Reads and checks a file, plain or .gz.
  ///
  /// - Parameter expected: the required content; nil for images or labels.
  /// - Throws: `DatasetError` if the file is not an IDX file of bytes, or its size differs from its
  ///   header.
  init(_ path: String, expecting expected: Kind? = nil) throws(DatasetError) {
    self.path = path
    let bytes = try SourceFile.read(path)
    self.bytes = bytes
    let smallest = (expected ?? .labels).headerSize
    guard bytes.count >= smallest else {
      throw .mismatch(
        file: path, item: "IDX header", found: "\(bytes.count) bytes",
        expected: "at least \(smallest)")
    }
    let magic = UInt32(Self.word(0, of: bytes))
    guard let kind = Kind(rawValue: magic), kind == expected ?? kind else {
      let names =
        (expected.map { [$0] } ?? [.images, .labels])
        .map { "\(hexadecimal($0.rawValue)) (\($0.noun))" }.joined(separator: " or ")
        + (ArrayKind(of: path) == nil ? "" : " (cleave import arrays reads .npy, .npz and .csv)")
      throw .mismatch(
        file: path, item: "IDX magic number", found: hexadecimal(magic), expected: names)
    }
    self.kind = kind
    guard bytes.count >= kind.headerSize else {
      throw .mismatch(
        file: path, item: "IDX header", found: "\(bytes.count) bytes",
        expected: "at least \(kind.headerSize)")
    }
    let extents = (1...kind.dimensions).map { Self.word($0, of: bytes) }
    self.extents = extents
    let form = extents.map(String.init).joined(separator: "x") + " \(kind.noun)"
    guard !extents.contains(0) else {
      throw .mismatch(file: path, item: "IDX header", found: form, expected: "positive extents")
    }
    let size = Self.size(of: extents + [kind.valueSize], behind: kind.headerSize)
    guard bytes.count == size else {
      throw .mismatch(
        file: path, item: "size", found: "\(bytes.count) bytes",
        expected: "\(size) by its header (\(form))")
    }
  }

  /// The number of images or labels.
  var count: Int { extents[0] }

  /// Calls `body` with the values, row-major.
  func withValues<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try bytes.withUnsafeBytes {
      try body(UnsafeRawBufferPointer(rebasing: $0[kind.headerSize...]))
    }
  }

  /// The class of each image; of several columns the first.
  var labels: [Int32] {
    withValues { values in
      guard kind == .labelRows else { return values.map(Int32.init) }
      return (0..<count).map { row in
        let start = 4 * row * extents[1]
        return values[start..<start + 4].reduce(0) { $0 << 8 | Int32($1) }
      }
    }
  }

  /// Header word number `index`.
  private static func word(_ index: Int, of bytes: [UInt8]) -> Int {
    bytes[4 * index..<4 * index + 4].reduce(0) { $0 << 8 | Int($1) }
  }

  /// The file size in bytes by the header; absurd extents give the largest integer.
  private static func size(of extents: [Int], behind header: Int) -> Int {
    var size = 1
    for extent in extents {
      let (product, overflows) = size.multipliedReportingOverflow(by: extent)
      if overflows { return Int.max }
      size = product
    }
    return size > Int.max - header ? Int.max : size + header
  }
}

private func hexadecimal(_ word: UInt32) -> String {
  let digits = String(word, radix: 16)
  return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
}
