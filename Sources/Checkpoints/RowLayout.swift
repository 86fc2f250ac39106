import HDF5

/// The type of the elements of a row array, in memory and in files alike.
///
/// The raw value is the name of the type in manifests.
public enum RowElement: String, Codable, Sendable {
  /// 32-bit floats.
  case float32
  /// 16-bit floats.
  case float16
  /// 8-bit integers that count steps: an element is the integer times the array's step.
  case steps = "int8"

  /// Bytes of an element.
  public var bytes: Int {
    switch self {
    case .float32: 4
    case .float16: 2
    case .steps: 1
    }
  }

  /// The type of the elements in HDF5 files.
  var type: ElementType {
    switch self {
    case .float32: .float32
    case .float16: .float16
    case .steps: .int8
    }
  }
}

/// An array that lives with the rows of a training set: a row of it belongs to each image.
public struct RowArray: Codable, Equatable, Sendable {
  /// Its name, which is also the name of its datasets, such as "S".
  public let name: String
  /// The type of its elements.
  public let element: RowElement
  /// The size of the steps that `.steps` count; 1 for floats.
  public var step: Float

  /// Traps if the name is empty or contains a "/".
  public init(_ name: String, _ element: RowElement = .float32, step: Float = 1) {
    precondition(!name.isEmpty && !name.contains("/"), "\(name): a name without / is needed")
    self.name = name
    self.element = element
    self.step = step
  }

  /// Decodes `{name, type, step}`, where floats have no step.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decode(String.self, forKey: .name)
    element = try values.decode(RowElement.self, forKey: .element)
    step = try values.decodeIfPresent(Float.self, forKey: .step) ?? 1
  }

  /// Encodes `{name, type, step}`, without a step for floats.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(name, forKey: .name)
    try values.encode(element, forKey: .element)
    if element == .steps { try values.encode(step, forKey: .step) }
  }

  enum CodingKeys: String, CodingKey {
    case name, step
    case element = "type"
  }
}

extension [RowArray] {
  /// The index of the array of a name; nil where there is none.
  public func index(named name: String) -> Int? { firstIndex { $0.name == name } }

  /// Whether the rows keep the sparse part of X = L + S: one of the arrays is named "S".
  public var hasSparsePart: Bool { index(named: "S") != nil }
}

/// The row state of a training set as a whole: its arrays are `[rows] + rowShape` each.
///
/// Files call the row state `split`, after the first one, which held S and R of X = L + S.
public struct RowLayout: Codable, Equatable, Sendable, CustomStringConvertible {
  /// Number of rows over all ranks, N.
  public let rows: Int
  /// The shape of one row, [H, W, C].
  public let rowShape: [Int]
  /// The arrays, in the order of their memory and of their digest.
  public let arrays: [RowArray]
  /// How often the arrays have been replaced, from 0, where all are zero.
  ///
  /// Within one process, equal versions are equal values. Nil where nobody counts.
  public let version: Int?
  /// Whether the manifest names the arrays; earlier manifests do not, and get S and R.
  let isNamed: Bool

  /// The row state of a training set of `rows` images of shape `rowShape`.
  ///
  /// Traps without arrays, or if two have the same name.
  public init(rows: Int, rowShape: [Int], arrays: [RowArray], version: Int? = nil) {
    precondition(
      !arrays.isEmpty && Set(arrays.map(\.name)).count == arrays.count,
      "arrays \(arrays.map(\.name)): different names are needed")
    self.rows = rows
    self.rowShape = rowShape
    self.arrays = arrays
    self.version = version
    isNamed = true
  }

  /// Number of elements of one row of an array, H W C.
  public var rowCount: Int { rowShape.reduce(1, *) }

  /// For example "60 rows of [28, 28, 1]: S float16, R int8".
  public var description: String {
    let list = arrays.map { "\($0.name) \($0.element.rawValue)" }.joined(separator: ", ")
    return "\(rows) rows of \(rowShape): \(list)"
  }

  /// The shape of each array as a dataset, [N, H, W, C].
  var shape: [Int] { [rows] + rowShape }

  /// Bytes of one row of an array.
  func rowBytes(_ array: Int) -> Int { rowCount * arrays[array].element.bytes }

  /// Whether memory laid out for one row state holds the rows of the other.
  ///
  /// Arrays agree by position; their names agree too, where both have names of their own.
  func hasMemory(of other: RowLayout) -> Bool {
    rows == other.rows && rowCount == other.rowCount
      && arrays.map(\.element) == other.arrays.map(\.element)
      && (!isNamed || !other.isNamed || arrays.map(\.name) == other.arrays.map(\.name))
  }
}

// MARK: - Manifests

/// How the arrays S and R of X = L + S are kept, in memory and in files alike.
public enum RowStorageKind: String, CaseIterable, Codable, Sendable {
  /// Both in 32-bit floats.
  case float32
  /// S in 16-bit floats; R, whose bound is known, in 8-bit integers that count steps.
  case compact
}

extension RowLayout {
  /// Decodes the layout in a manifest.
  ///
  /// Earlier manifests have two arrays, S and R, and name a storage instead of types. The oldest
  /// name no storage.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    rows = try values.decode(Int.self, forKey: .rows)
    rowShape = try values.decode([Int].self, forKey: .rowShape)
    version = try values.decodeIfPresent(Int.self, forKey: .version)
    if let named = try values.decodeIfPresent([RowArray].self, forKey: .arrays) {
      (arrays, isNamed) = (named, true)
      return
    }
    let former = try decoder.container(keyedBy: FormerKeys.self)
    let storage = try former.decodeIfPresent(RowStorageKind.self, forKey: .storage) ?? .float32
    let step = try former.decodeIfPresent(Float.self, forKey: .residualStep) ?? 1
    isNamed = false
    arrays =
      switch storage {
      case .float32: [RowArray("S"), RowArray("R")]
      case .compact: [RowArray("S", .float16), RowArray("R", .steps, step: step)]
      }
  }

  enum CodingKeys: String, CodingKey {
    case rows, arrays, version
    case rowShape = "row_shape"
  }

  /// The keys of earlier manifests in place of `arrays`.
  private enum FormerKeys: String, CodingKey {
    case storage
    case residualStep = "residual_step"
  }
}
