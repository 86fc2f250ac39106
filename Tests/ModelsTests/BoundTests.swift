import Autodiff
import Datasets
import Foundation
import Layers
import MPI
import Support
import Tensors
import TestSupport
import Testing

@testable import Models
@testable import Training

/// A model with known p(x): p(z) = N(0, I), p(x|z) = N(W z, s2 I), p(x) = N(0, W W' + s2 I).
///
/// q is the true posterior, or a scaled posterior. W has orthogonal columns of length a, so W W' +
/// s2 I has the eigenvalues a² + s2 and s2. The true posterior is N(W'x / (a² + s2), s2 / (a² + s2)
/// I).
private struct LinearGaussian: LatentVariableModel {
  let a: Float = 1.5, s2: Float = 0.4
  /// The factor of the true posterior's deviation.
  let stretch: Float
  let samples: Int
  let average: ImportanceWeightedBound.Average
  static let d = 4, j = 2

  var children: [(String, any Module)] { [] }
  let latent = Self.j
  let isDensity = true

  private func weight(_ i: Int, _ k: Int) -> Float { i / 2 == k ? a / 2.0.squareRootFloat : 0 }

  private func posterior(_ x: Variable) -> LogScaleGaussian {
    let shape = Shape(x.shape.rows, Self.j)
    let (mean, scale) = (x.tape.constant(shape), x.tape.constant(shape))
    for row in 0..<shape.rows {
      for k in 0..<Self.j {
        var sum: Float = 0
        for i in 0..<Self.d { sum += weight(i, k) * x.pointer[row * Self.d + i] }
        mean.pointer[row * Self.j + k] = sum / (a * a + s2)
        scale.pointer[row * Self.j + k] = log(stretch * (s2 / (a * a + s2)).squareRoot())
      }
    }
    return LogScaleGaussian(mean: mean, logDeviation: scale)
  }

  private func negativeLogLikelihood(of x: Variable, given z: Variable) -> Variable {
    let result = z.tape.constant(Shape(z.shape.rows))
    let repeats = z.shape.rows / x.shape.rows
    for row in 0..<z.shape.rows {
      var sum = Float(Self.d) * log(2 * .pi * s2)
      for i in 0..<Self.d {
        var mean: Float = 0
        for k in 0..<Self.j { mean += weight(i, k) * z.pointer[row * Self.j + k] }
        let difference = x.pointer[row / repeats * Self.d + i] - mean
        sum += difference * difference / s2
      }
      result.pointer[row] = 0.5 * sum
    }
    return result
  }

  /// -log p(x) by the known distribution, mean over the rows.
  func truth(_ x: [Float]) -> Double {
    let rows = x.count / Self.d
    var total = 0.0
    for row in 0..<rows {
      var (inside, all) = (0.0, 0.0)
      for i in 0..<Self.d { all += pow(Double(x[row * Self.d + i]), 2) }
      for k in 0..<Self.j {
        var sum = 0.0
        for i in 0..<Self.d { sum += Double(weight(i, k) * x[row * Self.d + i]) }
        inside += sum * sum / Double(a * a)
      }
      let (wide, narrow) = (Double(a * a + s2), Double(s2))
      total +=
        0.5
        * (4 * log(2 * .pi) + 2 * log(wide) + 2 * log(narrow) + inside / wide
          + (all - inside) / narrow)
    }
    return total / Double(rows)
  }

  func loss(phase: Int, _ step: Step) -> Variable { negativeBound(step, isCorrupted: false) }
  func negativeBound(_ step: Step, isCorrupted: Bool) -> Variable {
    ImportanceWeightedBound(samples: samples, average: average, analyticKL: false)
      .negative(posterior(step.target), step) { negativeLogLikelihood(of: step.target, given: $0) }
  }
  func logWeights(_ step: Step, count: Int, repetition: Int) -> Variable {
    ImportanceWeightedBound.logWeights(
      posterior(step.target), count: count, step, repetition: repetition
    ) {
      negativeLogLikelihood(of: step.target, given: $0)
    }
  }
  func encode(_ x: Variable) -> Code { Code(mean: posterior(x).mean) }
  func decode(_ z: Variable) -> Variable { z }
  func prior(_ step: Step) -> Variable { step.normal(Self.j, step.purpose) }
}

extension Double {
  fileprivate var squareRootFloat: Float { Float(squareRoot()) }
}

@Suite("Bounds and likelihoods")
struct BoundTests {
  private let rows = 60
  private var x: [Float] {
    var values = [Float](repeating: 0, count: rows * LinearGaussian.d)
    Draws(seed: 8, purpose: .synthesis, time: 0).normal(row: 0, into: &values, count: values.count)
    return values
  }

  private func estimator(_ model: any LatentVariableModel) -> BoundEstimate {
    let x = x
    return BoundEstimate(model, rows: 0..<rows, dimensions: LinearGaussian.d, seed: 1, on: .alone())
    {
      rows, pixels in
      for i in 0..<rows.count * LinearGaussian.d {
        pixels[i] = x[rows.lowerBound * LinearGaussian.d + i]
      }
    }
  }

  @Test("X27: with the true posterior every bound is log p(x), whatever K", arguments: [1, 3, 50])
  func exactPosterior(k: Int) throws {
    for average in [ImportanceWeightedBound.Average.logWeights, .weights] {
      let model = LinearGaussian(stretch: 1, samples: k, average: average)
      let (bound, truth) = (try estimator(model).negativeBound().mean, model.truth(x))
      #expect(abs(bound - truth) < 1e-6 * truth, "\(bound), \(truth)")
    }
    let model = LinearGaussian(stretch: 1, samples: 1, average: .weights)
    let (estimate, truth) = (try estimator(model).negativeLogLikelihood(samples: k), model.truth(x))
    #expect(abs(estimate.mean - truth) < 1e-6 * truth, "\(estimate), \(truth)")
    // All weights are equal, so every sample counts.
    #expect(abs(estimate.smallestSampleSize - Double(k)) < 1e-3 * Double(k))
    #expect(abs(estimate.medianSampleSize - Double(k)) < 1e-3 * Double(k))
    #expect(estimate.imagesOfFewSamples == (k < 10 ? rows : 0))
  }

  @Test("X27, X45: many samples find the truth from another q, and more are nearer")
  func manySamples() throws {
    let model = LinearGaussian(stretch: 1.5, samples: 1, average: .weights)
    let estimator = estimator(model)
    let truth = model.truth(x)
    let one = try estimator.negativeLogLikelihood(samples: 1).mean
    let five = try estimator.negativeLogLikelihood(samples: 5).mean
    let estimate = try estimator.negativeLogLikelihood(samples: 5000)
    let many = estimate.mean
    // For weights p / q of Gaussians in two dimensions with deviations of 1 and c, the share of
    // effective samples is ((2 c^2 - 1)^0.5 / c^2)^2.
    let share = (2 * 1.5 * 1.5 - 1) / pow(1.5, 4)
    #expect(abs(estimate.medianSampleSize / 5000 - share) < 0.05 * share, "\(estimate)")
    #expect(estimate.smallestSampleSize <= estimate.medianSampleSize)
    // Each image's own estimate is near, so the error is the spread of the true values.
    let values = (0..<rows).map { model.truth(Array(x[$0 * 4..<$0 * 4 + 4])) }
    let squares = values.reduce(0) { $0 + pow($1 - truth, 2) }
    let spread = (squares / Double(rows - 1) / Double(rows)).squareRoot()
    #expect(abs(try #require(estimate.standardError) - spread) < 0.02 * spread, "\(estimate)")
    #expect(abs(many - truth) < 0.05)
    #expect(many < five && five < one)
    // The bound of one sample is KL(q || posterior) too low: two dimensions of (1.5² - 1) / 2 - log
    // 1.5.
    let gap = 2 * ((1.5 * 1.5 - 1) / 2 - log(1.5))
    #expect(abs(try estimator.negativeBound().mean - truth - gap) < 0.3)
  }

  @Test("X45: nats an image are bits a dimension")
  func bitsOfNats() {
    #expect(abs((784 * log(2)).bitsPerDimension(of: 784) - 1) < 1e-15)
    #expect(abs(95.0.bitsPerDimension(of: 784) - 0.174817) < 1e-6)
  }

  @Test(
    """
    The best checkpoint is that of the lowest validation bound; rows beyond the training rows \
    serve
    """
  )
  func selection() throws {
    let settings = [
      "model=dvae", "epochs=6", "rows=40", "validate_every=2", "validate_after=0.3", "keep_last=1",
      "learning_rate=0.05",
    ]
    try withTemporaryFolder { folder in
      let run = RecordedRun(folder.appending(path: "run"), settings)
      #expect(try run.go() == .finished)
      let contents = try run.checkpoint().contents()
      let found = try #require(contents.history["validation/bound"])
      #expect(found.map(\.step) == [4, 8, 12])
      let lowest = try #require(found.min { $0.value < $1.value })
      let best = folder.appending(path: "run/checkpoints/best").resolvingSymlinksInPath()
      #expect(best.lastPathComponent.hasSuffix(String(lowest.step)))
      let lines = try run.log().filter { $0.contains("\"validation\"") }
      #expect(lines.count == 3)
    }
  }

  @Test("The share of epochs before validation is of the whole run, outer iterations and all")
  func validationOfARobustModel() throws {
    try withTemporaryFolder { folder in
      let run = RecordedRun(
        folder.appending(path: "run"),
        [
          "model=rvae", "outer_iterations=3", "inner_epochs=2", "rows=40", "validate_every=2",
          "validate_after=0.5",
        ])
      try run.go()
      #expect(try run.log("validation").count == 2)
      #expect(run.warnings.allSatisfy { !$0.contains("validate_every") })
    }
  }

  @Test(
    "A run that will not validate says so",
    arguments: [
      (["model=dae", "validate_every=1"], "has no bound"),
      (["model=dvae", "validate_every=1", "rows=60"], "no images to validate on"),
      (["model=dvae", "validate_every=5"], "none of the run's 2 epochs"),
      (["model=dvae", "epochs=3", "validate_every=2", "validate_after=0.9"], "3 epochs is due"),
    ])
  func noValidation(settings: [String], reason: String) throws {
    try withTemporaryFolder { folder in
      let run = RecordedRun(
        folder.appending(path: "run"), ["epochs=2", "rows=40"] + settings)
      try run.go()
      #expect(run.warnings.contains { $0.hasPrefix("validate_every: ") && $0.contains(reason) })
      #expect(try run.log("validation").allSatisfy { !$0.contains("bound") })
    }
  }

  @Test("A density's bound is logged as evaluate reports it")
  func loggedSign() throws {
    try withTemporaryFolder { folder in
      let run = RecordedRun(
        folder.appending(path: "run"),
        ["model=dvae", "likelihood=gaussian", "epochs=1", "rows=40", "validate_every=1"])
      try run.go()
      let negative = try #require(try run.checkpoint().contents().history["validation/bound"]?.last)
      let line = try #require(try run.log("validation").first)
      guard case .real(let logged)? = try JSONValue(parsing: line)["bound"] else {
        Issue.record("\(line)")
        return
      }
      #expect(logged == -negative.value)
    }
  }

  @Test("Clipping: a gradient longer than the limit is scaled to it, a shorter one stays")
  func clipping() throws {
    func weights(_ settings: String...) throws -> [Float] {
      let run = try SmallTraining(["model=dvae", "optimizer=rmsprop"] + settings)
      for _ in 0..<3 { try run.trainer.trainStep() }
      return run.weights
    }
    #expect(bits(try weights("clip_norm=1e9")) == bits(try weights()))
    #expect(bits(try weights("clip_norm=0.01")) != bits(try weights()))
    let buckets = try SmallTraining(["model=dvae"]).trainer.buckets
    let clipping = HeldGradients(limit: 5, buckets: buckets)
    var squares = 0.0
    var gradient = [Float](repeating: 0, count: buckets.count)
    Draws(seed: 2, purpose: .synthesis, time: 0)
      .normal(row: 0, into: &gradient, count: gradient.count)
    for value in gradient { squares += Double(value) * Double(value) }
    gradient.withUnsafeBufferPointer { all in
      guard let start = all.baseAddress else { return }
      for (index, bucket) in buckets.buckets.enumerated() {
        clipping.keep(
          bucket: index, piece: 0..<bucket.range.count, start + bucket.range.lowerBound)
      }
    }
    let world = Communicator.alone()
    let before = try clipping.clip(groups: .max, on: world)
    #expect(abs(before - squares.squareRoot()) < 1e-6 * before)
    #expect(abs(try clipping.clip(groups: .max, on: world) - 5) < 1e-5)
  }
}
