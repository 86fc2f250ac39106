import Datasets
import Layers
import Statistics
import Support
import Tensors
import Training

/// Omniglot's 20-way protocol: codes of 20 new characters, each drawing left out in turn.
///
/// docs/systems.md, 8.7 (ii): the first 20 characters of the split `evaluation`; a linear support
/// vector machine is fitted on 19 drawings of each and measured on the twentieth; mean over the
/// drawings. The 964-way protocol is `svm`.
enum CharacterAccuracy: Metric {
  static let name = "twenty_way"
  static let summary = "accuracy among 20 new characters, each drawing left out in turn (Omniglot)"
  static let needs: String? = "codes"
  static let unit = Measure.accuracy
  static let isOfWholeImages = true
  static let headline = ["codes"]
  static let isHigherBetter = true
  static let note: String? =
    "of the first 20 classes of the split evaluation; chance is one of them at random, pixels are the "
    + "same machine on the images themselves"
  private static let classes = 20

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    guard evaluation.hasCodes else { return [] }
    let images = try evaluation.world.agree { try evaluation.required(.evaluation, for: name) }
    let drawings = try evaluation.world.agree { try Self.drawings(images, evaluation) }
    let last = drawings.flatMap { $0 }.max() ?? 0
    guard let codes = try evaluation.codes(of: images, count: last + 1) else { return [] }
    let turns = drawings[0].count
    let found = try evaluation.onRoot(2) {
      let pixels = Tensor(Shape(last + 1, images.shape.count), images.values(0..<last + 1))
      return try [codes, pixels].map { rows -> Double in
        try (0..<turns).reduce(0.0) { try $0 + right(rows, drawings, leftOut: $1) }
      }
    }
    let n = Double(turns * drawings.count)
    return [
      MetricValue(share: found[0] / n, of: "codes", count: n),
      MetricValue(share: found[1] / n, of: "pixels", count: n),
      MetricValue("chance", 1 / Double(drawings.count)),
    ]
  }

  /// The rows of each class, in their order; all classes have as many.
  ///
  /// - Throws: `RunError.data` for fewer classes, or drawings that differ in number.
  private static func drawings(_ images: ImageSet, _ evaluation: Evaluation) throws -> [[Int]] {
    let labels = try evaluation.labels(of: images, for: name)
    var rows: [Int32: [Int]] = [:]
    for (row, label) in labels.enumerated() { rows[label, default: []].append(row) }
    let chosen = rows.keys.sorted().prefix(classes).compactMap { rows[$0] }
    let counts = Set(chosen.map(\.count))
    guard chosen.count == classes, counts.count == 1, counts.first ?? 0 > 1 else {
      throw RunError.data(
        images.path,
        "\(images.split.rawValue): found \(Quantity.count(rows.count, "class", plural: "classes")) of "
          + "\(counts.sorted().map(String.init).joined(separator: ", ")) images, expected \(classes) or "
          + "more of equally many, two at least, for \(name)")
    }
    return chosen
  }

  /// How many of the drawings with a number are recognised by the others.
  private static func right(_ rows: Tensor, _ drawings: [[Int]], leftOut: Int) throws -> Double {
    let d = rows.shape.columns
    func part(_ chosen: [Int]) -> Tensor {
      Tensor(Shape(chosen.count, d), chosen.flatMap { rows.rows($0..<$0 + 1).values })
    }
    let others = drawings.map { rows in rows.indices.filter { $0 != leftOut }.map { rows[$0] } }
    let labels = others.enumerated().flatMap { [Int32](repeating: Int32($0), count: $1.count) }
    let machine = try LinearClassifier(
      part(others.flatMap { $0 }), labels: labels, loss: .squaredHinge)
    let found = try machine.predict(part(drawings.map { $0[leftOut] }))
    return Double(try Accuracy.right(found, drawings.indices.map { Int32($0) }))
  }
}
