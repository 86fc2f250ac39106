import Autodiff
import Checkpoints
import Datasets
import Layers
import Tensors
import Training

/// iC-VAE with an affine decoder mean m(z) = W z + b, fitted by EM updates of its upper bound
/// (`AffineEM`), without gradients.
///
/// X = L + S with L = W mz + b. The only free choice is the number of latent dimensions, which may
/// equal the number of pixels. Shapes: B examples, D pixels, J latent dimensions.
/// Sweeps start from PCA, scaled by singular value / sqrt(N). The floor of the variances falls by
/// `floor_decay` from one sweep to the next, down to `floor`; both are fractions of the data's
/// variance (docs/systems.md, 5.4).
/// Without the falling floor, the fit would find the trivial solution in which every entry is an
/// outlier.
/// A rank holds S = x - m and the variance of m for its own rows; lambda = S² + the variance, or
/// the floor.
///
/// With `components` the sweeps see y = V'(x - mean), [B, C], the principal components of the rows
/// (`PrincipalComponents`); then C takes the place of D above. L and S are of pixels all the same: L
/// = V m + mean, and what the components leave out is a part of S.
struct AffineICVAE: Autoencoder, Generative, Fitted {
  /// The settings of the affine iC-VAE by EM.
  struct Settings: SettingsGroup {
    /// The code.
    var code = CodeSettings()
    /// The principal components that take the place of pixels; nil for pixels.
    var components: Int?
    /// Whether there are as many latent dimensions as values of a row (or components), in place of
    /// the code's.
    var isFull = false
    /// The number of sweeps, for the training set and for new rows.
    var count = EpochCount()
    /// The least variance of an entry, as a fraction of the data's variance.
    var floor = 1e-6
    /// The factor of that fraction from sweep to sweep; the fraction starts at 1.
    var floorDecay = 0.9
    /// Whether an offset is fitted; centred data need none.
    var affineBias = true

    /// The code, sweeps, variances.
    static let entries: [SettingsEntry<Settings>] = [
      .group(\.code),
      .optionalInteger(
        "components", \.components, 1...1_000_000,
        absent: "\(usualComponents) above \(largestImage) values of an image, else none",
        "Principal components of the training images that take the place of their values.",
        "5.4 [R]: at most 256 where images are large"
      ).fixed,
      .flag(
        "full_latent", \.isFull,
        "As many latent dimensions as a row has values or components, in place of latent.",
        "5.4 [P]: k = d on Google-30"
      ).fixed,
      .group(\.count),
      .real(
        "floor", \.floor, .positive,
        "Least variance of an entry, as a fraction of the data's.", "5.4 [R]: 1e-6"),
      .real(
        "floor_decay", \.floorDecay, .fraction,
        "What the floor, 1 at first, is multiplied by in every sweep.",
        "5.4 [R]: 0.9; 0.95 and 300 sweeps if noisy"),
      .flag(
        "affine_bias", \.affineBias, "Fit b as well as W.",
        "5.4: not if centred"),
    ]

    /// Images of more values are taken by their principal components.
    static let largestImage = 4096
    /// The components of such images.
    static let usualComponents = 256

    /// Images that are too large for sweeps over their values get components; a full model gets its
    /// code.
    mutating func resolve(for data: TrainingSetFacts) {
      guard let shape = data.shape else { return }
      components = components(of: shape).map { min($0, data.rows) }
      if isFull { code.latent = components ?? shape.count }
    }

    /// The components of images of a shape; nil for none.
    func components(of image: ImageShape) -> Int? {
      components ?? (image.count > Self.largestImage ? Self.usualComponents : nil)
    }
  }

  /// The system fitted by sweeps.
  static func system(_ name: String) -> System {
    System(
      name, make: AffineICVAE.init, loop: Sweeps<AffineICVAE>.init,
      presets: Preset.recycling, takesFeatures: true
    ) { _, _ in "floor_decay=0.95 with epochs=300" }
  }

  let decoder: Dense  // [B, J] -> [B, D]; [B, C] with components
  let data: DataVariance
  let components: PrincipalComponents?
  let floorDecay: Double, floor: Double
  let sweeps: Int
  let hasBias: Bool

  /// A model of images of this shape.
  ///
  /// - Throws: `ConfigurationError` for more latent dimensions than values, or more components than
  ///   half of the values, beside which their variances are kept.
  init(_ c: Settings, image: ImageShape) throws {
    let reduced = c.components(of: image)
    if let reduced, 2 * reduced > image.count {
      throw ConfigurationError(
        key: "components", found: "\(reduced)",
        expected: "at most \(image.count / 2), half of the values of an image, or null for none")
    }
    let dimensions = reduced ?? image.count
    guard c.code.latent <= dimensions else {
      throw ConfigurationError(
        key: "latent", found: "\(c.code.latent)",
        expected: reduced == nil
          ? "at most \(dimensions), the \(image.isFeatures ? "features of a row" : "pixels of an image")"
          : "at most \(dimensions), as components has")
    }
    decoder = Dense(c.code.latent, dimensions)
    data = DataVariance()
    components = reduced.map { PrincipalComponents($0, of: image.count) }
    (floorDecay, floor, sweeps) = (c.floorDecay, c.floor, c.count.epochs)
    hasBias = c.affineBias
  }

  /// The variance of all elements of the training set (of their components), kept to explain data
  /// after training.
  struct DataVariance: Module {
    let variance = Parameter(Shape(1), .ones)
    var parameters: [(String, Parameter)] { [("variance", variance)] }
  }

  var children: [(String, any Module)] {
    [("decoder", decoder), ("data", data)] + (components.map { [("components", $0)] } ?? [])
  }

  /// The latent dimensions, J.
  var latent: Int { decoder.weight.shape[0] }

  /// The present W and b.
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

  /// The posterior of new rows at their best variances, found by W and b along the same falling
  /// floor.
  private func posterior(_ x: Variable) -> AffineEM.Posterior {
    let (fit, floors) = (fit, floors)
    let pixels = x.values.map { Double($0) }
    let values = components?.projection.codes(of: pixels) ?? pixels
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

  /// mz, [B, J].
  func encode(_ x: Variable) -> Code {
    let means = posterior(x).means
    let code = x.tape.constant(Shape(x.shape.rows, latent))
    for (i, mean) in means.enumerated() { code.pointer[i] = Float(mean) }
    return Code(mean: code)
  }

  /// W z + b, or V (W z + b) + mean, [B, D].
  func decode(_ z: Variable) -> Variable {
    let m = decoder(z)
    return components?.expansion(m) ?? m
  }

  /// Codes from N(0, I), [B, J].
  func prior(_ step: Step) -> Variable { step.normal(latent, step.purpose) }
}

extension AffineICVAE {
  /// The arrays S and the variance of m.
  static func rowArrays(kept storage: RowStorageKind) throws(ConfigurationError) -> [RowArray] {
    guard storage == .float32 else {
      throw ConfigurationError(
        key: "split_storage", found: storage.rawValue,
        expected: "float32, since variances are kept there")
    }
    return [RowArray("S"), RowArray("variance")]
  }

  private static func state(of trainer: Trainer) -> RowState {
    guard let state = trainer.rowState else { preconditionFailure("rows without S and variance") }
    return state
  }

  /// Starts from PCA: b is the mean (0 without a bias), W the principal axes times singular value /
  /// sqrt(N), lambda the data's variance.
  ///
  /// **Collective.**
  func start(_ session: Session) throws {
    let trainer = session.trainer
    let state = Self.state(of: trainer)
    let (fit, variance) = try components.map { try first(of: $0, session) } ?? first(trainer)
    try publish(fit, variance: variance, trainer)
    state.beginUpdate()
    state.update(state.rows) { arrays in
      let (s, variances) = (arrays[0], arrays[1])
      let (d, c) = (trainer.dimensions, fit.dimensions)
      for i in 0..<state.rows.count * d {
        (s[i], variances[i]) = (0, i % d < c ? Float(variance) : 0)
      }
    }
    state.endUpdate()
  }

  /// PCA of the pixels, and their variance.
  ///
  /// **Collective.**
  private func first(_ trainer: Trainer) throws -> (fit: AffineEM, variance: Double) {
    let (d, k) = (decoder.weight.shape[1], decoder.weight.shape[0])
    let count = Double(trainer.rows.count)
    let moments = try trainer.rows.sum(d + 1) { rows, sums in
      for (i, value) in trainer.rows.pixels(rows).enumerated() {
        sums[i % d] += value
        sums[d] += value * value
      }
    }
    let means = moments[..<d].map { $0 / count }
    let total = means.reduce(0, +) / Double(d)
    let variance = max(moments[d] / (count * Double(d)) - total * total, 1e-12)
    let centre = hasBias ? means : Array(repeating: 0, count: d)
    let gram = try trainer.rows.sum(d * d) { rows, sums in
      var x = trainer.rows.pixels(rows)
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
    return (fit, variance)
  }

  /// Makes one E-step and one M-step.
  ///
  /// **Collective.**
  ///
  /// - Returns: half of h before the sweep, mean over the rows.
  func sweep(_ session: Session) throws -> SweepResult {
    let trainer = session.trainer
    let state = Self.state(of: trainer)
    var fit = fit
    let (floors, sweep) = (floors, trainer.progress.epoch)
    let (before, least) = (floors.value(sweep: sweep - 1), floors.value(sweep: sweep))
    let projection = components?.projection
    state.beginUpdate()
    let sums = try trainer.rows.sum(fit.sumCount + 1) { rows, sums in
      let x = trainer.rows.pixels(rows)
      state.update(rows) { arrays in
        let (s, spreads) = (arrays[0], arrays[1])
        if let projection {
          sums[fit.sumCount] += reducedSweep(
            x, projection, fit, s, spreads, before: before, least: least, into: sums)
          return
        }
        var variances = (0..<x.count).map { Self.variance(s[$0], spreads[$0], atLeast: before) }
        let posterior = fit.posterior(x, variances: variances)
        for i in x.indices {
          (s[i], spreads[i]) = (Float(posterior.residuals[i]), Float(posterior.spreads[i]))
          variances[i] = Self.variance(s[i], spreads[i], atLeast: least)
        }
        fit.accumulate(x, posterior, variances: variances, into: sums)
        sums[fit.sumCount] += posterior.objective
      }
    }
    state.endUpdate()
    fit.maximize(Array(sums.dropLast()), hasBias: hasBias)
    try publish(fit, variance: floors.variance, trainer)
    return SweepResult(
      objective: 0.5 * sums[fit.sumCount] / Double(trainer.rows.count),
      parts: components.map { [(.other("explained"), Double($0.kept.value[0]))] } ?? [])
  }

  /// lambda of an entry, from its residual and the variance of its mean.
  static func variance(_ s: Float, _ r: Float, atLeast least: Double) -> Double {
    max(Double(s) * Double(s) + Double(r), least, Double(Float.leastNormalMagnitude))
  }

  /// Sends the same W, b and variance to all ranks.
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
