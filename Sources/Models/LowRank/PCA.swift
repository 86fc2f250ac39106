import Autodiff
import Checkpoints
import Datasets
import Layers
import Support
import Tensors
import Training

/// Principal component analysis: codes are the deviations from the mean image along the directions
/// in which images differ most (Jolliffe, "Principal Component Analysis", 2002).
///
/// Shapes: B images, D values, J components. E(x) = V'(x - b), D(z) = V z + b; with `whiten` codes
/// have variance 1. One sweep finds b and V by `RowMatrix`. New images are D(z) of normal codes
/// with the variances of the training set.
struct PCA: Autoencoder, Generative, Fitted {
  /// What the model reads.
  struct Settings: SettingsGroup {
    /// The components.
    var spectrum = SpectrumSettings()
    /// The share of the variance that the components explain; 1 keeps `rank` of them.
    var share = 1.0
    /// Whether codes have variance 1.
    var whiten = false

    static let entries: [SettingsEntry<Settings>] = [
      .group(\.spectrum),
      .real(
        "pca_share", \.share, .share,
        "The share of the variance to explain: no more components than that takes, at most rank.",
        "own: 1, all of rank"
      ).fixed,
      .flag(
        "whiten", \.whiten, "Divide each code by its deviation over the training set.", "own: no"
      )
      .fixed,
    ]
  }

  /// The system.
  static func system(_ name: String) -> System {
    System(
      name, make: PCA.init, loop: Sweeps<PCA>.init, presets: [preset], takesFeatures: true
    ) { _, _ in "a larger rank" }
  }

  private static let preset = Preset(
    name: "mnist-pca", summary: "the first 10 principal components of MNIST",
    settings: [
      Preset.Setting("model=pca", "8.7: PCA(10)"), Preset.Setting("rank=10", "8.7"),
      Preset.Setting("epochs=1", "own: one sweep"),
      Preset.Setting("batch=128", "own: only how rows are counted"),
      Preset.Setting("grid_every=0", "own"),
    ])

  let encoder: Dense  // [B, D] -> [B, J]; columns of components that are left out are 0
  let decoder: Dense  // [B, J] -> [B, D]
  let components: Components
  let settings: Settings
  private let isBounded: Bool

  /// The deviation of each code over the training set, [J].
  struct Components: Module {
    let deviation: Parameter
    var parameters: [(String, Parameter)] { [("deviation", deviation)] }
  }

  /// - Throws: `ConfigurationError` for images of too many values for svd=gram.
  init(_ settings: Settings, image: ImageShape) throws {
    let count = try settings.spectrum.vectors(columns: image.count)
    encoder = Dense(image.count, count)
    decoder = Dense(count, image.count)
    components = Components(deviation: Parameter(Shape(count), .ones))
    self.settings = settings
    isBounded = !image.isFeatures
  }

  var children: [(String, any Module)] {
    [("encoder", encoder), ("decoder", decoder), ("components", components)]
  }

  var latent: Int { decoder.weight.shape[0] }

  /// V'(x - b), [B, J].
  func encode(_ x: Variable) -> Code { Code(mean: encoder(x)) }

  /// V z + b, of images within [0, 1], [B, D].
  func decode(_ z: Variable) -> Variable { decoder(z).limited(toUnit: isBounded) }

  /// Normal codes with the variances of the training set, [B, J].
  func prior(_ step: Step) -> Variable {
    let z = step.normal(latent, step.purpose)
    let deviation = components.deviation.value
    for i in 0..<z.shape.count { z.pointer[i] *= deviation[i % latent] }
    return z
  }

  var torchCode: String? { "encoder(x)" }
  var torchImages: String? { isBounded ? "decoder(z).clamp(0, 1)" : "decoder(z)" }
}

extension PCA {
  /// A squared distance.
  static var lossUnit: Measure { .change }

  /// No arrays.
  static func rowArrays(kept storage: RowStorageKind) -> [RowArray] { [] }

  func start(_ session: Session) throws {}

  /// Finds the mean image and the components.
  ///
  /// **Collective.**
  ///
  /// - Returns: half of the squared distance of images from what the components explain, mean over
  ///   the images.
  /// - Throws: `RunError.data` where singular values do not converge; errors of MPI.
  func sweep(_ session: Session) throws -> SweepResult {
    let trainer = session.trainer
    let (d, n) = (trainer.dimensions, Double(trainer.rows.count))
    let moments = try trainer.rows.sum(d) { rows, sums in
      for (i, value) in trainer.rows.pixels(rows).enumerated() { sums[i % d] += value }
    }
    let mean = moments.map { $0 / n }
    let whole = try trainer.rows.sum(1) { rows, sums in
      for (i, value) in trainer.rows.pixels(rows).enumerated() {
        sums[0] += (value - mean[i % d]) * (value - mean[i % d])
      }
    }[0]
    let matrix = RowMatrix(rows: trainer.rows) { rows, a in
      for (i, value) in trainer.rows.pixels(rows).enumerated() { a[i] = value - mean[i % d] }
    }
    let found = try spectrum(of: matrix, trainer)
    var (count, explained) = (0, 0.0)
    // Smaller values are rounding.
    let least = 1e-7 * (found.values.first ?? 0)
    for value in found.values.prefix(latent)
    where explained < settings.share * whole && value > least {
      (count, explained) = (count + 1, explained + value * value)
    }
    try publish(found, count, mean: mean, deviationsOf: n, trainer)
    return SweepResult(
      objective: 0.5 * max(0, whole - explained) / n,
      parts: [
        (.other("components"), Double(count)),
        (.other("explained"), whole > 0 ? explained / whole : 1),
      ], hasConverged: true)
  }

  private func spectrum(of matrix: RowMatrix, _ trainer: Trainer) throws -> RowSpectrum {
    do {
      guard settings.spectrum.way == .randomized else { return try matrix.spectrum() }
      let count = min(latent + Self.spareVectors, matrix.columns, trainer.rows.count)
      return try matrix.spectrum(
        from: matrix.filled([], to: count, seed: trainer.settings.seed, time: 0), count: count,
        rounds: Self.rounds, settled: latent)
    } catch let error as SpectrumError {
      throw RunError.data(trainer.images.path, error.description)
    }
  }

  /// Vectors of the random range beyond those that are kept, and how often it is refined at most.
  private static let spareVectors = 10, rounds = 50

  /// Sends E and D to all ranks.
  ///
  /// **Collective.**
  private func publish(
    _ found: RowSpectrum, _ count: Int, mean: [Double], deviationsOf n: Double, _ trainer: Trainer
  ) throws {
    let (d, k) = (mean.count, latent)
    var (encoding, decoding) = (
      [Float](repeating: 0, count: d * k), [Float](repeating: 0, count: k * d)
    )
    var (offset, deviations) = ([Float](repeating: 0, count: k), [Float](repeating: 0, count: k))
    for i in 0..<count {
      let deviation = found.values[i] / n.squareRoot()
      let scale = settings.whiten && deviation > 0 ? deviation : 1
      var product = 0.0
      for j in 0..<d {
        let value = found.vectors[i * d + j]
        product += value * mean[j]
        encoding[j * k + i] = Float(value / scale)
        decoding[i * d + j] = Float(value * scale)
      }
      (offset[i], deviations[i]) = (Float(-product / scale), Float(deviation / scale))
    }
    try trainer.publish([
      (encoder.weight, encoding), (encoder.bias, offset), (decoder.weight, decoding),
      (decoder.bias, mean.map { Float($0) }), (components.deviation, deviations),
    ])
  }
}
