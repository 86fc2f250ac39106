import Datasets
import Layers
import Report
import Statistics
import Support
import Tensors
import Training

/// The accuracy of a linear classifier of each attribute of faces on codes (docs/systems.md, 8.8).
///
/// Each attribute has a classifier of its own. The release carries one from attribute to attribute,
/// which this does not follow.
enum AttributeAccuracy: Metric {
  static let name = "attributes"
  static let summary = "accuracy of a linear classifier of each attribute on codes (CelebA)"
  static let needs: String? = "codes"
  static let unit = Measure.accuracy
  static let isOfWholeImages = true
  static let isHigherBetter = true
  static let headline = ["mean"]
  static let chosen = MetricOption(
    "attributes", "LIST", "the attributes, or all (default: the paper's twelve)", .text)
  static let options = [MetricOption.fit, chosen]
  static let note: String? =
    "linear support vector machine, C = 1, fitted on clean training images, measured on the held-out "
    + "split (test, unless --split names another); majority is the more frequent answer"
  private static let usual = [
    "Arched_Eyebrows", "Attractive", "Bangs", "Black_Hair", "Blond_Hair", "Heavy_Makeup", "Male",
    "Mouth_Slightly_Open", "No_Beard", "Wavy_Hair", "Wearing_Hat", "Wearing_Lipstick",
  ]

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    guard evaluation.hasCodes else { return [] }
    let found = try evaluation.attributeShares()
    let n = found.count
    let (mean, majority) = (
      found.shares.map(\.codes).reduce(0, +) / Double(found.shares.count),
      found.shares.map(\.majority).reduce(0, +) / Double(found.shares.count)
    )
    return [MetricValue("mean", mean), MetricValue("mean majority", majority)]
      + found.shares.flatMap {
        [
          MetricValue(share: $0.codes, of: $0.name, count: n),
          MetricValue("\($0.name) majority", $0.majority),
        ]
      }
  }

  /// On how many attributes codes beat the majority rate.
  static func details(_ evaluation: Evaluation) throws -> [(name: String, value: Double)] {
    let shares = try evaluation.attributeShares().shares
    return [("above_majority", Double(shares.count { $0.codes > $0.majority }))]
  }

  static func unit(ofDetail name: String) -> Measure { name == "above_majority" ? .count : unit }

  static let hasPlot = true

  static func plot(_ evaluation: Evaluation) throws -> Plot? {
    let found = try evaluation.attributeShares()
    return Plot(
      title: "Accuracy of attributes from codes",
      subtitle: "\(evaluation.trained.runName), "
        + "\(Quantity.count(Int(found.count), "face")) of the held-out split",
      x: Plot.Axis("attribute"), y: Plot.Axis("accuracy", unit: unit.unit),
      marks: .bars(
        groups: found.shares.map(\.name),
        [
          Plot.Series("linear classifier on codes", found.shares.map { 100 * $0.codes }),
          Plot.Series("more frequent answer", found.shares.map { 100 * $0.majority }),
        ]))
  }

  /// The attributes that were asked for.
  ///
  /// - Throws: `RunError.data` for attributes that the file does not have.
  fileprivate static func names(_ evaluation: Evaluation, _ known: ImageAttributes) throws
    -> [String]
  {
    let text = evaluation.options.metrics.text(chosen)
    if text == "all" { return known.names }
    let names = text?.split(separator: ",").map(String.init) ?? usual
    if let unknown = names.first(where: { !known.names.contains($0) }) {
      throw RunError.data(
        evaluation.source.images.path,
        "attributes: found no \(unknown)" + Spelling.hint(for: unknown, in: known.names)
          + ", expected it for \(name); --attributes all takes those that there are")
    }
    return names
  }
}

/// Accuracies of attributes.
private struct AttributeShares {
  /// The accuracy of codes and the majority rate of each attribute.
  var shares: [(name: String, codes: Double, majority: Double)]
  /// The images that were measured.
  var count: Double
}

extension Evaluation {
  /// **Collective.**
  fileprivate func attributeShares() throws -> AttributeShares {
    try once("attributes") {
      let metric = AttributeAccuracy.name
      let (train, test) = try world.agree {
        (try required(.train, for: metric), try required(heldOutSplit, for: metric))
      }
      let (known, others, names) = try world.agree {
        guard let known = try ImageAttributes(of: train), let others = try ImageAttributes(of: test)
        else {
          throw RunError.data(
            data.path,
            "found no attributes, expected them beside the images for \(metric); import celeba "
              + "--attributes list_attr_celeba.txt keeps them")
        }
        return (known, others, try AttributeAccuracy.names(self, known))
      }
      let fitCount = min(options.metrics.integer(.fit) ?? train.count, train.count)
      let testCount = min(options.rows ?? test.count, test.count)
      guard let fit = try codes(of: train, count: fitCount),
        let codes = try codes(of: test, count: testCount)
      else { return AttributeShares(shares: [], count: 0) }
      let numbers = try onRoot(2 * names.count) {
        try names.flatMap { name -> [Double] in
          let labels = known.labels(name, count: fitCount) ?? []
          let truth = others.labels(name, count: testCount) ?? []
          let majority = try Accuracy.majorityRate(training: labels, test: truth)
          // All have the same answer: there is nothing to fit.
          guard Set(labels).count > 1 else { return [majority, majority] }
          let classifier = try LinearClassifier(fit, labels: labels, loss: .squaredHinge)
          let right = try Accuracy.right(classifier.predict(codes), truth)
          return [Double(right) / Double(testCount), majority]
        }
      }
      return AttributeShares(
        shares: names.enumerated().map { ($1, numbers[2 * $0], numbers[2 * $0 + 1]) },
        count: Double(testCount))
    }
  }
}
