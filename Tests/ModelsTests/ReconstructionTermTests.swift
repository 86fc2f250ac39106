import Datasets
import Layers
import TestSupport
import Testing

@testable import Models
@testable import Training

/// The terms that compare a reconstruction with its target (D-03).
@Suite("Reconstruction terms")
struct ReconstructionTermTests {
  private static let terms: [(settings: [String], isLikelihood: Bool)] = [
    (["reconstruction_term=bce"], true),
    (["reconstruction_term=mse"], false),
    (["reconstruction_term=l2norm"], false),
    (["reconstruction_term=student_t"], true),
    (["reconstruction_term=laplace", "loss_scale=0.2"], true),
    (["reconstruction_term=beta_divergence", "divergence_beta=0.5"], false),
    (["reconstruction_term=beta_divergence", "divergence_of=image"], false),
    (
      ["reconstruction_term=beta_divergence", "divergence_decoder=gaussian", "loss_scale=0.3"],
      false
    ),
  ]

  /// Only likelihoods give an evidence lower bound; every term is learned from.
  @Test(arguments: terms.indices, ["vae", "ae", "rvae"]) func termsAreLearned(
    index: Int, model: String
  ) throws {
    let (settings, isLikelihood) = Self.terms[index]
    let run = try SmallTraining(
      ["model=\(model)", "epochs=12", "outer_iterations=1", "inner_epochs=12", "lambda=inf"]
        + ["beta=0.01", "activation=tanh"] + settings)
    #expect(run.trainer.trainable?.reportsLogLikelihood == isLikelihood)
    #expect(try run.fit() == .finished)
    let losses = try #require(run.session.history.metrics["epoch/reconstruction"]).map(\.value)
    #expect(losses.count == 12 && losses.allSatisfy { $0.isFinite })
    let drop = (losses.first ?? 0) - (losses.last ?? 0)
    #expect(drop > 0.02 * abs(losses.first ?? 0), "\(losses)")
  }

  /// A decoder without limits learns features by each term that takes any values.
  @Test(arguments: terms.dropFirst().map(\.settings)) func features(settings: [String]) throws {
    let images = ImageSet(
      floats: (0..<60 * 12).map { Float($0 * 7 % 13) / 2 - 3 }, shape: ImageShape(features: 12))
    let configuration = try SmallTraining.configuration(["model=ae", "loss_scale=1"] + settings)
    let takes =
      !settings.contains("reconstruction_term=beta_divergence")
      || settings.contains("divergence_decoder=gaussian")
    guard takes else {
      let error = #expect(throws: ConfigurationError.self) {
        try configuration.validated(rows: 60, of: images.shape)
      }
      #expect(error?.description.contains("features are no probabilities") == true)
      return
    }
    _ = try configuration.validated(rows: 60, of: images.shape)
  }

  /// Values that a term does not read are told; a Gaussian of whole images is refused.
  @Test func whatDoesNotGoTogether() throws {
    let settings = [
      "model=vae", "loss_scale=0.5", "student_degrees=4", "divergence_beta=0.5",
      "divergence_decoder=gaussian", "divergence_of=image",
    ]
    func unreached(_ more: [String]) throws -> [String] {
      try SmallTraining.configuration(settings + more).unreached
        .map { String($0.prefix { $0 != "=" }) }
    }
    let all = [
      "loss_scale", "student_degrees", "divergence_beta", "divergence_decoder", "divergence_of",
    ]
    #expect(try unreached([]) == all)
    #expect(
      try unreached(["reconstruction_term=student_t"])
        == ["divergence_beta", "divergence_decoder", "divergence_of"])
    let divergence = ["reconstruction_term=beta_divergence"]
    #expect(
      try unreached(divergence + ["divergence_decoder=bernoulli"])
        == ["loss_scale", "student_degrees"])
    #expect(try unreached(divergence) == ["student_degrees"])
    let error = #expect(throws: ConfigurationError.self) {
      try SmallTraining.configuration(settings + divergence).validated(rows: 60)
    }
    #expect(
      error?.description
        == "divergence_of: found image with divergence_decoder=gaussian, expected pixels, as the "
        + "power of a Gaussian of a whole image is no float")
  }

  /// The exponent depends on what it is of, unless it is set.
  @Test func usualExponents() {
    var settings = RobustLossSettings()
    #expect(settings.exponent == 0.1)
    settings.part = .image
    #expect(settings.exponent == 0.005)
    settings.beta = 0.25
    #expect(settings.exponent == 0.25)
  }
}
