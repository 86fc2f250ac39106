/// The extents of the split of a training set: S and R are float32 `[rows] + rowShape` each.
public struct SplitShape: Codable, Equatable, Sendable {
  /// Number of rows over all ranks, N.
  public let rows: Int
  /// The shape of one row, [H, W, C].
  public let rowShape: [Int]

  /// The split of a training set of `rows` images of shape `rowShape`.
  public init(rows: Int, rowShape: [Int]) {
    self.rows = rows
    self.rowShape = rowShape
  }

  enum CodingKeys: String, CodingKey {
    case rows
    case rowShape = "row_shape"
  }

  /// Number of elements of one row, H W C.
  public var rowCount: Int { rowShape.reduce(1, *) }

  /// The shape of S and R as datasets, [N, H, W, C].
  var shape: [Int] { [rows] + rowShape }
}

/// One rank's rows of the split.
///
/// The memory must stay untouched while a checkpoint is saved.
public struct RowBlock {
  /// The rows' global indices.
  public let rows: Range<Int>
  /// The whole split these rows belong to.
  public let split: SplitShape
  /// S of these rows, [rows, H, W, C].
  public let sparse: UnsafeBufferPointer<Float>
  /// R = X - L - S of these rows, [rows, H, W, C].
  public let residual: UnsafeBufferPointer<Float>

  /// Traps if the memory does not hold `rows.count` rows.
  public init(
    rows: Range<Int>, of split: SplitShape, sparse: UnsafeBufferPointer<Float>,
    residual: UnsafeBufferPointer<Float>
  ) {
    let count = rows.count * split.rowCount
    precondition(
      sparse.count == count && residual.count == count,
      "\(sparse.count) and \(residual.count) values for \(rows.count) rows of \(split.rowShape)")
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= split.rows, "rows \(rows) of \(split.rows)")
    self.rows = rows
    self.split = split
    self.sparse = sparse
    self.residual = residual
  }
}
