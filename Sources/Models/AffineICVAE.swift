import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// iC-VAE with an affine decoder mean m(z) = W z + b, fitted by the EM updates of its upper bound (`AffineEM`) rather than
/// by gradients: X = L + S with L = W mz + b and no parameter but the number of latent dimensions, which may be that of the
/// pixels.
///
/// Shapes: B examples, D pixels, J latent dimensions. Sweeps start from PCA, scaled by singular value / sqrt(N), and the floor
/// of the variances falls by `floor_decay` from one sweep to the next, down to `floor`, both times the variance of the data
/// (systems.md 5.4): without that, the fit falls into the trivial solution in which every entry is an outlier.
/// A rank holds S = x - m and R, the variance of m, for its own rows; lambda = S² + R or the floor.
struct AffineICVAE: Autoencoder {
  let decoder: Dense  // [B, J] -> [B, D]
  let data: DataVariance
  let floorDecay: Double, floor: Double
  let sweeps: Int
  let hasBias: Bool

  private static let largestImage = 4096

  /// A model of such images.
  ///
  /// - Throws: `ConfigurationError` for more latent dimensions than pixels, or images too large for a matrix of all pairs
  ///   of pixels.
  init(_ c: Configuration, image: ImageShape) throws {
    guard image.count <= Self.largestImage else {
      throw ConfigurationError(
        key: "model", found: "\(c.model) for images of \(image.count) pixels",
        expected: "at most \(Self.largestImage); take principal components first")
    }
    guard c.latent <= image.count else {
      throw ConfigurationError(
        key: "latent", found: "\(c.latent)",
        expected: "at most \(image.count), the pixels of an image")
    }
    decoder = Dense(c.latent, image.count)
    data = DataVariance()
    (floorDecay, floor, sweeps) = (c.floorDecay, c.floor, c.epochs)
    hasBias = c.affineBias
  }

  /// The variance of all elements of the training set, kept for data the model is asked about later.
  struct DataVariance: Module {
    let variance = Parameter(Shape(1), .ones)
    var parameters: [(String, Parameter)] { [("variance", variance)] }
  }

  var children: [(String, any Module)] { [("decoder", decoder), ("data", data)] }

  /// None: there are no gradients.
  var phases: [Phase] { [] }

  /// W and b as they are now.
  var fit: AffineEM {
    let (j, d) = (decoder.weight.shape[0], decoder.weight.shape[1])
    let w = decoder.weight.value  // [J, D]
    var weights = [Double](repeating: 0, count: d * j)
    for i in 0..<d {
      for a in 0..<j { weights[i * j + a] = Double(w[a * d + i]) }
    }
    return AffineEM(
      dimensions: d, latent: j, weights: weights,
      bias: (0..<d).map { Double(decoder.bias.value[$0]) })
  }

  private var floors: VarianceFloor {
    VarianceFloor(decay: floorDecay, least: floor, variance: Double(data.variance.value[0]))
  }

  /// The best variances of new rows by W and b, along the same falling floor, and what they say of the codes.
  private func posterior(_ x: Variable) -> AffineEM.Posterior {
    let (fit, floors) = (fit, floors)
    let values = x.values.map { Double($0) }
    var variances = [Double](repeating: floors.variance, count: values.count)
    var posterior = fit.posterior(values, variances: variances)
    for sweep in 0..<floors.sweeps(atMost: sweeps) {
      let least = floors.value(sweep: sweep)
      for i in variances.indices {
        let residual = posterior.residuals[i]
        variances[i] = max(residual * residual + posterior.spreads[i], least)
      }
      posterior = fit.posterior(values, variances: variances)
    }
    return posterior
  }

  /// Half of h at the best variances, one value an example, [B].
  func loss(phase: Int, _ step: Step) -> Variable {
    let objectives = posterior(step.target).objectives
    let rows = step.tape.constant(Shape(objectives.count))
    for (row, objective) in objectives.enumerated() { rows.pointer[row] = Float(0.5 * objective) }
    step.report("misfit", rows)
    return rows
  }

  /// mz, [B, J].
  func encode(_ x: Variable) -> Code {
    let means = posterior(x).means
    let code = x.tape.constant(Shape(x.shape.rows, decoder.weight.shape[0]))
    for (i, mean) in means.enumerated() { code.pointer[i] = Float(mean) }
    return Code(mean: code)
  }

  /// W z + b, [B, D].
  func decode(_ z: Variable) -> Variable { decoder(z) }

  /// Codes from N(0, I), [B, J].
  func prior(_ step: Step) -> Variable { step.normal(decoder.weight.shape[0], step.purpose) }
}

extension AffineICVAE {
  /// Sweeps of EM over the rows of all ranks.
  ///
  /// **Collective.**
  @Sendable static func fit(_ trainer: Trainer) throws -> RunOutcome {
    guard let model = trainer.model as? AffineICVAE, let split = trainer.split else {
      preconditionFailure("\(trainer.configuration.model) with another model")
    }
    guard split.storage == .float32 else {
      throw ConfigurationError(
        key: "split_storage", found: split.storage.rawValue,
        expected: "float32, since \(trainer.configuration.model) keeps its variances there")
    }
    if trainer.progress.step == 0 { try model.start(trainer, split) }
    let isDone = try trainer.fit(epochs: trainer.configuration.epochs) {
      try model.sweep(trainer, split)
    }
    return isDone ? .finished : trainer.interruption
  }

  /// b is the mean (0 without a bias), W the principal axes times singular value / sqrt(N), lambda the variance of the data.
  ///
  /// **Collective.**
  private func start(_ trainer: Trainer, _ split: RowSplit) throws {
    let (d, k) = (decoder.weight.shape[1], decoder.weight.shape[0])
    let count = Double(trainer.rowCount)
    let moments = try trainer.sumOverRows(d + 1) { rows, sums in
      for (i, value) in trainer.pixels(rows).enumerated() {
        sums[i % d] += value
        sums[d] += value * value
      }
    }
    let means = moments[..<d].map { $0 / count }
    let total = means.reduce(0, +) / Double(d)
    let variance = max(moments[d] / (count * Double(d)) - total * total, 1e-12)
    let centre = hasBias ? means : Array(repeating: 0, count: d)
    let gram = try trainer.sumOverRows(d * d) { rows, sums in
      var x = trainer.pixels(rows)
      for i in x.indices { x[i] -= centre[i % d] }
      DoubleAlgebra.multiply(d, d, rows.count, x, transposeA: true, x, into: sums, beta: 1)
    }
    guard let axes = DoubleAlgebra.eigen(gram, d) else {
      throw RunError.data(trainer.images.path, "principal components: do not converge")
    }
    var fit = AffineEM(
      dimensions: d, latent: k, weights: Array(repeating: 0, count: d * k), bias: centre)
    for a in 0..<k {
      let deviation = max(0, axes.values[a] / count).squareRoot()
      for j in 0..<d { fit.weights[j * k + a] = axes.vectors[a * d + j] * deviation }
    }
    try publish(fit, variance: variance, trainer)
    split.beginUpdate(residualWithin: 1)
    split.update(split.rows) { s, r in
      for i in 0..<split.rows.count * d { (s[i], r[i]) = (0, Float(variance)) }
    }
    split.endUpdate()
  }

  /// One E-step and one M-step.
  ///
  /// **Collective.**
  ///
  /// - Returns: half of h, the mean over the rows, as it was before the sweep.
  private func sweep(_ trainer: Trainer, _ split: RowSplit) throws -> Double {
    var fit = fit
    let (floors, sweep) = (floors, trainer.progress.epoch)
    let (before, least) = (floors.value(sweep: sweep - 1), floors.value(sweep: sweep))
    split.beginUpdate(residualWithin: 1)
    let sums = try trainer.sumOverRows(fit.sumCount + 1) { rows, sums in
      let x = trainer.pixels(rows)
      split.update(rows) { s, r in
        var variances = (0..<x.count).map { Self.variance(s[$0], r[$0], atLeast: before) }
        let posterior = fit.posterior(x, variances: variances)
        for i in x.indices {
          (s[i], r[i]) = (Float(posterior.residuals[i]), Float(posterior.spreads[i]))
          variances[i] = Self.variance(s[i], r[i], atLeast: least)
        }
        fit.accumulate(x, posterior, variances: variances, into: sums)
        sums[fit.sumCount] += posterior.objective
      }
    }
    split.endUpdate()
    fit.maximize(Array(sums.dropLast()), hasBias: hasBias)
    try publish(fit, variance: floors.variance, trainer)
    return 0.5 * sums[fit.sumCount] / Double(trainer.rowCount)
  }

  /// lambda of an entry from its residual and the variance of its mean.
  private static func variance(_ s: Float, _ r: Float, atLeast least: Double) -> Double {
    max(Double(s) * Double(s) + Double(r), least, Double(Float.leastNormalMagnitude))
  }

  /// Gives all ranks the same W, b and variance.
  ///
  /// **Collective.**
  private func publish(_ fit: AffineEM, variance: Double, _ trainer: Trainer) throws {
    let (d, k) = (fit.dimensions, fit.latent)
    try trainer.publish([
      (decoder.weight, (0..<k * d).map { Float(fit.weights[$0 % d * k + $0 / d]) }),
      (decoder.bias, fit.bias.map { Float($0) }),
      (data.variance, [Float(variance)]),
    ])
  }
}
