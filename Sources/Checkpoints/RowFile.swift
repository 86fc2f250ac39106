import HDF5
import MPI
import Support

/// A row file: the rows of one rank, a dataset [rows, H, W, C] for each array, such as `/S`.
///
/// A dataset of integers has an attribute `scale`: a value is scale times the integer.
///
/// HDF5 lays the file out but does not write the rows. The writer writes them in pieces, which
/// enter the checksums while they are in cache. So no row is copied, or read again.
enum RowFile {
  /// "rows-00003.h5" for rank 3.
  static func name(rank: Int) -> String {
    let digits = String(rank)
    return "rows-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".h5"
  }

  /// Whether `name(rank:)` makes such a name.
  static func isName(_ text: String) -> Bool {
    text.hasPrefix("rows-") && text.hasSuffix(".h5")
      && Int(text.dropFirst(5).dropLast(3)).map { name(rank: $0) == text } ?? false
  }

  /// Bytes after which the system is asked to begin writing to the disk.
  private static let windowBytes = 1 << 25

  /// Writes a rank's rows into a new file and waits until they are on the disk.
  ///
  /// Rows without memory, which are zero, become a hole in the file.
  static func write(_ part: RowPart, to path: String, as name: String) throws -> Manifest.File {
    let offsets = try layOut(part, at: path)
    let file = try DiskFile(path, writable: true)
    let size = try file.size()
    var writer = Writer(file, size: size)
    for (array, offset) in offsets.enumerated() {
      try writer.take(upTo: offset)
      try writer.put(part.bytes(array), count: part.rows.count * part.layout.rowBytes(array))
    }
    try writer.take(upTo: size)
    let (checksum, segments) = writer.finish()
    try file.synchronize()
    try file.close()
    return Manifest.File(
      file: name, bytes: size, checksum: checksum, firstRow: part.rows.lowerBound,
      rowCount: part.rows.count,
      places: Manifest.RowPlaces(
        offsets: offsets, segmentBytes: SegmentDigest.segmentBytes, segments: segments))
  }

  /// Makes the file with everything but the rows, and returns where each array begins.
  private static func layOut(_ part: RowPart, at path: String) throws(HDF5Error) -> [Int] {
    let file = try File.create(path)
    let shape = [part.rows.count] + part.layout.rowShape
    var offsets: [Int] = []
    for array in part.layout.arrays {
      let dataset = try file.createDataset("/\(array.name)", array.element.type, shape: shape)
      guard let offset = dataset.fileOffset, offset >= offsets.last ?? 0 else {
        throw HDF5Error(file: path, object: dataset.path, message: "found no place for its rows")
      }
      offsets.append(offset)
    }
    for array in part.layout.arrays {
      try writeScale(of: array, on: "/\(array.name)", in: file)
    }
    try file.write(attribute: "first_row", on: "/", part.rows.lowerBound)
    try file.close()
    return offsets
  }

  /// Writes the attribute `scale` of a dataset of integers.
  static func writeScale(
    of array: RowArray, on path: String, in file: File
  ) throws(HDF5Error) {
    guard array.element == .steps else { return }
    try file.write(attribute: "scale", on: path, Double(array.step))
  }

  /// Goes through a file once, from its first byte to its last.
  ///
  /// Reads the bytes of HDF5, writes the rows, and takes all bytes into the checksums.
  private struct Writer: ~Copyable {
    private let file: DiskFile
    private var digest: SegmentDigest
    private var position = 0
    private var window = 0
    private let staging = UnsafeMutableRawBufferPointer.allocate(
      byteCount: DiskFile.pieceBytes, alignment: 64)

    init(_ file: DiskFile, size: Int) {
      self.file = file
      digest = SegmentDigest(size: size)
    }

    deinit { staging.deallocate() }

    /// Passes over the bytes that the file holds up to `end`.
    mutating func take(upTo end: Int) throws(CheckpointError) {
      while position < end {
        let piece = UnsafeMutableRawBufferPointer(
          rebasing: staging[..<min(staging.count, end - position)])
        try file.read(at: position, into: piece)
        advance(UnsafeRawBufferPointer(piece))
      }
    }

    /// Writes `bytes` here; nil stands for `count` zeros, which the file holds already.
    mutating func put(_ bytes: UnsafeRawBufferPointer?, count: Int) throws(CheckpointError) {
      if bytes == nil { staging.initializeMemory(as: UInt8.self, repeating: 0) }
      var done = 0
      while done < count {
        let next = min(staging.count, count - done)
        if let bytes {
          let piece = UnsafeRawBufferPointer(rebasing: bytes[done..<done + next])
          try file.write(piece, at: position)
          advance(piece)
        } else {
          advance(UnsafeRawBufferPointer(rebasing: staging[..<next]))
        }
        done += next
      }
    }

    private mutating func advance(_ piece: UnsafeRawBufferPointer) {
      digest.update(piece)
      position += piece.count
      Activity.advance()
      guard position - window >= RowFile.windowBytes else { return }
      // The system begins to write this window; the window before is written and leaves memory.
      file.forget(max(0, window - RowFile.windowBytes)..<position)
      window = position
    }

    mutating func finish() -> (whole: String, segments: [String]) { digest.finish() }
  }

  /// Opens the dataset of an array and checks it against the manifest.
  static func open(
    _ array: RowArray, of rows: Range<Int>, in layout: RowLayout, at path: String,
    through opened: String
  ) throws -> Dataset {
    // HDF5 would follow a link.
    _ = try Disk.size(of: path, through: opened)
    let dataset = try File.open(path, through: opened, reach: .itself).dataset("/\(array.name)")
    try dataset.expect(array.element.type, shape: [rows.count] + layout.rowShape)
    return dataset
  }
}
