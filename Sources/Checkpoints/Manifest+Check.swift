import Support

/// What a manifest may say. Its checksum proves that nothing has changed it, not who wrote it.
extension Manifest {
  /// A member that no checkpoint has, in words that follow the manifest's name.
  struct Flaw: Error {
    let message: String

    init(message: String) { self.message = message.shortened }
  }

  private static let mostSteps = Int(Int32.max)
  /// Half of what a number can count, so that a sum of two does not overflow.
  private static let mostBytes = 1 << 62
  private static let mostRanks = 1 << 16

  /// Checks every number and name, so that what reads the checkpoint can rely on them.
  ///
  /// - Throws: `Flaw` for the first member that makes no sense.
  func check() throws(Flaw) {
    try Self.require(step, in: 0...Self.mostSteps, "step")
    try Self.require(ranks, in: 1...Self.mostRanks, "ranks")
    try Self.require(lanes, in: 1...4096, "lanes")
    guard blasKernel.utf8.count <= 100 else {
      throw Flaw(message: "blas_kernel: found \(blasKernel.utf8.count) bytes, expected a name")
    }
    if let data { try Self.checkDigest(data, "data") }
    try rowLayout?.check()
    try checkNames()
    var total = 0
    for file in files {
      try Self.require(file.bytes, in: 0...Self.mostBytes, "\(file.file): bytes")
      let (sum, overflows) = total.addingReportingOverflow(file.bytes)
      guard !overflows else { throw Flaw(message: "files: found more than 2^63 bytes in all") }
      total = sum
      try Self.checkDigest(file.checksum, "\(file.file): checksum")
    }
    try checkRows()
  }

  static func require(
    _ value: Int, in range: ClosedRange<Int>, _ what: String
  ) throws(Flaw) {
    guard !range.contains(value) else { return }
    throw Flaw(
      message: "\(what): found \(value), expected an integer from \(range.lowerBound) to "
        + "\(range.upperBound)")
  }

  private static func checkDigest(_ text: String, _ what: String) throws(Flaw) {
    guard text.utf8.count == 32, text.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit })
    else { throw Flaw(message: "\(what): found \(text), expected 32 hexadecimal digits") }
  }

  /// The files lie in the checkpoint's folder: their names are those that Cleave gives.
  private func checkNames() throws(Flaw) {
    var seen: Set<String> = []
    for file in files {
      guard file.file == ContentsFile.name || RowFile.isName(file.file) else {
        throw Flaw(
          message:
            "files: found \(file.file), expected \(ContentsFile.name) or \(RowFile.name(rank: 0))"
            + " and so on")
      }
      guard seen.insert(file.file).inserted else {
        throw Flaw(message: "files: found \(file.file) twice")
      }
    }
    guard seen.contains(ContentsFile.name) else {
      throw Flaw(message: "files: found no \(ContentsFile.name)")
    }
  }

  /// The row files hold each row once, in order.
  private func checkRows() throws(Flaw) {
    var next = 0
    for file in files {
      let name = file.file
      guard RowFile.isName(name) else {
        guard file.firstRow == nil && file.rowCount == nil && file.places == nil else {
          throw Flaw(message: "\(name): found rows, expected none")
        }
        continue
      }
      guard let rowLayout else {
        throw Flaw(message: "\(name): found a file of rows, expected none without split")
      }
      guard let first = file.firstRow, let count = file.rowCount else {
        throw Flaw(message: "\(name): found no first_row or no rows")
      }
      guard first == next, count > 0, count <= rowLayout.rows - next else {
        throw Flaw(
          message:
            "\(name): found first_row \(first) and rows \(count), expected some from \(next) on, "
            + "of \(rowLayout.rows) in all")
      }
      next += count
      try file.places?.check(count, of: rowLayout, in: file)
    }
    guard next == rowLayout?.rows ?? 0 else {
      throw Flaw(
        message: "files: found \(next) rows, expected the \(rowLayout?.rows ?? 0) of split")
    }
  }
}

extension RowLayout {
  /// Rows, their shape and their arrays make sense, and all bytes can be counted.
  fileprivate func check() throws(Manifest.Flaw) {
    try Manifest.require(rows, in: 1...1 << 40, "split: rows")
    guard (1...8).contains(rowShape.count) else {
      throw Manifest.Flaw(
        message: "split: row_shape: found \(rowShape.count) extents, expected [H, W, C]")
    }
    var elements = 1
    for extent in rowShape {
      try Manifest.require(extent, in: 1...1 << 31, "split: row_shape")
      let (product, overflows) = elements.multipliedReportingOverflow(by: extent)
      elements = overflows ? .max : product
    }
    // All arrays of all rows together stay below 2^63 bytes.
    try Manifest.require(elements, in: 1...1 << 31, "split: elements of a row")
    guard (1...16).contains(arrays.count) else {
      throw Manifest.Flaw(message: "split: arrays: found \(arrays.count), expected 1 to 16")
    }
    guard rows.multipliedReportingOverflow(by: elements * 4 * arrays.count).overflow == false else {
      throw Manifest.Flaw(message: "split: found \(self), more bytes than can be counted")
    }
    if let version { try Manifest.require(version, in: 0...Int(Int32.max), "split: version") }
    var seen: Set<String> = []
    for array in arrays {
      let name = array.name
      guard !name.isEmpty, name.utf8.count <= 100, !name.contains("/"), name == name.printable,
        ![".", ".."].contains(name), seen.insert(name).inserted
      else {
        throw Manifest.Flaw(
          message: "split: arrays: found the name \(name), expected plain names that differ")
      }
      guard array.step.isFinite, array.step > 0 else {
        throw Manifest.Flaw(
          message: "split: \(name): step: found \(array.step), expected a number above 0")
      }
    }
  }
}

extension Manifest.RowPlaces {
  /// The places of the arrays follow each other in the file, and each segment has its checksum.
  fileprivate func check(
    _ rows: Int, of layout: RowLayout, in file: Manifest.File
  ) throws(Manifest.Flaw) {
    let name = file.file
    guard offsets.count == layout.arrays.count else {
      throw Manifest.Flaw(
        message:
          "\(name): found \(offsets.count) offsets, expected \(layout.arrays.count), one an array")
    }
    var end = 0
    for (array, offset) in offsets.enumerated() {
      let (sum, overflows) = offset.addingReportingOverflow(rows * layout.rowBytes(array))
      guard offset >= end, !overflows, sum <= file.bytes else {
        throw Manifest.Flaw(
          message: "\(name): found the offset \(offset) of \(layout.arrays[array].name), expected "
            + "\(end) or more, and an end within \(file.bytes) bytes")
      }
      end = sum
    }
    guard segmentBytes > 0 else {
      throw Manifest.Flaw(
        message: "\(name): block_bytes: found \(segmentBytes), expected 1 or more")
    }
    let expected = max(1, file.bytes / segmentBytes + (file.bytes % segmentBytes > 0 ? 1 : 0))
    guard segments.count == expected else {
      throw Manifest.Flaw(
        message: "\(name): found checksums of \(segments.count) blocks, expected \(expected)")
    }
  }
}
