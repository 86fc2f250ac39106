/// One rank's rows of the row state, to be written.
///
/// The memory must stay untouched while a checkpoint is saved.
public struct RowPart {
  /// The global indices of the rows.
  public let rows: Range<Int>
  /// The whole row state these rows belong to.
  public let layout: RowLayout
  private let memory: [UnsafeRawBufferPointer]?

  /// The arrays of `rows`, [rows, H, W, C] each, with elements as `layout` says.
  ///
  /// Traps if the memory is not that of `rows.count` rows.
  public init(rows: Range<Int>, of layout: RowLayout, arrays: [UnsafeRawBufferPointer]) {
    Self.check(rows, of: layout, arrays.map(\.count))
    self.rows = rows
    self.layout = layout
    memory = arrays
  }

  /// Rows whose arrays are all zero and have no memory yet.
  public init(zero rows: Range<Int>, of layout: RowLayout) {
    self.rows = rows
    self.layout = layout
    memory = nil
  }

  /// The memory of an array, by its index; nil for zeros.
  func bytes(_ array: Int) -> UnsafeRawBufferPointer? { memory?[array] }

  fileprivate static func check(_ rows: Range<Int>, of layout: RowLayout, _ bytes: [Int]) {
    precondition(
      bytes == layout.arrays.indices.map { rows.count * layout.rowBytes($0) },
      "\(bytes) bytes for \(rows.count) of \(layout)")
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= layout.rows, "rows \(rows) of \(layout.rows)")
  }
}

/// Where a rank wants its rows of a checkpoint.
public struct RowTarget {
  /// The global indices of the rows.
  public let rows: Range<Int>
  /// The layout of the memory; the checkpoint tells the sizes of steps and the version.
  public let layout: RowLayout
  private let memory: [UnsafeMutableRawBufferPointer]

  /// Memory for the arrays of `rows`, [rows, H, W, C] each, with elements as `layout` says.
  ///
  /// Traps if the memory is not that of `rows.count` rows.
  public init(rows: Range<Int>, of layout: RowLayout, arrays: [UnsafeMutableRawBufferPointer]) {
    RowPart.check(rows, of: layout, arrays.map(\.count))
    self.rows = rows
    self.layout = layout
    memory = arrays
  }

  /// The memory of an array, by its index.
  func bytes(_ array: Int) -> UnsafeMutableRawBufferPointer { memory[array] }
}
