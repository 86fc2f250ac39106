import Autodiff
import Datasets
import Layers
import Runs
import Support
import Tensors
import Testing

@testable import Models
@testable import Training

/// Models of features, whose values are any numbers (docs/systems.md, 1).
struct FeatureModelTests {
  /// Rows around a plane of two dimensions, far from [0, 1].
  private static func features(_ count: Int, columns: Int = 12) -> ImageSet {
    let draws = Draws(seed: 3, purpose: .synthesis, time: 0)
    var values: [Float] = []
    for row in 0..<count {
      var normal = [Float](repeating: 0, count: columns + 2)
      draws.normal(row: row, into: &normal, count: columns + 2)
      values += (0..<columns).map { column in
        5 + 3 * normal[0] * Float(column % 3) - 2 * normal[1] * Float(column % 2)
          + 0.05 * normal[2 + column]
      }
    }
    return ImageSet(floats: values, shape: ImageShape(features: columns))
  }

  private func session(_ settings: [String], _ images: ImageSet) throws -> Session {
    let configuration = try SmallTraining.configuration(settings)
      .validated(rows: images.count, of: images.shape)
    return try TrainingRun.session(configuration, on: images, world: .alone())
  }

  private static let takers = [
    "ae", "dae", "l2-vae", "r-l2-vae", "lc-vae", "rlc-vae", "ic-vae", "ric-vae", "ic-affine",
    "ic-affine-em", "rpca", "pca",
  ]

  @Test func theCatalogueKnowsWhichTakeThem() {
    #expect(SystemCatalogue.namesForFeatures == Self.takers)
  }

  /// Outputs reach values that a sigmoid or a clip would not let through.
  @Test(arguments: takers) func outputsAreLinear(_ name: String) throws {
    let images = Self.features(60)
    let isFitted = ["ic-affine-em", "rpca", "pca"].contains(name)
    let isAE = ["ae", "dae"].contains(name)
    let session = try session(
      [
        "model=\(name)", "epochs=\(isFitted ? 40 : 400)", "activation=tanh", "learning_rate=0.02",
        "reconstruction_term=mse", "residual_epsilon=0.01", "grid_every=3",
      ] + (isAE ? ["latent=4"] : []), images)
    let outcome = try session.loop.run(session)
    #expect(outcome == .finished || outcome == .converged)
    let model = try #require(session.trainer.model as? any Encoding)
    let step = Step(seed: 1)
    let rows = (0..<60).map(Int32.init)
    rows.withUnsafeBufferPointer { rows in
      step.begin(rows: rows, dimensions: 12, purpose: .evaluation, time: 0) {
        images.gather(rows, into: $0)
      }
    }
    let made = model.reconstruct(step.target, step, sampling: false).values
    #expect(made.allSatisfy { $0.isFinite })
    #expect(made.contains { $0 > 2 } && made.max() ?? 0 > 4, "\(made.max() ?? 0)")
    let x = images.values(0..<60)
    let mean = x.reduce(0) { $0 + Double($1) } / Double(x.count)
    func error(_ l: (Int) -> Double) -> Double {
      x.indices.reduce(0) { $0 + (Double(x[$1]) - l($1)) * (Double(x[$1]) - l($1)) }
    }
    #expect(error { Double(made[$0]) } < 0.5 * error { _ in mean }, "\(name)")
  }

  /// Others say which models fit.
  @Test func othersRefuse() throws {
    let images = Self.features(60)
    for name in SystemCatalogue.names where !Self.takers.contains(name) {
      let error = #expect(throws: ConfigurationError.self) {
        try session(["model=\(name)"], images)
      }
      #expect(
        error?.description
          == "model: found \(name) with features, expected one with a linear output: "
          + Self.takers.joined(separator: ", "))
    }
  }

  @Test(arguments: [
    (
      ["model=ae"],
      "reconstruction_term: found bce with features, expected mse, l2norm, student_t, laplace, or "
        + "beta_divergence with divergence_decoder=gaussian: features are no probabilities"
    ),
    (
      ["model=ae", "reconstruction_term=beta_divergence"],
      "reconstruction_term: found beta_divergence with features, expected mse, l2norm, student_t, "
        + "laplace, or beta_divergence with divergence_decoder=gaussian: features are no probabilities"
    ),
    (
      ["model=ic-vae", "network=conv"],
      "network: found conv with features, expected mlp: features have no neighbours"
    ),
    (
      ["model=ric-vae", "recycle_clip=true"],
      "recycle_clip: found true with features, expected false: features have no limits"
    ),
    (
      ["model=l2-vae", "noise=circle:0.5"],
      "noise: found circle:0.5 with features, expected none, gaussian:S, zero-mask:P"
    ),
    (
      ["model=pca", "static_noise=salt-pepper:0.5"],
      "static_noise: found salt-pepper:0.5 with features, expected none, gaussian:S, zero-mask:P"
    ),
    (
      ["model=ae", "reconstruction_term=mse", "first=frey-rpca"],
      "first: found frey-rpca with features, expected nothing: the first of two stages is for images"
    ),
    (["model=l2-vae", "binarize=once"], "binarize: found once with features, expected none"),
    (
      ["model=l2-vae", "patch=2"],
      "patch: found 2 with features, expected whole rows: features have no neighbours"
    ),
  ]) func settingsForPixels(_ settings: [String], _ expected: String) throws {
    let error = #expect(throws: ConfigurationError.self) {
      try session(settings, Self.features(60))
    }
    #expect(error?.description == expected)
  }

  /// No pictures are drawn and no pixels hidden; k is the number of features.
  @Test func settingsThatFeaturesDecide() throws {
    let settings = ["model=ic-affine-em", "full_latent=true", "hidden_images=100"]
    let configuration = try SmallTraining.configuration(settings)
    let shape = ImageShape(features: 12)
    let resolved = try configuration.validated(rows: 60, of: shape)
    #expect(resolved.common.recording.gridEvery == 0)
    #expect(resolved.common.recording.hiddenImages == 0)
    #expect(resolved.read(AffineICVAE.Settings.self).code.latent == 12)
    let images = try configuration.validated(
      rows: 60, of: ImageShape(height: 6, width: 6, channels: 1))
    #expect(images.common.recording.gridEvery == 1)
    #expect(images.read(AffineICVAE.Settings.self).code.latent == 36)
  }

  /// A checkpoint knows features from images.
  @Test func progressKeepsTheKind() throws {
    for shape in [ImageShape(features: 12), ImageShape(height: 1, width: 12, channels: 1)] {
      let saved = SavedProgress(
        TrainingProgress(), epoch: EpochSums(), imageShape: shape, threshold: 0)
      #expect(saved.values["features"] == (shape.isFeatures ? 1 : nil))
    }
    #expect(ImageShape(features: 12) != ImageShape(height: 1, width: 12, channels: 1))
  }
}
