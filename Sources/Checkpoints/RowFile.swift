import HDF5
import MPI
import Support

/// A row file: `/S` and `/R`, [rows, H, W, C], of the rows one rank holds.
///
/// In compact storage `/S` is float16 and `/R` int8 with an attribute `scale`: R is scale times the
/// integer. HDF5 lays the file out; the rows go past it, in pieces that are written and enter the
/// checksums while they are in cache, so that nothing the size of the rows is ever copied or read
/// again.
enum RowFile {
  /// "rows-00003.h5" for rank 3.
  static func name(rank: Int) -> String {
    let digits = String(rank)
    return "rows-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".h5"
  }

  /// Bytes after which the system is asked to begin writing to the disk.
  private static let windowBytes = 1 << 25

  /// Writes a rank's rows into a new file and waits until they are on the disk.
  ///
  /// Rows that are zero become a hole in the file.
  static func write(_ block: RowBlock, to path: String, as name: String) throws -> Manifest.File {
    let offsets = try layOut(block, at: path)
    let file = try DiskFile(path, writable: true)
    let size = try file.size()
    var writer = Writer(file, size: size)
    for (part, offset) in zip(SplitPart.allCases, offsets) {
      try writer.take(upTo: offset)
      try writer.put(block.bytes(part), count: block.rows.count * block.split.rowBytes(part))
    }
    try writer.take(upTo: size)
    let (checksum, blocks) = writer.finish()
    try file.synchronize()
    try file.close()
    return Manifest.File(
      file: name, bytes: size, checksum: checksum, firstRow: block.rows.lowerBound,
      rowCount: block.rows.count,
      layout: Manifest.RowLayout(
        sparseOffset: offsets[0], residualOffset: offsets[1], blockBytes: BlockDigest.blockBytes,
        blocks: blocks))
  }

  /// Makes the file with everything but the rows, and returns where S and R begin, in this order.
  private static func layOut(_ block: RowBlock, at path: String) throws(HDF5Error) -> [Int] {
    let file = try File.create(path)
    let split = block.split
    var offsets: [Int] = []
    for part in SplitPart.allCases {
      let dataset = try file.createDataset(
        "/\(part.rawValue)", split.type(part), shape: [block.rows.count] + split.rowShape)
      guard let offset = dataset.fileOffset, offset >= offsets.last ?? 0 else {
        throw HDF5Error(file: path, object: dataset.path, message: "found no place for its rows")
      }
      offsets.append(offset)
    }
    if split.storage == .compact {
      try file.write(attribute: "scale", on: "/R", Double(split.residualStep))
    }
    try file.write(attribute: "first_row", on: "/", block.rows.lowerBound)
    try file.close()
    return offsets
  }

  /// Goes through a file once, from its first byte to its last: what is there is read, what is new
  /// is written, and all of it enters the checksums.
  private struct Writer: ~Copyable {
    private let file: DiskFile
    private var digest: BlockDigest
    private var position = 0
    private var window = 0
    private let staging = UnsafeMutableRawBufferPointer.allocate(
      byteCount: DiskFile.pieceBytes, alignment: 64)

    init(_ file: DiskFile, size: Int) {
      self.file = file
      digest = BlockDigest(size: size)
    }

    deinit { staging.deallocate() }

    /// Passes over what the file holds up to `end`.
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
      // The window begins to be written; the one before has been by now, and leaves memory.
      file.forget(max(0, window - RowFile.windowBytes)..<position)
      window = position
    }

    mutating func finish() -> (whole: String, blocks: [String]) { digest.finish() }
  }

  /// Opens `/S` or `/R`, checked against what the manifest says.
  static func open(
    _ part: SplitPart, of rows: Range<Int>, in split: SplitShape, at path: String
  ) throws(HDF5Error) -> Dataset {
    let dataset = try File.open(path).dataset("/\(part.rawValue)")
    try dataset.expect(split.type(part), shape: [rows.count] + split.rowShape)
    return dataset
  }
}
