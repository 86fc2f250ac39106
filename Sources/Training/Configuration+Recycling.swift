import Foundation
import Layers

/// Settings of the recycling models (systems.md, section 5).
extension Configuration {
  /// Their names; those of the second half go round N times.
  static let recyclingModels = ["l2-vae", "lc-vae", "ic-vae", "ic-affine"] + roundModels
  /// The affine iC-VAE by its EM bound, which does not go round.
  public static let affineEM = "ic-affine-em"
  /// What is trained on single passes and may be asked for several.
  private static let askedModels = ["ae", "dae"]
  private static let inverseCovarianceModels = ["ic-vae", "ic-affine", "ric-vae"]
  private static let roundModels = ["r-l2-vae", "rlc-vae", "ric-vae"]

  static let recyclingKeys: [ConfigurationKey] = [
    .integer(
      "passes", \.passes, 1...64,
      "N of the recycling models: passes of a training step, their losses summed.", "5.5 [P]"
    ).of(recyclingModels),
    .integer(
      "passes_from_epoch", \.passesFromEpoch, 0...1_000_000,
      "Epochs of one pass a step before that; recycling from the start collapses.",
      "expected-recycling, section 4"
    ).of(recyclingModels),
    .integer(
      "test_passes", \.testPasses, 1...1000,
      "M: passes of a trained model when it reconstructs or samples; --passes overrides it.",
      "5.5 [P]"
    ).of(recyclingModels + askedModels),
    .choice(
      "recycle_grad", \.recyclingPath,
      "Where gradients flow from a pass back into the one before it.", "D-16 [R]: detach"
    ).of(recyclingModels),
    .choice(
      "recycle_test", \.recyclingTest,
      "What a trained model hands from pass to pass: its mean, or a sample about it.",
      "D-17 [R]: mean"
    ).of(recyclingModels),
    .real(
      "recycle_std", \.recycleDeviation, .notNegative,
      "Standard deviation of what r-l2-vae recycles; 1 is the paper to the letter.",
      "D-38 [R]: 0, the mean itself"
    ).of(["l2-vae", "r-l2-vae"]),
    .flag(
      "recycle_clip", \.recycleClip, "Clip recycled samples to [0, 1] in training.",
      "5.5 [R]: not"
    ).of(recyclingModels),
    .real(
      "residual_epsilon", \.residualEpsilon, .positive,
      "Added to squared residuals of pixels in [0, 1] before the logarithm of iC- and RiC-VAE.",
      "D-18 [R]: (1/255)^2"
    ).of(inverseCovarianceModels),
    .real(
      "residual_epsilon_start", \.residualEpsilonStart, .notNegative,
      "Where residual_epsilon comes down from, geometrically; 0: nowhere.",
      "expected-recycling, section 5"
    ).of(inverseCovarianceModels),
    .integer(
      "residual_epsilon_epochs", \.residualEpsilonEpochs, 0...1_000_000,
      "Epochs in which it comes down.", "expected-recycling, section 5"
    ).of(inverseCovarianceModels),
    .real(
      "residual_scale", \.residualScale, .positive,
      "What residuals are multiplied by in the loss; 255 is the data scale [0, 255].",
      "D-39 [R]: 1"
    ).of(recyclingModels),
    .integer(
      "l2_epochs", \.leastSquaresEpochs, 0...1_000_000,
      "Epochs of squared error before the loss of iC- and RiC-VAE.", "5.3 [R]: 0"
    ).of(inverseCovarianceModels),
    .real(
      "floor", \.floor, .positive,
      "ic-affine-em: least variance of an entry, as a fraction of the data's.", "5.4 [R]: 1e-6"
    ).of([affineEM]),
    .real(
      "floor_decay", \.floorDecay, .fraction,
      "ic-affine-em: what the floor, 1 at first, is multiplied by in every sweep.",
      "5.4 [R]: 0.9; 0.95 and 300 sweeps if noisy"
    ).of([affineEM]),
    .flag("affine_bias", \.affineBias, "ic-affine-em: fit b as well as W.", "5.4: not if centred")
      .of([affineEM]),
    .choice(
      "initialization", \.initialization,
      "First values of fully connected layers: Glorot uniform, or PyTorch's default.",
      "0: GU, PT"
    ).of(models.filter { ![affineEM, "gan", "dcgan"].contains($0) }),
  ]

  /// N, M and what goes with them.
  public var recycling: Recycling {
    var recycling = Recycling()
    recycling.passes = passes
    recycling.firstEpoch = passesFromEpoch
    recycling.path = recyclingPath
    recycling.isClipped = recycleClip
    recycling.testPasses = testPasses
    recycling.test = recyclingTest
    return recycling
  }

  /// How `residual_epsilon` comes down.
  public var residualEpsilonSchedule: Annealing {
    Annealing(
      from: residualEpsilonStart == 0 ? residualEpsilon : residualEpsilonStart,
      to: residualEpsilon, epochs: residualEpsilonEpochs)
  }

  /// What keeps these models from a constant output.
  var recyclingCure: String {
    switch model {
    case "l2-vae", "r-l2-vae", "lc-vae", "rlc-vae":
      "residuals that weigh more beside the KL (residual_scale=10)"
    case _ where passes > 1 && passesFromEpoch == 0:
      "50 to 100 epochs of one pass before the others (passes_from_epoch=100) and recycle_grad=detach"
    case _ where passes > 1 && recyclingPath != .detach:
      "recycle_grad=detach and more epochs of one pass before the others (passes_from_epoch)"
    default:
      (residualEpsilon < 1e-3
        ? "a larger residual_epsilon (1e-3)" : "more epochs, since it begins like this")
        + " and, where much of the image is constant, an epsilon that comes down "
        + "(residual_epsilon_start=1, residual_epsilon=0.01, residual_epsilon_epochs=30)"
    }
  }

  /// Checks that an epsilon that is to come down has epochs for it.
  ///
  /// - Throws: `ConfigurationError` that names the missing setting.
  func checkAnnealing() throws(ConfigurationError) {
    if residualEpsilonStart > 0 && residualEpsilonEpochs == 0 {
      throw ConfigurationError(
        key: "residual_epsilon_epochs", found: "0",
        expected: "some epochs, in which residual_epsilon comes down from residual_epsilon_start")
    }
  }

  /// Checks that a model fitted by sweeps, which sees the same rows in each, is not asked for fresh draws.
  ///
  /// - Throws: `ConfigurationError` that names what there is instead.
  func checkSweeps() throws(ConfigurationError) {
    guard model == Self.affineEM else { return }
    if noise != "none" {
      throw ConfigurationError(
        key: "noise", found: noise,
        expected: "none with model=\(model), which sees its rows as they are (static_noise)")
    }
    if binarize == .eachStep {
      throw ConfigurationError(
        key: "binarize", found: binarize.rawValue, expected: "none or once with model=\(model)")
    }
  }

  /// What to say of turns of the loss that the run is too short for.
  public var unreached: [String] {
    let beginning = "of the run's \(epochs) epochs "
    var lines: [String] = []
    if passes > 1 && passesFromEpoch >= epochs {
      lines.append("passes_from_epoch=\(passesFromEpoch): none \(beginning)has more than one pass")
    }
    guard Self.inverseCovarianceModels.contains(model) else { return lines }
    if leastSquaresEpochs >= epochs {
      lines.append("l2_epochs=\(leastSquaresEpochs): none \(beginning)has the loss of \(model)")
    }
    if residualEpsilonStart > 0 && residualEpsilonEpochs >= epochs {
      lines.append(
        "residual_epsilon_epochs=\(residualEpsilonEpochs): none \(beginning)has residual_epsilon")
    }
    return lines
  }

  /// Checks that a model that is asked to go round, or to hand on samples, can.
  ///
  /// - Throws: `ConfigurationError` that names the models that do.
  public func checkPasses() throws(ConfigurationError) {
    if recyclingTest == .sample && !Self.recyclingModels.contains(model) {
      throw ConfigurationError(
        key: "recycle_test", found: "sample",
        expected: "mean with model=\(model); samples go round in "
          + Self.recyclingModels.joined(separator: ", "))
    }
    for (key, value) in [("passes", passes), ("test_passes", testPasses)] where value > 1 {
      let goesRound = Self.recyclingModels + (key == "test_passes" ? Self.askedModels : [])
      if goesRound.contains(model) { continue }
      throw ConfigurationError(
        key: key, found: "\(value)",
        expected: "1: \(model) does not recycle; " + Self.roundModels.joined(separator: ", ")
          + " do")
    }
  }
}

/// A number that goes geometrically from one value to another in the first epochs of a run, and stays there.
public struct Annealing: Sendable, Equatable {
  private let start: Double, end: Double
  private let epochs: Int

  /// From a positive value to another in a number of epochs.
  public init(from start: Double, to end: Double, epochs: Int) {
    self.start = start
    self.end = end
    self.epochs = epochs
  }

  /// The value in an epoch, counted from 0.
  public func value(epoch: Int) -> Float {
    guard epoch < epochs else { return Float(end) }
    return Float(start * pow(end / start, Double(epoch) / Double(epochs)))
  }
}
