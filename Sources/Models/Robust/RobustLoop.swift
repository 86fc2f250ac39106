import Checkpoints
import Datasets
import Layers
import Tensors
import Training

/// The outer loop of robust models: X = L + S, an autoencoder explains L, S is sparse.
///
/// Minimises loss(L) + lambda ||S||_1 subject to X = L + S.
/// - The robust VAE trains a `VAE` (Ren et al., "Robust Variational Autoencoders: Generating
///   Noise-Free Images from Corrupted Images").
/// - The robust deep autoencoder trains an `AE`, whose codes are not drawn, or a
///   `TiedAutoencoder` (Zhou & Paffenroth, "Anomaly Detection with Robust Deep Autoencoders", KDD
///   2017; D-46).
///
/// A rank holds S and R = X - L - S for its own rows; L is never stored, since a batch's L is X -
/// S. Where the RVAE paper and its authors' code disagree, the program follows the code:
/// - The threshold is t = lambda / mu with mu = size(X) / (4 ||X||). The norm is the induced
///   1-norm, the largest column sum (paper: t = lambda; D-01).
/// - The loop stops when c1 and c2 are both small, c2 weighted by min(mu, sqrt(mu)) (paper: when
///   either is, unweighted; D-02).
/// - One optimizer serves the whole run (D-06).
/// - In the RVAE, L decodes a draw of q(z|X - S) (D-07).
public struct RobustLoop: Loop {
  /// The robust VAE.
  static func variational(_ name: String) -> System {
    System(
      name, make: VAE.robust, loop: RobustLoop.init, presets: Preset.robust
    ) { settings, warning in
      let cures = longerBegin.orLighterKL(settings.model.kl)
      return warning == .posteriorCollapse
        ? cures.orReLU(settings.model.network.layers).text : cures.text
    }
  }

  /// The robust deep autoencoder.
  static func deterministic(_ name: String) -> System {
    System(
      name, make: AE.robust, loop: RobustLoop.init, presets: Preset.robust
    ) { settings, _ in longerBegin.orReLU(settings.model.network.layers).text }
  }

  /// What helps both: a model that has learnt something before S takes what it does not explain.
  private static let longerBegin = Cures.always("more inner epochs before the first split")

  let settings: Settings

  /// A loop with these settings.
  public init(_ settings: Settings) { self.settings = settings }

  /// The epochs of all outer iterations.
  public var epochs: Int { settings.outerIterations * settings.innerEpochs }
  /// The largest number of outer iterations.
  public var outerIterations: Int? { settings.outerIterations }
  /// The rule that makes S.
  public var shrinkage: ShrinkageRule { settings.shrinkage }
  /// The inner loop's settings.
  public var optimizer: OptimizerSettings { settings.optimizer }

  /// The arrays S and R = X - L - S, whose elements lie within the threshold.
  public func rowArrays(rows: Int, of shape: ImageShape) -> [RowArray] {
    switch settings.storage.kind(rows: rows, of: shape) {
    case .float32: [RowArray("S"), RowArray("R")]
    case .compact: [RowArray("S", .float16), RowArray("R", .steps)]
    }
  }

  /// Runs Algorithm 1, in its order.
  ///
  /// **Collective.**
  public func run(_ session: Session) throws -> RunOutcome {
    let trainer = session.trainer
    let norms = try trainer.rows.norms()
    let (threshold, weight) = shrinkage(norms, elements: trainer.rows.count * trainer.dimensions)
    session.shrinks(by: threshold, lambda: settings.lambda)
    let shrinkage = Shrinkage(
      settings.shrinkage, threshold: threshold, shape: trainer.images.shape)
    guard try split(session, by: shrinkage) else {
      // A resume begins with the split again.
      try session.checkpoint()
      return session.interruption
    }
    while trainer.progress.outer < settings.outerIterations {
      // A run that goes on after it has converged stays where it is.
      if let (c1, c2) = lastMeasures(of: session), hasConverged(c1, c2) { return .converged }
      let isFresh = trainer.progress.epoch == 0 && trainer.progress.stepInEpoch == 0
      if settings.resetOptimizer && isFresh { trainer.resetOptimizers() }
      // Train the model on L = X - S.
      guard try session.train(epochs: settings.innerEpochs) else { return session.interruption }
      // L = D(E(X - S)); S = shrink(X - L, t); R = X - L - S.
      let found = try trainer.project(
        by: shrinkage, sampling: settings.projectWith == .sample,
        isFromZero: settings.initialSplit == .none)
      let c1 = found.residual / norms.frobenius
      let c2 = weight * found.moved / norms.frobenius
      try session.finishOuter(
        OuterResult(
          c1: c1, c2: c2, nonzero: found.nonzero, penalty: settings.lambda * found.l1,
          cleanError: found.cleanError, seconds: found.seconds))
      if hasConverged(c1, c2) { return .converged }
      if session.isOutOfPatience { return .stalled }
    }
    return .finished
  }

  /// c1 and c2, where the run stands at the end of an outer iteration.
  private func lastMeasures(of session: Session) -> (c1: Double, c2: Double)? {
    let step = session.trainer.progress.step
    guard let c1 = session.history.metrics["c1"]?.last, c1.step == step,
      let c2 = session.history.metrics["c2"]?.last, c2.step == step
    else { return nil }
    return (c1.value, c2.value)
  }

  private func hasConverged(_ c1: Double, _ c2: Double) -> Bool {
    let small = (c1 < settings.tolerance, c2 < settings.tolerance)
    return settings.stopRule == .both ? small.0 && small.1 : small.0 || small.1
  }

  /// The shrinkage threshold t (D-01) and the weight of c2 (D-02).
  func shrinkage(_ norms: DataNorms, elements: Int) -> (threshold: Float, weight: Double) {
    let norm = settings.threshold == .entrywise ? norms.entrywise : norms.induced
    let mu = Double(elements) / (4 * norm)
    let threshold = settings.threshold == .none ? settings.lambda : settings.lambda / mu
    return (Float(threshold), settings.c2Weight == .paper ? 1 : min(mu, mu.squareRoot()))
  }

  /// Makes one projection.
  public func rehearse(_ trainer: Trainer) throws -> Double? {
    let shrinkage = Shrinkage(
      settings.shrinkage, threshold: 0.1, shape: trainer.images.shape)
    return try trainer.project(by: shrinkage, sampling: true).seconds
  }
}

extension AE {
  /// The settings that a robust deep autoencoder takes from an autoencoder: it makes one pass.
  struct RobustSettings: SettingsGroup {
    var network = NetworkSettings()
    var reconstruction = ReconstructionSettings()
    var tied = TiedAutoencoder.Settings()

    static let entries: [SettingsEntry<RobustSettings>] = [
      .group(\.network),
      .group(\.reconstruction),
      .group(\.tied),
    ]

    mutating func resolve(for data: TrainingSetFacts) { network.resolve(for: data) }

    /// Tied weights leave no choice of networks and of their loss.
    func check(_ system: String, with common: CommonSettings) throws(ConfigurationError) {
      guard tied.variant == .tied else { return }
      try network.layers.checkConnected(" with rda_variant=tied")
      guard reconstruction.term == .mse else {
        throw ConfigurationError(
          key: "reconstruction_term", found: reconstruction.term.rawValue,
          expected: "mse with rda_variant=tied, whose loss is 200 times the mean squared error")
      }
    }
  }

  /// The autoencoder within a robust one.
  static func robust(_ c: RobustSettings, image: ImageShape) throws -> any Module {
    if c.tied.variant == .tied { return TiedAutoencoder(c.tied, image: image) }
    var settings = Settings()
    settings.network = c.network
    settings.reconstruction = c.reconstruction
    return try AE(settings, image: image)
  }
}
