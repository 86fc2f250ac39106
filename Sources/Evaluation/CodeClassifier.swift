import Datasets
import Layers
import Statistics
import Support
import Tensors
import Training

/// The accuracy of classifiers fitted on codes of the training split (docs/systems.md, 8.7).
///
/// Beside it stand the same classifier on as many principal components of the pixels, and the most
/// frequent class: what the codes have to beat.
extension Evaluation {
  /// A classifier: it is fitted on rows [N, D] with labels, and gives the classes of others.
  typealias Classifier = (_ fit: Tensor, _ labels: [Int32], _ test: Tensor) throws -> [Int32]

  /// The most pixels of which principal components are taken for comparison.
  private static let mostPixels = 4096

  /// The accuracies of a classifier; none for a model without an encoder.
  ///
  /// **Collective.** Rank 0 fits, so results do not depend on the number of ranks.
  ///
  /// - Throws: `RunError.data` where a split or labels are missing; `StatisticsError`.
  func accuracies(_ metric: String, by classify: Classifier) throws -> [MetricValue] {
    guard hasCodes else { return [] }
    let (train, test, fitLabels, testLabels) = try world.agree {
      let (train, test) = (
        try required(.train, for: metric), try required(heldOutSplit, for: metric)
      )
      return (
        train, test, try labels(of: train, for: metric), try labels(of: test, for: metric)
      )
    }
    let fitCount = min(options.metrics.integer(.fit) ?? train.count, train.count)
    let testCount = min(options.rows ?? test.count, test.count)
    guard let fit = try codes(of: train, count: fitCount),
      let held = try codes(of: test, count: testCount)
    else { return [] }
    let (classes, truth) = (Array(fitLabels[..<fitCount]), Array(testLabels[..<testCount]))
    let hasComponents = train.shape.count <= Self.mostPixels && !train.isMixed
    let found = try onRoot(3) {
      let right = try Accuracy.right(classify(fit, classes, held), truth)
      let majority = try Accuracy.majorityRate(training: classes, test: truth)
      guard hasComponents else { return [Double(right), .nan, majority] }
      let (a, b) = try principalComponents(train, fitCount, test, testCount, fit.shape.columns)
      return [
        Double(right), Double(try Accuracy.right(classify(a, classes, b), truth)), majority,
      ]
    }
    let n = Double(testCount)
    said.append(
      "\(metric): fitted on \(Quantity.grouped(fitCount)) images of \(train.split.rawValue), measured "
        + "on \(Quantity.grouped(testCount)) of \(test.split.rawValue)")
    return [
      MetricValue(share: found[0] / n, of: "codes", count: n),
      MetricValue(share: found[1] / n, of: "principal_components", count: n),
      MetricValue("majority", found[2]),
    ].filter { !$0.value.isNaN }
  }

  /// The first principal components of pixels, by the training images: [fit, count], [test, count].
  ///
  /// On rank 0 alone.
  private func principalComponents(
    _ train: ImageSet, _ fitCount: Int, _ test: ImageSet, _ testCount: Int, _ count: Int
  ) throws -> (Tensor, Tensor) {
    try once("components \(fitCount) \(testCount) \(count)") {
      let d = train.shape.count
      var moments = FeatureMoments(dimensions: d)
      for block in blocks(fitCount, train.shape) {
        try moments.add(Tensor(Shape(block.count, d), train.values(block)))
      }
      let gaussian = try moments.gaussian()
      guard let axes = DoubleAlgebra.eigen(gaussian.covariance, d) else {
        throw StatisticsError.notConverged(quantity: "principal components")
      }
      let kept = min(count, d)
      func project(_ images: ImageSet, _ rows: Int) -> Tensor {
        let result = Tensor(Shape(rows, kept))
        for block in blocks(rows, images.shape) {
          let pixels = images.values(block)
          for (i, row) in block.enumerated() {
            for k in 0..<kept {
              var sum = 0.0
              for j in 0..<d {
                sum += (Double(pixels[i * d + j]) - gaussian.mean[j]) * axes.vectors[k * d + j]
              }
              result.pointer[row * kept + k] = Float(sum)
            }
          }
        }
        return result
      }
      return (project(train, fitCount), project(test, testCount))
    }
  }

  private func blocks(_ rows: Int, _ shape: ImageShape) -> [Range<Int>] {
    stride(from: 0, to: rows, by: shape.blockRows).map { $0..<min(rows, $0 + shape.blockRows) }
  }
}

extension MetricValue {
  /// A share of `count` images, with its standard error.
  init(share: Double, of name: String, count: Double) {
    self.init(name, share, standardError: (share * (1 - share) / count).squareRoot())
  }
}
