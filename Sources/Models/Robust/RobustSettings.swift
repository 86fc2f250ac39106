import Training

extension RobustLoop {
  /// The settings of the alternation of training and projection.
  public struct Settings: SettingsGroup {
    /// Alternations of training and projection.
    public var outerIterations = 30
    /// Epochs of training in one outer iteration.
    public var innerEpochs = 20
    /// Weight of the sparse part's l1 norm; infinity leaves the sparse part empty.
    public var lambda = 70.0
    /// The rule for the shrinkage threshold.
    public var threshold = ThresholdRule.induced
    /// How S is made from X - L.
    public var shrinkage = ShrinkageRule.soft
    /// Whether to stop when both of c1 and c2 are small, or either.
    public var stopRule = StopRule.both
    /// The limit of c1 and c2.
    public var tolerance = 1e-7
    /// The factor in front of c2.
    public var c2Weight = C2Weight.code
    /// Whether an outer iteration begins with fresh optimizer state.
    public var resetOptimizer = false
    /// The code that the projection decodes.
    public var projectWith = ProjectionCode.sample
    /// What S of the first outer iteration comes from.
    public var initialSplit = InitialSplit.none
    /// The storage of S and R.
    public var storage = RowStorage()
    /// The settings of the optimizer.
    public var optimizer = OptimizerSettings()

    /// The defaults.
    public init() {}

    /// The alternation, its row state, the optimizer.
    public static let entries: [SettingsEntry<Settings>] = [
      .integer(
        "outer_iterations", \.outerIterations, 1...1_000_000,
        "Alternations of training and projection.", "4.3: 30"),
      .integer(
        "inner_epochs", \.innerEpochs, 1...1_000_000,
        "Epochs of training in an outer iteration.", "4.3: 20"),
      .real(
        "lambda", \.lambda, .notNegativeOrInfinite,
        "Weight of the sparse part: the threshold of S grows with it, and a run prints that as it begins; "
          + "large leaves S empty, inf altogether.", "D-15: 70"),
      .choice(
        "threshold", \.threshold, "How the shrinkage threshold comes from lambda.",
        "D-01 [C]: induced"),
      .choice(
        "shrinkage", \.shrinkage,
        "How S comes from X - L: soft, each value by itself; group, the channels of a pixel by their "
          + "norm; firm, by the largest of them, whole above twice the threshold; row, all values of "
          + "an image by their norm; column, one place of all images.",
        "4.3: soft"),
      .choice(
        "stop_rule", \.stopRule, "Stop when both of c1 and c2 are small, or either.",
        "D-02 [C]: both"),
      .real(
        "tolerance", \.tolerance, .notNegative, "What c1 and c2 must fall below.", "4.3: 1e-7"),
      .choice(
        "c2_weight", \.c2Weight,
        "The factor of c2: min(mu, sqrt mu) as the code has it, or 1.", "D-02 [C]: code"),
      .flag(
        "reset_optimizer", \.resetOptimizer, "Fresh optimizer state in every outer iteration.",
        "D-06 [C]: kept on MNIST"),
      .choice(
        "project_with", \.projectWith,
        "The code that the projection decodes, where codes are drawn.",
        "D-07 [C]: sample"),
      .choice(
        "initial_split", \.initialSplit,
        "S of the first outer iteration: none, 0; rpca, that of robust PCA of all images; median, what "
          + "is far from the median around each pixel.",
        "4.3: none"
      ).fixed,
      .group(\.storage),
      .group(\.optimizer),
    ]

    /// Norms are those of whole images, so patches cannot have them; a first S is of pixels.
    public func check(
      _ system: String, with common: CommonSettings
    ) throws(ConfigurationError) {
      guard initialSplit == .none || !shrinkage.isOfWholeImages else {
        throw ConfigurationError(
          key: "initial_split",
          found: "\(initialSplit.rawValue) with shrinkage=\(shrinkage.rawValue)",
          expected: "none, or a shrinkage of pixels: soft, group or firm")
      }
      guard shrinkage.isOfWholeImages, let patch = common.data.patch else { return }
      throw ConfigurationError(
        key: "shrinkage", found: "\(shrinkage.rawValue) with patch=\(patch)",
        expected: "soft, group or firm for patches")
    }
  }

  /// D-01: the rule for the shrinkage threshold t.
  public enum ThresholdRule: String, CaseIterable, Sendable {
    /// t = lambda / mu with mu = size / (4 * largest column sum of |X|).
    case induced
    /// t = lambda.
    case none
    /// t = lambda / mu with mu = size / (4 * sum of |X|).
    case entrywise
  }

  /// D-02: the rule by which the outer loop ends before its last iteration.
  public enum StopRule: String, CaseIterable, Sendable {
    /// When c1 and c2 are both below the tolerance.
    case both
    /// When either is below the tolerance.
    case either
  }

  /// D-02: the factor in front of c2.
  public enum C2Weight: String, CaseIterable, Sendable {
    /// min(mu, sqrt(mu)).
    case code
    /// 1.
    case paper
  }

  /// D-07: the code that the projection decodes.
  public enum ProjectionCode: String, CaseIterable, Sendable {
    /// One draw from q(z|L).
    case sample
    /// The mean of q(z|L).
    case mean
  }
}
