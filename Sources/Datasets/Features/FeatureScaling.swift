import HDF5
import Support

/// How features were scaled when they were imported (docs/files.md, Features from elsewhere).
///
/// A data set keeps its scaling, and every command works with the scaled values: what is written
/// about them is scaled, too. `value * deviation + mean` is the value that was imported.
public struct FeatureScaling: Equatable, Sendable {
  /// What is done with the values of a row.
  public enum Kind: String, CaseIterable, Sendable {
    /// Nothing.
    case none
    /// The mean over the training rows is taken off each column, then its deviation divides it.
    case standard
    /// The length of the row divides them.
    case unit
  }

  /// The kind.
  public let kind: Kind
  /// The mean of each column over the training rows, [D]; empty unless `standard`.
  public let mean: [Double]
  /// Its standard deviation, 1 for a column whose values are all equal, [D].
  public let deviation: [Double]

  /// The attribute of the features that names the kind.
  static let attribute = "scaling"
  static let means = "/feature_mean", deviations = "/feature_deviation"

  /// A scaling without numbers.
  init(_ kind: Kind) { (self.kind, mean, deviation) = (kind, [], []) }

  /// The standard scaling by these numbers.
  init(mean: [Double], deviation: [Double]) {
    (kind, self.mean, self.deviation) = (.standard, mean, deviation)
  }

  /// Scales whole rows of `columns` values in place.
  func apply(to values: inout [Float], columns: Int) {
    switch kind {
    case .none: return
    case .standard:
      var column = 0
      for i in values.indices {
        values[i] = Float((Double(values[i]) - mean[column]) / deviation[column])
        column = column + 1 == columns ? 0 : column + 1
      }
    case .unit:
      for first in stride(from: 0, to: values.count, by: columns) {
        let row = first..<first + columns
        let length = row.reduce(0.0) { $0 + Double(values[$1]) * Double(values[$1]) }.squareRoot()
        if length == 0 { continue }  // stays 0
        for i in row { values[i] = Float(Double(values[i]) / length) }
      }
    }
  }

  /// The scaling of a split of a data set; nil where it holds no features.
  ///
  /// - Throws: `HDF5Error`; `DatasetError` for numbers that are missing or do not fit.
  init?(of split: String, in file: File) throws {
    let images = "/\(split)/images"
    guard file.isDataset(images), let shape = try Features.shape(of: file.dataset(images)) else {
      return nil
    }
    let word = try file.stringAttribute(Self.attribute, on: images) ?? Kind.none.rawValue
    guard let kind = Kind(rawValue: word) else {
      throw DatasetError.mismatch(
        file: file.path, item: "\(images)@\(Self.attribute)", found: word,
        expected: Kind.allCases.map(\.rawValue).joined(separator: ", "))
    }
    guard kind == .standard else {
      self.init(kind)
      return
    }
    let numbers = try [Self.means, Self.deviations].map { name in
      let dataset = try file.dataset(name)
      guard dataset.shape == [shape.count], dataset.type == .float64 else {
        throw DatasetError.mismatch(
          file: file.path, item: name, found: "\(dataset.type) \(dataset.shape)",
          expected: "float64 [\(shape.count)], one for each feature")
      }
      return try dataset.readAll(as: Double.self)
    }
    guard numbers[0].allSatisfy(\.isFinite), numbers[1].allSatisfy({ $0.isFinite && $0 > 0 })
    else {
      throw DatasetError.mismatch(
        file: file.path, item: "\(Self.means), \(Self.deviations)", found: "other numbers",
        expected: "finite means, and deviations above 0")
    }
    self.init(mean: numbers[0], deviation: numbers[1])
  }

  /// The scaling of a data set of features, for rows that are imported later.
  ///
  /// - Throws: `HDF5Error` for a file that cannot be read; `DatasetError` for one without features
  ///   to train with, or with another number of them.
  init(ofFile path: String, columns: Int) throws {
    let file = try File.open(path)
    guard let scaling = try FeatureScaling(of: Split.train.rawValue, in: file) else {
      throw DatasetError.mismatch(
        file: path, item: "/train/images", found: "no features",
        expected: "a data set by cleave import features, whose scaling is taken")
    }
    let found = try file.dataset("/train/images").shape[1]
    guard found == columns else {
      throw DatasetError.mismatch(
        file: path, item: "/train/images", found: Quantity.count(found, "feature"),
        expected: "\(columns), as the sources have")
    }
    self = scaling
  }
}

/// The mean and the deviation of each column, over rows that come in blocks.
struct ColumnMoments {
  private(set) var count = 0
  private var sums: [Double]
  private var squares: [Double]
  private var least: [Float], most: [Float]

  init(columns: Int) {
    sums = Array(repeating: 0, count: columns)
    squares = sums
    least = Array(repeating: .infinity, count: columns)
    most = Array(repeating: -.infinity, count: columns)
  }

  /// Adds the values of a row to sums and limits.
  mutating func add(_ row: ArraySlice<Float>) {
    count += 1
    for (column, value) in row.enumerated() {
      sums[column] += Double(value)
      least[column] = min(least[column], value)
      most[column] = max(most[column], value)
    }
  }

  /// Adds the squared deviations of a row from the means; all rows come a second time.
  mutating func addDeviations(_ row: ArraySlice<Float>, from mean: [Double]) {
    for (column, value) in row.enumerated() {
      let deviation = Double(value) - mean[column]
      squares[column] += deviation * deviation
    }
  }

  /// Whether all values of a column are equal.
  func isConstant(_ column: Int) -> Bool { least[column] == most[column] }

  /// The columns whose values are all equal.
  var constants: [Int] { sums.indices.filter(isConstant) }

  /// The means; of a constant column its value, without rounding.
  var means: [Double] {
    sums.indices.map { isConstant($0) ? Double(least[$0]) : sums[$0] / Double(count) }
  }

  /// The standard deviations of the rows; 1 of a constant column.
  var deviations: [Double] {
    squares.indices.map {
      isConstant($0) || squares[$0] == 0 ? 1 : (squares[$0] / Double(count)).squareRoot()
    }
  }
}
