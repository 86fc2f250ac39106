import CKernels
import HDF5

// The rows of the split, whichever ranks wrote them, from the row files themselves.

// MARK: - Values

extension Checkpoint {
  /// Reads rows of the split as floats, whatever they are stored as.
  ///
  /// Traps if the checkpoint has no such rows or the memory does not fit.
  /// - Parameters:
  ///   - rows: Global row indices.
  ///   - sparse: Receives S, [rows, H, W, C].
  ///   - residual: Receives R = X - L - S, [rows, H, W, C].
  /// - Throws: `HDF5Error` if a row file is missing or not what the manifest says.
  public func readSplit(
    rows: Range<Int>, sparse: UnsafeMutableBufferPointer<Float>,
    residual: UnsafeMutableBufferPointer<Float>
  ) throws {
    try readSplit(.sparse, rows: rows, into: sparse)
    try readSplit(.residual, rows: rows, into: residual)
  }

  /// Reads rows of S alone, as `readSplit(rows:sparse:residual:)` does.
  ///
  /// - Throws: `HDF5Error` if a row file is missing or not what the manifest says.
  public func readSparse(
    rows: Range<Int>, into destination: UnsafeMutableBufferPointer<Float>
  ) throws {
    try readSplit(.sparse, rows: rows, into: destination)
  }

  /// Reads rows of S or R.
  func readSplit(
    _ part: SplitPart, rows: Range<Int>, into destination: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let split = manifest.split else { preconditionFailure("\(directory) has no split") }
    precondition(
      destination.count == rows.count * split.rowCount,
      "\(destination.count) values for \(rows.count) rows of \(split.rowShape)")
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= split.rows, "rows \(rows) of \(split.rows)")
    guard let start = destination.baseAddress else { return }
    for file in manifest.files {
      guard let stored = file.rows else { continue }
      let wanted = stored.clamped(to: rows)
      if wanted.isEmpty { continue }
      let dataset = try RowFile.open(part, of: stored, in: split, at: "\(directory)/\(file.file)")
      try Self.read(
        dataset,
        rows: wanted.lowerBound - stored.lowerBound..<wanted.upperBound - stored.lowerBound,
        into: start + (wanted.lowerBound - rows.lowerBound) * split.rowCount,
        step: split.residualStep)
    }
  }

  /// Elements that are converted at once.
  private static let convertedAtOnce = 1 << 18

  /// Reads rows as floats; HDF5's own conversion from halves is slow.
  private static func read(
    _ dataset: Dataset, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>,
    step: Float
  ) throws(HDF5Error) {
    let rowCount = dataset.rowCount
    guard dataset.type != .float32, rowCount > 0 else {
      return try dataset.read(rows: rows, into: destination, as: .float32)
    }
    let atOnce = max(1, convertedAtOnce / rowCount)
    let raw = UnsafeMutableRawPointer.allocate(byteCount: 2 * atOnce * rowCount, alignment: 64)
    defer { raw.deallocate() }
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: atOnce) {
      let some = first..<min(first + atOnce, rows.upperBound)
      let target = destination + (first - rows.lowerBound) * rowCount
      try dataset.read(rows: some, into: raw, as: dataset.type)
      if dataset.type == .float16 {
        ck_halves_to_floats(
          raw.assumingMemoryBound(to: UInt16.self), target, some.count * rowCount)
      } else {
        ck_steps_to_floats(
          raw.assumingMemoryBound(to: Int8.self), target, some.count * rowCount, step)
      }
    }
  }
}

// MARK: - Stored elements

extension Checkpoint {
  /// Whether `load(_:)` can fill a target: same rows, same elements.
  func fits(_ target: RowTarget) -> Bool {
    manifest.split?.hasLayout(of: target.split) ?? false
  }

  /// Fills a target with a rank's rows as they are stored, checking every block it reads.
  ///
  /// Traps if the target is laid out for another split.
  /// - Throws: `CheckpointError` for a block whose checksum does not hold or a file that cannot be
  ///   read; `HDF5Error`.
  public func load(_ target: RowTarget) throws {
    for file in manifest.files {
      if let error = problem(loading: file, into: target) { throw error }
    }
  }

  /// Reads what a target needs of a row file; nil if all went well.
  func problem(loading file: Manifest.File, into target: RowTarget) -> (any Error)? {
    guard let split = manifest.split, let stored = file.rows else { return nil }
    precondition(fits(target), "\(directory) holds \(split), expected \(target.split)")
    let rows = stored.clamped(to: target.rows)
    if rows.isEmpty { return nil }
    do {
      let path = "\(directory)/\(file.file)"
      if let layout = file.layout {
        let reader = try RowReader(path, file, layout, isZero: split.version == 0)
        for part in SplitPart.allCases { try reader.read(part, rows, of: stored, into: target) }
        return nil
      }
      // Written by a version that kept no checksums of blocks.
      if let problem = problem(with: file, .checksums) {
        throw CheckpointError(path: directory, message: problem)
      }
      for part in SplitPart.allCases {
        let dataset = try RowFile.open(part, of: stored, in: split, at: path)
        let memory = target.bytes(part)
        guard let start = memory.baseAddress else { continue }
        try dataset.read(
          rows: rows.lowerBound - stored.lowerBound..<rows.upperBound - stored.lowerBound,
          into: start + (rows.lowerBound - target.rows.lowerBound) * split.rowBytes(part),
          as: split.type(part))
      }
      return nil
    } catch {
      return error
    }
  }
}
