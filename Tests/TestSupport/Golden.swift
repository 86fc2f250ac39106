import HDF5

/// A fixture of `Tests/Golden`: results of PyTorch in double precision.
///
/// `Tests/Golden/README.md` describes the layout.
public struct Golden {
  private let file: File

  /// Opens a fixture by its name, `operators.h5` for example.
  ///
  /// - Throws: `HDF5Error` if there is no such file.
  public init(_ name: String) throws {
    file = try File.open(TestData.golden(name))
  }

  /// The elements of a dataset, row-major.
  public func values(_ path: String) throws -> [Double] {
    try file.dataset(path).readAll(as: Double.self)
  }

  /// The elements of a dataset of inputs; floats hold them exactly.
  public func floats(_ path: String) throws -> [Float] { try values(path).map { Float($0) } }

  /// The shape of a dataset, outermost first; empty for a scalar.
  public func shape(_ path: String) throws -> [Int] { try file.dataset(path).shape }

  /// The names in a group, in alphabetical order.
  public func names(in group: String) throws -> [String] { try file.children(of: group).sorted() }

  /// Whether a group or dataset exists.
  public func has(_ path: String) -> Bool { file.exists(path) }

  /// A numeric attribute of a group; nil if it does not exist.
  public func number(_ name: String, of group: String) throws -> Double? {
    try file.doubleAttribute(name, on: group)
  }

  /// A text attribute of a group; nil if it does not exist.
  public func text(_ name: String, of group: String) throws -> String? {
    try file.stringAttribute(name, on: group)
  }
}

/// The deviation of single-precision values from the expected values.
///
/// It is the largest difference, in units of float epsilon (2^-23) times the largest expected
/// magnitude. 1 is a rounding of the largest element. A value that is not a number, or a wrong
/// number of values, gives infinity.
public func deviation(_ found: [Float], from expected: [Double]) -> Double {
  guard found.count == expected.count else { return .infinity }
  let scale = max(expected.map(abs).max() ?? 0, Double(Float.leastNormalMagnitude))
  var worst = 0.0
  for (found, expected) in zip(found, expected) {
    let difference = abs(Double(found) - expected)
    guard difference <= .greatestFiniteMagnitude else { return .infinity }
    worst = max(worst, difference)
  }
  return worst / (Double(Float.ulpOfOne) * scale)
}
