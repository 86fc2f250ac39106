import CKernels
import HDF5

// The rows of the row state, whichever ranks wrote them, from the row files themselves.

// MARK: - Values

extension Checkpoint {
  /// Reads rows of an array as floats, from elements of any type.
  ///
  /// Traps if the checkpoint has no such array or rows, or if the memory does not fit.
  /// - Parameters:
  ///   - array: The name of the array.
  ///   - rows: Global row indices.
  ///   - destination: Receives the values, [rows, H, W, C].
  /// - Throws: `CheckpointError` or `HDF5Error` if a row file is missing or differs from the
  ///   manifest.
  public func read(
    _ array: String, rows: Range<Int>, into destination: UnsafeMutableBufferPointer<Float>
  ) throws {
    let layout = layout(with: array)
    precondition(
      destination.count == rows.count * layout.rowCount,
      "\(destination.count) values for \(rows.count) rows of \(layout.rowShape)")
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= layout.rows, "rows \(rows) of \(layout.rows)")
    guard let start = destination.baseAddress,
      let array = layout.arrays.first(where: { $0.name == array })
    else { return }
    for file in manifest.files {
      guard let stored = file.rows else { continue }
      let wanted = stored.clamped(to: rows)
      if wanted.isEmpty { continue }
      let source = try elements(of: array, in: file, stored, layout)
      let values = start + (wanted.lowerBound - rows.lowerBound) * layout.rowCount
      try Self.read(
        source, wanted.lowerBound - stored.lowerBound..<wanted.upperBound - stored.lowerBound,
        of: array, rowCount: layout.rowCount, into: values)
      try checkFinite(values, wanted.count * layout.rowCount, of: array, in: file)
    }
  }

  /// Refuses numbers that are not finite: no run saves such.
  private func checkFinite(
    _ values: UnsafePointer<Float>, _ count: Int, of array: RowArray, in file: Manifest.File
  ) throws(CheckpointError) {
    guard ck_all_finite(values, count) == 0,
      let wrong = UnsafeBufferPointer(start: values, count: count).first(where: { !$0.isFinite })
    else { return }
    throw CheckpointError(
      path: path(of: file.file),
      message: "/\(array.name): found \(wrong), expected finite numbers; no run saves others")
  }

  /// The same for rows as they are stored; integers are finite.
  private func checkFinite(
    _ bytes: UnsafeMutableRawBufferPointer, of array: RowArray, in file: Manifest.File
  ) throws(CheckpointError) {
    guard let start = bytes.baseAddress else { return }
    switch array.element {
    case .float32:
      try checkFinite(
        start.assumingMemoryBound(to: Float.self), bytes.count / 4, of: array, in: file)
    case .float16:
      let (halves, count) = (start.assumingMemoryBound(to: UInt16.self), bytes.count / 2)
      if ck_all_halves_finite(halves, count) == 0 {
        var values = [Float](repeating: 0, count: count)
        ck_halves_to_floats(halves, &values, count)
        try checkFinite(values, count, of: array, in: file)
      }
    case .steps: return
    }
  }

  /// Reads rows of a row file as they are stored, counted from its first, into memory.
  private typealias StoredRows = (Range<Int>, UnsafeMutableRawPointer) throws -> Void

  /// The rows of an array in a row file.
  private func elements(
    of array: RowArray, in file: Manifest.File, _ stored: Range<Int>, _ layout: RowLayout
  ) throws -> StoredRows {
    let (path, opened) = (path(of: file.file), openPath(of: file.file))
    if let places = file.places, let index = layout.arrays.index(named: array.name) {
      let (disk, rowBytes) = (try DiskFile(path, through: opened), layout.rowBytes(index))
      return { rows, memory in
        try disk.read(
          at: places.offsets[index] + rows.lowerBound * rowBytes,
          into: UnsafeMutableRawBufferPointer(start: memory, count: rows.count * rowBytes))
      }
    }
    // Earlier versions did not note where the rows lie.
    let dataset = try RowFile.open(array, of: stored, in: layout, at: path, through: opened)
    return { rows, memory in try dataset.read(rows: rows, into: memory, as: dataset.type) }
  }

  /// Reads rows of an array as `read(_:rows:into:)` does; the values are [rows, H, W, C].
  ///
  /// - Throws: `CheckpointError` or `HDF5Error` if a row file is missing or differs from the
  ///   manifest.
  public func read(_ array: String, rows: Range<Int>) throws -> [Float] {
    var values = [Float](repeating: 0, count: rows.count * layout(with: array).rowCount)
    try values.withUnsafeMutableBufferPointer { try read(array, rows: rows, into: $0) }
    return values
  }

  /// The row state, which has to have an array of a name.
  private func layout(with array: String) -> RowLayout {
    guard let layout = manifest.rowLayout, layout.arrays.index(named: array) != nil else {
      preconditionFailure("\(directory) has no rows of \(array)")
    }
    return layout
  }

  /// Elements that are converted at once.
  private static let convertedAtOnce = 1 << 18

  /// Reads rows as floats.
  private static func read(
    _ source: StoredRows, _ rows: Range<Int>, of array: RowArray, rowCount: Int,
    into destination: UnsafeMutablePointer<Float>
  ) throws {
    guard array.element != .float32, rowCount > 0 else { return try source(rows, destination) }
    let atOnce = max(1, convertedAtOnce / rowCount)
    let raw = UnsafeMutableRawPointer.allocate(byteCount: 2 * atOnce * rowCount, alignment: 64)
    defer { raw.deallocate() }
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: atOnce) {
      let some = first..<min(first + atOnce, rows.upperBound)
      let target = destination + (first - rows.lowerBound) * rowCount
      try source(some, raw)
      if array.element == .float16 {
        ck_halves_to_floats(
          raw.assumingMemoryBound(to: UInt16.self), target, some.count * rowCount)
      } else {
        ck_steps_to_floats(
          raw.assumingMemoryBound(to: Int8.self), target, some.count * rowCount,
          array.step)
      }
    }
  }
}

// MARK: - Stored elements

extension Checkpoint {
  /// Whether `load(_:)` can fill a target: same rows, same arrays.
  public func fits(_ target: RowTarget) -> Bool {
    manifest.rowLayout?.hasMemory(of: target.layout) ?? false
  }

  /// Fills a target with a rank's rows as they are stored, and checks every segment that it reads.
  ///
  /// Traps if the target is laid out for another row state.
  /// - Throws: `CheckpointError` for a segment whose checksum does not hold or a file that cannot
  ///   be read; `HDF5Error`.
  public func load(_ target: RowTarget) throws {
    for file in manifest.files {
      if let error = problem(loading: file, into: target) { throw error }
    }
  }

  /// Refuses rows in a target that are not finite; rows before the first split are zero.
  private func checkFinite(
    _ rows: Range<Int>, of target: RowTarget, _ layout: RowLayout, in file: Manifest.File
  ) throws(CheckpointError) {
    guard layout.version != 0 else { return }
    for (index, array) in layout.arrays.enumerated() {
      let first = (rows.lowerBound - target.rows.lowerBound) * layout.rowBytes(index)
      try checkFinite(
        UnsafeMutableRawBufferPointer(
          rebasing: target.bytes(index)[first..<first + rows.count * layout.rowBytes(index)]),
        of: array, in: file)
    }
  }

  /// Reads the rows that a target needs of a row file; nil if all went well.
  func problem(loading file: Manifest.File, into target: RowTarget) -> (any Error)? {
    guard let layout = manifest.rowLayout, let stored = file.rows else { return nil }
    precondition(fits(target), "\(directory) holds \(layout), expected \(target.layout)")
    let rows = stored.clamped(to: target.rows)
    if rows.isEmpty { return nil }
    do {
      let (path, opened) = (path(of: file.file), openPath(of: file.file))
      if let places = file.places {
        let reader = try RowReader(path, through: opened, file, places, isZero: layout.version == 0)
        for array in layout.arrays.indices {
          try reader.read(array, rows, of: stored, into: target)
        }
        try checkFinite(rows, of: target, layout, in: file)
        return nil
      }
      // A version that kept no checksums of segments wrote this file.
      if let problem = problem(with: file, .checksums) {
        throw CheckpointError(path: directory, message: problem)
      }
      for (index, array) in layout.arrays.enumerated() {
        let dataset = try RowFile.open(
          array, of: stored, in: layout, at: path, through: opened)
        guard let start = target.bytes(index).baseAddress else { continue }
        try dataset.read(
          rows: rows.lowerBound - stored.lowerBound..<rows.upperBound - stored.lowerBound,
          into: start + (rows.lowerBound - target.rows.lowerBound) * layout.rowBytes(index),
          as: array.element.type)
      }
      try checkFinite(rows, of: target, layout, in: file)
      return nil
    } catch {
      return error
    }
  }
}
