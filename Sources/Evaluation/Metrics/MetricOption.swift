import Support
import Training

/// An option that metrics read, with the form of its value.
///
/// A metric names those that it reads; `cleave evaluate` takes them from there.
public struct MetricOption: Hashable, Sendable {
  /// The form of a value.
  public enum Form: Hashable, Sendable {
    /// No value: given or not.
    case flag
    /// An integer of a range.
    case integer(ClosedRange<Int>)
    /// One of several words.
    case word([String])
    /// Any text.
    case text
  }

  /// The name after `--`.
  public let name: String
  /// The placeholder of the value in the help text; nil for a flag.
  public let placeholder: String?
  /// The effect, in a line.
  public let help: String
  /// The form of its value.
  public let form: Form

  /// An option without a value.
  public init(_ name: String, _ help: String) {
    self.init(name, nil, help, .flag)
  }

  /// An option with a value.
  public init(_ name: String, _ placeholder: String, _ help: String, _ form: Form) {
    self.init(name, Optional(placeholder), help, form)
  }

  private init(_ name: String, _ placeholder: String?, _ help: String, _ form: Form) {
    self.name = name
    self.placeholder = placeholder
    self.help = help
    self.form = form
  }

  /// Checks the text of a value.
  ///
  /// - Throws: `ConfigurationError` for text of another form.
  public func check(_ text: String) throws(ConfigurationError) {
    switch form {
    case .flag, .text: return
    case .integer(let range):
      if let value = Int(text), range.contains(value) { return }
      throw ConfigurationError(
        "--\(name): found \(text), expected \(Quantity.integers(range))")
    case .word(let words):
      if words.contains(text) { return }
      throw ConfigurationError(
        "--\(name): found \(text), expected \(words.joined(separator: " or "))"
          + Spelling.hint(for: text, in: words))
    }
  }
}

/// The values of the options that were given.
public struct MetricOptions: Sendable {
  private var values: [MetricOption: String] = [:]

  /// No options.
  public init() {}

  /// Notes a value; a flag has none.
  ///
  /// - Throws: `ConfigurationError` for text of another form than the option's.
  public mutating func set(_ option: MetricOption, _ text: String = "") throws(ConfigurationError) {
    try option.check(text)
    values[option] = text
  }

  /// Whether an option was given.
  public func has(_ option: MetricOption) -> Bool { values[option] != nil }

  /// The value of an option; nil if it was not given.
  public func text(_ option: MetricOption) -> String? { values[option] }

  /// The value of an option of integers; nil if it was not given.
  public func integer(_ option: MetricOption) -> Int? { values[option].flatMap { Int($0) } }
}
