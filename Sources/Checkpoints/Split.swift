import HDF5

/// How S and R are kept, in memory and in files alike.
public enum SplitStorage: String, CaseIterable, Codable, Sendable {
  /// Both in 32-bit floats.
  case float32
  /// S in 16-bit floats; R, which lies within a known bound, in 8-bit integers that count steps.
  case compact

  /// Bytes of an element of S.
  public var sparseBytes: Int { self == .compact ? 2 : 4 }
  /// Bytes of an element of R.
  public var residualBytes: Int { self == .compact ? 1 : 4 }

  var sparseType: ElementType { self == .compact ? .float16 : .float32 }
  var residualType: ElementType { self == .compact ? .int8 : .float32 }
}

/// The split of a training set as a whole: S and R are `[rows] + rowShape` each.
public struct SplitShape: Codable, Equatable, Sendable {
  /// Number of rows over all ranks, N.
  public let rows: Int
  /// The shape of one row, [H, W, C].
  public let rowShape: [Int]
  /// What the elements are.
  public let storage: SplitStorage
  /// What an integer of R counts in compact storage; otherwise 1.
  public let residualStep: Float
  /// How often S and R have been computed, from 0, where both are zero.
  ///
  /// Within one process, equal versions are equal values. Nil where nobody counts.
  public let version: Int?

  /// The split of a training set of `rows` images of shape `rowShape`.
  public init(
    rows: Int, rowShape: [Int], storage: SplitStorage = .float32, residualStep: Float = 1,
    version: Int? = nil
  ) {
    self.rows = rows
    self.rowShape = rowShape
    self.storage = storage
    self.residualStep = residualStep
    self.version = version
  }

  /// Decodes what manifests hold; those of old say nothing of storage.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    rows = try values.decode(Int.self, forKey: .rows)
    rowShape = try values.decode([Int].self, forKey: .rowShape)
    storage = try values.decodeIfPresent(SplitStorage.self, forKey: .storage) ?? .float32
    residualStep = try values.decodeIfPresent(Float.self, forKey: .residualStep) ?? 1
    version = try values.decodeIfPresent(Int.self, forKey: .version)
  }

  enum CodingKeys: String, CodingKey {
    case rows, storage, version
    case rowShape = "row_shape"
    case residualStep = "residual_step"
  }

  /// Number of elements of one row, H W C.
  public var rowCount: Int { rowShape.reduce(1, *) }

  /// The shape of S and R as datasets, [N, H, W, C].
  var shape: [Int] { [rows] + rowShape }

  /// Bytes of one row of a part.
  func rowBytes(_ part: SplitPart) -> Int {
    rowCount * (part == .sparse ? storage.sparseBytes : storage.residualBytes)
  }

  /// The elements of a part in files.
  func type(_ part: SplitPart) -> ElementType {
    part == .sparse ? storage.sparseType : storage.residualType
  }

  /// Whether memory laid out for one split holds the rows of the other.
  func hasLayout(of other: SplitShape) -> Bool {
    rows == other.rows && rowCount == other.rowCount && storage == other.storage
  }
}

/// S or R, by the name of its dataset.
enum SplitPart: String, CaseIterable {
  case sparse = "S"
  case residual = "R"
}

/// One rank's rows of the split, to be written.
///
/// The memory must stay untouched while a checkpoint is saved.
public struct RowBlock {
  /// The rows' global indices.
  public let rows: Range<Int>
  /// The whole split these rows belong to.
  public let split: SplitShape
  private let memory: (sparse: UnsafeRawBufferPointer, residual: UnsafeRawBufferPointer)?

  /// S and R of `rows`, [rows, H, W, C] each, of the elements that `split` names.
  ///
  /// Traps if the memory is not that of `rows.count` rows.
  public init(
    rows: Range<Int>, of split: SplitShape, sparse: UnsafeRawBufferPointer,
    residual: UnsafeRawBufferPointer
  ) {
    Self.check(rows, of: split, sparse.count, residual.count)
    self.rows = rows
    self.split = split
    memory = (sparse, residual)
  }

  /// Rows of a split that is still zero everywhere and has no memory yet.
  public init(zero rows: Range<Int>, of split: SplitShape) {
    self.rows = rows
    self.split = split
    memory = nil
  }

  /// The memory of a part; nil for zeros.
  func bytes(_ part: SplitPart) -> UnsafeRawBufferPointer? {
    memory.map { part == .sparse ? $0.sparse : $0.residual }
  }

  fileprivate static func check(
    _ rows: Range<Int>, of split: SplitShape, _ sparse: Int, _ residual: Int
  ) {
    precondition(
      sparse == rows.count * split.rowBytes(.sparse)
        && residual == rows.count * split.rowBytes(.residual),
      "\(sparse) and \(residual) bytes for \(rows.count) rows of \(split.rowShape)")
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= split.rows, "rows \(rows) of \(split.rows)")
  }
}

/// Where a rank wants its rows of a checkpoint's split.
public struct RowTarget {
  /// The rows' global indices.
  public let rows: Range<Int>
  /// What the memory is laid out for; step and version are the checkpoint's to tell.
  public let split: SplitShape
  private let sparse: UnsafeMutableRawBufferPointer
  private let residual: UnsafeMutableRawBufferPointer

  /// Memory for S and R of `rows`, [rows, H, W, C] each, of the elements that `split` names.
  ///
  /// Traps if it is not that of `rows.count` rows.
  public init(
    rows: Range<Int>, of split: SplitShape, sparse: UnsafeMutableRawBufferPointer,
    residual: UnsafeMutableRawBufferPointer
  ) {
    RowBlock.check(rows, of: split, sparse.count, residual.count)
    self.rows = rows
    self.split = split
    self.sparse = sparse
    self.residual = residual
  }

  /// The memory of a part.
  func bytes(_ part: SplitPart) -> UnsafeMutableRawBufferPointer {
    part == .sparse ? sparse : residual
  }
}
