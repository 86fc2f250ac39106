import Datasets
import Support

/// A number about one image and a model: how much of the image the model does not explain.
public enum Score: String, CaseIterable, Sendable {
  /// The sum of |S|.
  case sparseSum = "s_l1"
  /// The sum of S squared.
  case sparseSquares = "s_squares"
  /// The share of S that is not zero.
  case nonzero
  /// The sum of (X - L) squared, the score of systems.md 8.9.
  case residual
  /// KL of q(z|x) to the prior, in nats; of a model of patches the mean over an image's patches.
  case kl
  /// The evidence lower bound by one sample of z, in nats, as `evaluate` has it as elbo; of a model
  /// of patches the mean over an image's patches.
  case bound

  /// The number in one line.
  public var summary: String {
    switch self {
    case .sparseSum: "the sum of |S|"
    case .sparseSquares: "the sum of S squared"
    case .nonzero: "the share of S that is not zero"
    case .residual: "the sum of (X - L) squared"
    case .kl: "KL of q(z|x) to the prior, nats; with patches, the mean over its patches"
    case .bound: "evidence lower bound, nats; with patches, the mean over its patches"
    }
  }

  /// Whether a high number, and not a low one, tells of an image that is not explained.
  var isHighWhereUnexplained: Bool { self != .bound }
}

/// The scores of all images, and which of these are outliers.
public struct Scores: Sendable {
  /// The number of images.
  public let rows: Int
  /// The scores of each image that the model has.
  public let values: [(score: Score, of: [Float])]
  /// What decides.
  public let decisive: Score
  /// The threshold of the deciding score; nil where all images have the same.
  public let threshold: OutlierThreshold?
  /// The rows, the least explained image first.
  public let order: [Int]
  /// How much each image is not explained by the deciding score: high for an outlier.
  let risks: [Float]

  /// The scores of `rows` images; `table` has a column for each score, NaN where there is none.
  ///
  /// - Throws: `Missing` where the model does not have the deciding score.
  init(_ table: [Float], rows: Int, by decisive: Score) throws {
    let width = Score.allCases.count
    precondition(table.count == rows * width, "\(table.count) scores of \(rows) rows")
    values = Score.allCases.enumerated().compactMap { index, score in
      let values = (0..<rows).map { table[$0 * width + index] }
      return values.contains { $0.isNaN } ? nil : (score, values)
    }
    self.rows = rows
    self.decisive = decisive
    guard let chosen = values.first(where: { $0.score == decisive })?.of else {
      throw Missing(
        description: "--by: found \(decisive.rawValue), expected a score that the model has: "
          + values.map(\.score.rawValue).joined(separator: ", "))
    }
    let risk = decisive.isHighWhereUnexplained ? chosen : chosen.map { -$0 }
    risks = risk
    threshold = OutlierThreshold(risk)
    order = risk.indices.sorted { risk[$0] == risk[$1] ? $0 < $1 : risk[$0] > risk[$1] }
  }

  /// A score that the model does not have.
  public struct Missing: ExitStatusError, CustomStringConvertible {
    /// One line.
    public let description: String
    /// 64: wrong usage.
    public var exitStatus: Int32 { 64 }
  }

  /// Whether an image is beyond the threshold.
  public func isOutlier(_ row: Int) -> Bool { threshold.map { risks[row] >= $0.value } ?? false }

  /// The threshold in terms of the deciding score.
  public var thresholdValue: Float? {
    threshold.map { decisive.isHighWhereUnexplained ? $0.value : -$0.value }
  }

  /// A score of an image; nil where the model does not have it.
  public func value(_ score: Score, _ row: Int) -> Float? {
    values.first { $0.score == score }?.of[row]
  }

  /// A table with one line an image, for spreadsheets: RFC 4180 but for line ends, which are LF.
  func csv(_ originals: Originals) -> String {
    let asides = [("label", originals.labelWords), ("group", originals.groups)]
    var text = "row,name" + asides.map { $1 == nil ? "" : ",\($0)" }.joined()
    text += Score.allCases.map { "," + $0.rawValue }.joined() + ",verdict\n"
    let columns = Score.allCases.map { score in values.first { $0.score == score }?.of }
    for row in 0..<rows {
      text += "\(row)," + Self.quoted(originals.names?[row] ?? "")
      for case (_, let words?) in asides { text += "," + Self.quoted(words[row]) }
      for column in columns { text += "," + (column.map { "\($0[row])" } ?? "") }
      text += isOutlier(row) ? ",outlier\n" : ",inlier\n"
    }
    return text
  }

  private static func quoted(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
