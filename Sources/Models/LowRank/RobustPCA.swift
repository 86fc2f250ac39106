import Autodiff
import CKernels
import Checkpoints
import Datasets
import Layers
import Support
import Tensors
import Training

/// Robust PCA by principal component pursuit: X = L + S, L of low rank and S sparse.
///
/// Candes, Li, Ma & Wright, "Robust Principal Component Analysis?", J. ACM 2011; Lin, Chen & Ma,
/// "The augmented Lagrange multiplier method", 2010; docs/systems.md, 4.6. Minimises ||L||_* +
/// lambda |S|_1. A sweep is one iteration: L is M = X - S + Y / mu with its singular values lowered
/// by 1 / mu, which are found by `RowMatrix`. Shapes: N rows, D values of an image, J the largest
/// rank.
///
/// A rank holds S and Y of its rows, as floats; L is X - S when the fit has converged, and is never
/// stored. Products are in double precision.
///
/// Rows that were not fitted get L = D(E(X - S)), S = shrink(X - L, t) in turn. With the singular
/// values of L, E(x) = diag(s / (s + t / lambda)) V'x and D(z) = V z that minimises |z'|^2 / 2 +
/// lambda h(x - L), where L = V diag(sqrt s) z' and h is |.| that is square within t. It is what
/// pursuit itself does with each row when V and s are held (Feng, Xu & Yan, "Online robust PCA",
/// NIPS 2013).
struct RobustPCA: Autoencoder, Fitted {
  /// The system: its model and its loop.
  static func system(_ name: String) -> System {
    System(
      name, make: RobustPCA.init, loop: PursuitLoop.init, presets: presets, takesFeatures: true
    ) { _, _ in "a larger rpca_lambda" }
  }

  let encoder: Dense  // [B, D] -> [B, J]; columns beyond the rank are 0
  /// [B, J] -> [B, D]; rows beyond the rank are vectors that the next sweep begins with, or 0.
  let decoder: Dense
  let weights: Weights
  let settings: PursuitSettings
  private let isBounded: Bool

  /// What the next sweep needs beside the rows.
  struct Weights: Module {
    let lambda = Parameter(Shape(1), .ones), mu = Parameter(Shape(1), .ones)
    /// The largest mu.
    let limit = Parameter(Shape(1), .ones)
    /// The rank of L.
    let rank = Parameter(Shape(1), .zeros)
    var parameters: [(String, Parameter)] {
      [("lambda", lambda), ("mu", mu), ("limit", limit), ("rank", rank)]
    }
  }

  /// - Throws: `ConfigurationError` for images of too many values for svd=gram.
  init(_ settings: PursuitSettings, image: ImageShape) throws {
    let rank = try settings.spectrum.vectors(columns: image.count)
    encoder = Dense(image.count, rank)
    decoder = Dense(rank, image.count)
    weights = Weights()
    self.settings = settings
    isBounded = !image.isFeatures
  }

  var children: [(String, any Module)] {
    [("encoder", encoder), ("decoder", decoder), ("weights", weights)]
  }

  var latent: Int { decoder.weight.shape[0] }
  var torchCode: String? { "encoder(x)" }
  var torchImages: String? { isBounded ? "decoder(z).clamp(0, 1)" : "decoder(z)" }

  /// V'x, each value less the smaller its singular value is, [B, J].
  func encode(_ x: Variable) -> Code { Code(mean: encoder(x)) }

  /// V z, of images within [0, 1], [B, D].
  func decode(_ z: Variable) -> Variable { decoder(z).limited(toUnit: isBounded) }
}

/// The sweeps of robust PCA.
struct PursuitLoop: Loop {
  /// Sweeps, and what the model reads.
  struct Settings: SettingsGroup {
    var count = EpochCount()
    var pursuit = PursuitSettings()

    static let entries: [SettingsEntry<Settings>] = [.group(\.count), .group(\.pursuit)]

    /// Each sweep must see the same rows.
    func check(_ system: String, with common: CommonSettings) throws(ConfigurationError) {
      try SweepSettings().check(system, with: common)
    }
  }

  let settings: Settings
  var epochs: Int { settings.count.epochs }
  var leavesNoRest: Bool { true }
  var lossUnit: Measure { RobustPCA.lossUnit }

  init(_ settings: Settings) { self.settings = settings }

  /// S and Y; the authors' solver compares X - L - S with that of the sweep before.
  func rowArrays(rows: Int, of shape: ImageShape) throws -> [RowArray] {
    RobustPCA.rowArrays(kept: .float32)
      + (settings.pursuit.solver == .authors ? [RowArray("residual")] : [])
  }

  /// Makes sweeps until the fit has converged.
  ///
  /// **Collective.**
  func run(_ session: Session) throws -> RunOutcome {
    try session.sweep(RobustPCA.self, atMost: epochs)
  }
}

// MARK: - Sweeps

extension RobustPCA {
  /// A ratio.
  static var lossUnit: Measure { .change }

  /// The arrays of every solver.
  static func rowArrays(kept storage: RowStorageKind) -> [RowArray] {
    [RowArray("S"), RowArray("Y")]
  }

  private static let growth = 1.5
  /// What S of a new row is shrunk by, over the largest value of the images; smaller ones need more
  /// rounds and find no better L.
  private static let newRowsThreshold = 0.05

  private static func state(of trainer: Trainer) -> RowState {
    guard let state = trainer.rowState else { preconditionFailure("rows without S and Y") }
    return state
  }

  /// Finds lambda and mu, and sets S and Y of the first sweep.
  ///
  /// **Collective.**
  ///
  /// - Throws: `RunError.data` where singular values do not converge; errors of MPI.
  func start(_ session: Session) throws {
    let trainer = session.trainer
    let state = Self.state(of: trainer)
    let (n, d) = (trainer.rows.count, trainer.dimensions)
    var largest = [0.0]
    let sum = try trainer.rows.sum(1) { rows, sums in
      for value in trainer.rows.pixels(rows) {
        sums[0] += abs(value)
        largest[0] = max(largest[0], abs(value))
      }
    }[0]
    try trainer.world.allReduce(&largest, .max)
    let lambda =
      settings.sparseWeight > 0 ? settings.sparseWeight : 1 / Double(max(n, d)).squareRoot()
    session.shrinkageThreshold = Self.newRowsThreshold * largest[0]
    guard sum > 0 else {  // X = L = S = 0
      return try trainer.publish([(weights.lambda, [Float(lambda)])])
    }
    var mu = Double(n) * Double(d) / (4 * sum)
    var scale = 0.0
    if settings.solver != .admm {
      let norm = try spectrum(trainer, mu: nil).values[0]
      (mu, scale) = (
        (settings.solver == .alm ? 1.25 : 1) / norm, 1 / max(norm, largest[0] / lambda)
      )
    }
    mu = Double(Float(mu))
    try trainer.publish([
      (weights.lambda, [Float(lambda)]), (weights.mu, [Float(mu)]),
      (weights.limit, [Float(1e7 * mu)]),
    ])
    guard settings.solver != .admm else { return }
    state.beginUpdate()
    trainer.rows.forEachBlock { _, rows in
      let x = pixels(rows, trainer)
      state.update(rows) { arrays in
        for i in 0..<x.count {
          if settings.solver == .authors {
            arrays[2][i] = x[i]  // X - L - S with L = S = 0
          } else {
            arrays[1][i] = Float(scale * Double(x[i]))
            let v = Double(x[i]) + Double(arrays[1][i]) / mu
            arrays[0][i] = Float(v - min(max(v, -lambda / mu), lambda / mu))
          }
        }
      }
    }
    state.endUpdate()
  }

  /// One iteration.
  ///
  /// **Collective.**
  ///
  /// - Returns: ||X - L - S|| / ||X||, and the rank of L.
  /// - Throws: `RunError.data` where singular values do not converge; errors of MPI.
  func sweep(_ session: Session) throws -> SweepResult {
    let trainer = session.trainer
    let state = Self.state(of: trainer)
    let d = trainer.dimensions
    let (lambda, mu) = (Double(weights.lambda.value[0]), Double(weights.mu.value[0]))
    let limit = Double(weights.limit.value[0])
    let found = try spectrum(trainer, mu: mu)
    let rank = found.values.prefix(latent).prefix { $0 * mu > 1 }.count
    let kept = found.values.prefix(rank).map { 1 - 1 / (mu * $0) }
    // As the next sweep will read it.
    let next = Double(Float(min(Self.growth * mu, limit)))
    let low = LowRankRows(vectors: found.vectors, shares: kept, columns: d)
    let block = DoubleMemory(count: trainer.rows.blockRows * d)
    let l = DoubleMemory(count: trainer.rows.blockRows * d)
    state.beginUpdate()
    let sums = try trainer.rows.sum(3) { rows, sums in
      deviations(rows, state, trainer, mu: mu, into: block.start)
      low.apply(to: block.start, rows.count, into: l.start)
      let x = pixels(rows, trainer)
      let count = x.count
      for value in x { sums[2] += Double(value) * Double(value) }
      state.update(rows) { arrays in
        let (s, y) = (arrays[0], arrays[1])
        switch settings.solver {
        case .alm:
          sums[0] += ck_pursuit_multipliers_first(x, l.start, s, y, mu, next, lambda, count)
        case .admm:
          sums[0] += ck_pursuit_sparse_first(x, l.start, s, y, mu, lambda, count)
        case .authors:
          ck_pursuit_tolerant(
            x, l.start, s, y, arrays[2], mu, lambda, Self.freeSparseValue, count, sums)
        }
      }
    }
    state.endUpdate()
    let norm = sums[2] > 0 ? sums[2].squareRoot() : 1
    let (residual, change) = (sums[0].squareRoot() / norm, sums[1].squareRoot() / norm)
    try publish(
      found, rank: rank, shares: kept, lambda: lambda, mu: mu,
      next: nextMu(mu, limited: next, change: change, limit), trainer,
      threshold: session.shrinkageThreshold)
    var parts: [(LossPart, Double)] = [(.other("rank"), Double(rank))]
    if settings.spectrum.way == .randomized { parts.append((.other("outside"), found.outside)) }
    return SweepResult(
      objective: residual, parts: parts,
      hasConverged: hasConverged(residual, change: change, mu: mu))
  }

  /// Values of S up to this size cost nothing, with the authors' solver.
  private static let freeSparseValue = 1e-6

  /// mu of the next sweep.
  private func nextMu(
    _ mu: Double, limited: Double, change: Double, _ limit: Double
  ) -> Double {
    switch settings.solver {
    case .alm: limited
    case .admm: mu
    // 1.2172 + 1.8588 times the observed share, which is 1.
    case .authors: mu * change < 1e-4 ? min(mu * 3.076, limit) : mu
    }
  }

  private func hasConverged(_ residual: Double, change: Double, mu: Double) -> Bool {
    residual < settings.residualLimit
      && (settings.solver != .authors || min(mu, mu.squareRoot()) * change < 1e-4)
  }

  /// Pixels X of some rows.
  private func pixels(_ rows: Range<Int>, _ trainer: Trainer) -> [Float] {
    let count = rows.count * trainer.dimensions
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let start = buffer.baseAddress { trainer.rows.images.gather(rows, into: start) }
      initialized = count
    }
  }

  /// M = X - S + Y / mu of some rows; without mu, X.
  private func deviations(
    _ rows: Range<Int>, _ state: RowState, _ trainer: Trainer, mu: Double?,
    into a: UnsafeMutablePointer<Double>
  ) {
    let x = pixels(rows, trainer)
    guard let mu else {
      for i in x.indices { a[i] = Double(x[i]) }
      return
    }
    state.withFloats(["S", "Y"], rows) { arrays in
      ck_pursuit_deviation(a, x, arrays[0], arrays[1], 1 / mu, x.count)
    }
  }

  /// Singular values of M, or of X without mu.
  ///
  /// **Collective.**
  private func spectrum(_ trainer: Trainer, mu: Double?) throws -> RowSpectrum {
    let state = Self.state(of: trainer)
    let matrix = RowMatrix(rows: trainer.rows) { rows, a in
      deviations(rows, state, trainer, mu: mu, into: a)
    }
    do {
      guard settings.spectrum.way == .randomized else { return try matrix.spectrum() }
      // The vectors of the last sweep and some more; twice as many where they are too few.
      let isFirst = mu == nil || trainer.progress.step == 0
      var known = isFirst ? [] : basis
      let most = min(latent + Self.spareVectors, trainer.dimensions, trainer.rows.count)
      let rank = isFirst ? 0 : Int(weights.rank.value[0])
      var count = min(most, rank * 5 / 4 + Self.spareVectors)
      while true {
        known = Array(known.prefix(count * trainer.dimensions))
        let found = try matrix.spectrum(
          from: matrix.filled(
            known, to: count, seed: trainer.settings.seed, time: trainer.progress.step),
          count: count, rounds: known.isEmpty ? 3 : 2)
        guard let mu, found.values[count - 1] * mu > 1, count < most else { return found }
        known = found.vectors
        count = min(most, 2 * count)
      }
    } catch let error as SpectrumError {
      throw RunError.data(trainer.images.path, error.description)
    }
  }

  /// Vectors of a random range beyond those that the last sweep kept.
  private static let spareVectors = 10

  /// The vectors that the last sweep found, [r, D].
  private var basis: [Double] {
    let (k, d) = (decoder.weight.shape[0], decoder.weight.shape[1])
    let values = decoder.weight.value
    let count = (0..<k).prefix { i in (0..<d).contains { values[i * d + $0] != 0 } }.count
    return (0..<count * d).map { Double(values[$0]) }
  }

  /// Sends E, D and mu to all ranks.
  ///
  /// **Collective.**
  private func publish(
    _ found: RowSpectrum, rank: Int, shares: [Double], lambda: Double, mu: Double, next: Double,
    _ trainer: Trainer, threshold: Double
  ) throws {
    let (d, k) = (trainer.dimensions, latent)
    var (encoding, decoding) = (
      [Float](repeating: 0, count: d * k), [Float](repeating: 0, count: k * d)
    )
    for i in 0..<min(k, found.values.count) {
      let size = max(0, found.values[i] - 1 / mu)
      let factor = i < rank ? size / (size + threshold / lambda) : 0
      for j in 0..<d {
        let value = found.vectors[i * d + j]
        decoding[i * d + j] = Float(value)
        encoding[j * k + i] = Float(factor * value)
      }
    }
    try trainer.publish([
      (encoder.weight, encoding), (decoder.weight, decoding),
      (encoder.bias, Array(repeating: 0, count: k)), (decoder.bias, Array(repeating: 0, count: d)),
      (weights.mu, [Float(next)]), (weights.rank, [Float(rank)]),
    ])
  }
}
