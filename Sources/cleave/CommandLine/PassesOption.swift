import Models
import Training

/// `--passes` and `--recycle`: the number of passes of a recycling model, and the data it passes
/// on.
struct PassesOption {
  private var passes: Int?
  private var test: Recycling.Test?

  static let options = [
    Option.value(
      "passes", "M",
      "passes of a recycling model or an ae (default: the run's test_passes, usually 1)"),
    Option.value(
      "recycle", "HOW",
      "what goes from pass to pass: mean (default) or sample; drawn codes go by means"),
  ]

  /// The default: the run's own settings.
  init() {}

  /// Takes the options from the arguments of a command that has them.
  ///
  /// - Throws: `UsageError` for an invalid value.
  init(_ arguments: Arguments) throws(UsageError) {
    passes = try arguments.integer("passes", in: 1...1000)
    test = try arguments.choice("recycle", as: Recycling.Test.self)
  }

  /// Changes the passes of a run's model.
  ///
  /// - Throws: `ConfigurationError` for passes of a model that does not recycle.
  func apply(to configuration: inout Configuration) throws {
    if let passes { try configuration.set("test_passes=\(passes)") }
    if let test { try configuration.set("recycle_test=\(test.rawValue)") }
    try configuration.refuseUnread()
  }
}
