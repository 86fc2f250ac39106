import Autodiff
import Datasets
import Layers
import Report
import Statistics
import Support
import Tensors
import Training

/// How far the codes of all images, taken together, are from the prior N(0, I) (docs/systems.md,
/// 8.11).
///
/// One code of each image: a draw of q(z|x) where the encoder gives a distribution. For a model
/// that recycles, that is its first pass.
enum AggregatePosterior: Metric {
  static let name = "posterior"
  static let summary = "how far codes of all images are from N(0, I): means, variances, covariances"
  static let needs: String? = "codes"
  static let unit = Measure.index
  static let headline = ["covariance_error"]
  static let note: String? =
    "covariance_error is |C - I| / sqrt(k); prior: the same of as many draws of N(0, I)"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    guard let codes = try evaluation.posteriorCodes() else { return [] }
    try evaluation.world.agree {
      guard codes.codes.shape.rows < 2 else { return }
      throw ConfigurationError("--metrics: found posterior of 1 image, expected 2 or more")
    }
    return try numbers(codes.codes, "") + numbers(codes.prior, " prior")
  }

  private static func numbers(_ codes: Tensor, _ suffix: String) throws -> [MetricValue] {
    let names = [
      "covariance_error", "largest_mean", "smallest_variance", "largest_variance",
      "largest_covariance",
    ]
    let (n, k) = (codes.shape.rows, codes.shape.columns)
    let groups = n > 10 * Jackknife.groups ? Jackknife.groups : 1
    let moments = try (0..<groups).map { group in
      let values = stride(from: group, to: n, by: groups).flatMap { codes.rows($0..<$0 + 1).values }
      var moments = FeatureMoments(dimensions: k)
      try moments.add(Tensor(Shape(values.count / k, k), values))
      return moments
    }
    func numbers(without left: Int?) throws -> [Double] {
      let kept = moments.indices.filter { $0 != left }.map { moments[$0] }
      let found = try CodeStatistics(FeatureMoments.joined(kept))
      return [
        found.covarianceError, found.largestMean, found.smallestVariance, found.largestVariance,
        found.largestCovariance,
      ]
    }
    let errors =
      groups > 1
      ? try Jackknife.standardErrors(names.count) { try numbers(without: $0) }
      : names.map { _ in nil }
    return try zip(names, zip(numbers(without: nil), errors)).map {
      MetricValue($0 + suffix, $1.0, standardError: $1.1)
    }
  }

  static let hasPlot = true
  private static let mostPoints = 5000

  /// A scatter plot of two dimensions for an encoder that gives a distribution, with the prior; of
  /// a deterministic encoder, histograms of all codes.
  static func plot(_ evaluation: Evaluation) throws -> Plot? {
    guard let found = try evaluation.posteriorCodes() else { return nil }
    let (codes, prior) = (found.codes, found.prior)
    let k = codes.shape.columns
    let subtitle =
      "\(evaluation.trained.runName), one code of each of "
      + Quantity.count(codes.shape.rows, "image")
    guard found.isDrawn, k > 1 else {
      return Plot(
        title: "Codes of all images and the prior", subtitle: subtitle,
        x: Plot.Axis("value of a dimension"), y: Plot.Axis("share of values"),
        marks: .histogram(
          [
            Plot.Series("codes", codes.values), Plot.Series("N(0, 1)", prior.values),
          ], bins: 100, heights: .shares))
    }
    // Two dimensions by the run's seed.
    let first = Int(evaluation.trained.configuration.common.lanes.seed % UInt64(k))
    let second =
      (first + 1 + Int(evaluation.trained.configuration.common.lanes.seed / 7) % (k - 1)) % k
    let rows = min(mostPoints, codes.shape.rows)
    func points(_ name: String, _ codes: Tensor) -> Plot.Points {
      Plot.Points(
        name, x: (0..<rows).map { codes.pointer[$0 * k + first] },
        y: (0..<rows).map { codes.pointer[$0 * k + second] })
    }
    let shown = rows < codes.shape.rows ? ", the first \(Quantity.grouped(rows)) shown" : ""
    return Plot(
      title: "Codes of all images and the prior", subtitle: subtitle + shown,
      x: Plot.Axis("dimension \(first)"), y: Plot.Axis("dimension \(second)"),
      marks: .scatter([points("N(0, I)", prior), points("codes", codes)]))
  }
}

extension Evaluation {
  /// A code of each image, and as many draws of N(0, I), [N, J] on all ranks; nil for a model
  /// without an encoder.
  ///
  /// **Collective.**
  fileprivate func posteriorCodes() throws -> (codes: Tensor, prior: Tensor, isDrawn: Bool)? {
    guard hasCodes, let model = trained.model as? any Encoding else { return nil }
    return try once("posterior") {
      let images = source.images
      let explainer = try world.agree {
        try Explainer(
          trained, images: images, usesSparsePart: false, rounds: options.rounds,
          isOfRun: source.isOfRun)
      }
      let step = Step(seed: trained.configuration.common.lanes.seed)
      func begin(_ rows: Range<Int>, _ purpose: Purpose) {
        rows.map(Int32.init).withUnsafeBufferPointer { batch in
          step.begin(
            rows: batch, dimensions: images.shape.count, purpose: purpose, time: 0
          ) { explainer.gather(rows, into: $0) }
        }
      }
      begin(0..<1, .evaluation)
      let probe = model.encode(step.target)
      let width = probe.mean.shape.columns
      let isDrawn = probe.logVariance != nil
      let codes = try rows(source.rows, width: width, of: images.shape) { block in
        begin(block, .evaluation)
        let code = model.encode(step.target)
        guard let logVariance = code.logVariance else { return code.mean.values }
        return DiagonalGaussian(mean: code.mean, logVariance: logVariance)
          .sample(step.latentNoise(width)).values
      }
      let prior = try rows(source.rows, width: width, of: images.shape) { block in
        begin(block, .evaluation)
        return step.normal(width, .prior).values
      }
      return (codes, prior, isDrawn)
    }
  }
}
