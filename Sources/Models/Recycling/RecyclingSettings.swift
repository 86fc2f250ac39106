import Training

/// M: passes of a trained model.
public struct TestPasses: SettingsGroup {
  /// The passes of a reconstruction or generation.
  public var count = 1

  /// The default.
  public init() {}

  /// `test_passes`.
  public static let entries: [SettingsEntry<TestPasses>] = [
    .integer(
      "test_passes", \.count, 1...1000,
      "M: passes of a trained model when it reconstructs or samples; --passes overrides it.",
      "5.5 [P]"
    ).refusedElsewhere
  ]
}

extension Recycling {
  /// The settings that recycling models share (docs/systems.md, 5).
  public struct Settings: SettingsGroup {
    /// Weight of the KL term.
    public var kl = KLWeight()
    /// N, the passes of a training step; each pass after the first uses the sample of the previous
    /// pass.
    public var passes = 1
    /// Epochs of one pass a step before `passes` counts.
    public var passesFromEpoch = 0
    /// M, the passes of a trained model.
    public var testPasses = TestPasses()
    /// The path of gradients from a pass back into the previous pass.
    public var path = GradientPath.detach
    /// The data that a trained model passes on.
    public var test = Test.mean
    /// Whether recycled samples are clipped to [0, 1] in training.
    public var isClipped = false
    /// The factor of residuals in the loss.
    public var residualScale = 1.0

    /// The defaults.
    public init() {}

    /// The KL's weight, then the passes.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.kl),
      .integer(
        "passes", \.passes, 1...64,
        "N of the recycling models: passes of a training step, their losses summed.", "5.5 [P]"
      ).refusedElsewhere,
      .integer(
        "passes_from_epoch", \.passesFromEpoch, 0...1_000_000,
        "Epochs of one pass a step before that; recycling from the start collapses.",
        "expected-recycling, section 4"),
      .group(\.testPasses),
      .choice(
        "recycle_grad", \.path,
        "Where gradients flow from a pass back into the one before it.", "D-16 [R]: detach"),
      .choice(
        "recycle_test", \.test,
        "What a trained model hands from pass to pass: its mean, or a sample about it.",
        "D-17 [R]: mean"
      ).refusedElsewhere,
      .flag(
        "recycle_clip", \.isClipped, "Clip recycled samples to [0, 1] in training.",
        "5.5 [R]: not"),
      .real(
        "residual_scale", \.residualScale, .positive,
        "What residuals are multiplied by in the loss; 255 is the data scale [0, 255].",
        "D-39 [R]: 1"),
    ]

    /// Replaces one pass by the number of passes of most steps.
    public mutating func settle() { passesFromEpoch = 0 }

    /// Warnings about passes that come too late.
    public func unreached(_ system: String, epochs: Int) -> [String] {
      passes > 1 && passesFromEpoch >= epochs
        ? [
          "passes_from_epoch=\(passesFromEpoch): none of the run's \(epochs) epochs has more than "
            + "one pass"
        ] : []
    }

    /// N, M and their options.
    var recycling: Recycling {
      var recycling = Recycling()
      recycling.passes = passes
      recycling.firstEpoch = passesFromEpoch
      recycling.path = path
      recycling.isClipped = isClipped
      recycling.testPasses = testPasses.count
      recycling.test = test
      return recycling
    }

    /// The factor of residuals in the loss.
    var scale: Float { Float(residualScale) }

    /// The settings that help if recycling leads to a constant output; nil if it does not.
    var cure: String? {
      if passes > 1 && passesFromEpoch == 0 {
        return "50 to 100 epochs of one pass before the others (passes_from_epoch=100) and "
          + "recycle_grad=detach"
      }
      if passes > 1 && path != .detach {
        return "recycle_grad=detach and more epochs of one pass before the others "
          + "(passes_from_epoch)"
      }
      return nil
    }
  }

  /// The setting that helps models of squared residuals against a collapse.
  static let heavierResiduals = "residuals that weigh more beside the KL (residual_scale=10)"
}
