import Support

/// The name of one property of a group of settings, with its reading, writing and explanation.
public struct SettingsKey<Owner: SettingsGroup>: Sendable {
  /// The facts of a key that do not depend on its group.
  public private(set) var description: KeyDescription
  /// The value of a group under this key.
  let value: @Sendable (Owner) -> JSONValue
  /// Stores a value; false when the value has another type or is out of range.
  let assign: @Sendable (inout Owner, JSONValue) -> Bool

  /// The snake_case name in JSON and for `--set`.
  public var name: String { description.name }

  /// The key of one property, from its conversions to JSON, from JSON and from text.
  init<Value: Sendable>(
    _ name: String, _ path: WritableKeyPath<Owner, Value> & Sendable, expected: String,
    summary: String, source: String, toJSON: @escaping @Sendable (Value) -> JSONValue,
    fromJSON: @escaping @Sendable (JSONValue) -> Value?,
    parse: @escaping @Sendable (String) -> JSONValue?
  ) {
    value = { toJSON($0[keyPath: path]) }
    assign = { owner, json in
      guard let value = fromJSON(json) else { return false }
      owner[keyPath: path] = value
      return true
    }
    description = KeyDescription(
      name: name, expected: expected, summary: summary, source: source,
      defaultValue: toJSON(Owner()[keyPath: path]),
      normalized: { json in fromJSON(json).map(toJSON) }, parse: parse)
  }

  private init(
    _ description: KeyDescription, value: @escaping @Sendable (Owner) -> JSONValue,
    assign: @escaping @Sendable (inout Owner, JSONValue) -> Bool
  ) {
    (self.description, self.value, self.assign) = (description, value, assign)
  }

  /// The same key for a larger group, which holds this group in a property.
  func at<Root: SettingsGroup>(_ path: WritableKeyPath<Root, Owner> & Sendable) -> SettingsKey<Root>
  {
    SettingsKey<Root>(
      description, value: { [value] in value($0[keyPath: path]) },
      assign: { [assign] in assign(&$0[keyPath: path], $1) })
  }

  /// The same key with another description.
  func described(_ change: (inout KeyDescription) -> Void) -> SettingsKey {
    var key = self
    change(&key.description)
    return key
  }
}

/// The name, the values and the meaning of a key.
public struct KeyDescription: Sendable {
  /// The snake_case name in JSON and for `--set`.
  public let name: String
  /// The values that may be assigned, in words: `an integer from 1 to 4096`.
  public let expected: String
  /// The meaning of the setting, in one line.
  public let summary: String
  /// The source of the default.
  ///
  /// It is a section of docs/systems.md, a decision of docs/decisions.md (D-xx), another page, or
  /// "own". [P] is a statement of the paper, [C] the behaviour of its authors' code, [R] a point
  /// that the paper leaves open.
  public let source: String
  /// The value in an unchanged configuration.
  public let defaultValue: JSONValue
  /// Converts a value to its stored form; nil when it has another type or is out of range.
  public let normalized: @Sendable (JSONValue) -> JSONValue?
  /// Reads the text after `key=`; nil when it is no value of the key's type.
  public let parse: @Sendable (String) -> JSONValue?
  /// What is wrong with a text that is no value, found and expected, where more can be said than
  /// `expected`.
  public internal(set) var fault: (@Sendable (String) -> (found: String, expected: String)?)?
  /// Whether the value is fixed for the whole run.
  public internal(set) var isFixed = false
  /// Whether systems that do not read the key accept only its default.
  public internal(set) var isRefusedElsewhere = false
  /// The key's name in earlier versions, and their words with today's words.
  public internal(set) var former: (name: String, words: [String: String])?

  /// The error of a text that is no value.
  public func error(name: String? = nil, found: String) -> ConfigurationError {
    let (found, expected) = fault?(found) ?? (found, expected)
    return ConfigurationError(key: name ?? self.name, found: found, expected: expected)
  }

  /// A value as text for `--set`.
  public static func assignment(of value: JSONValue) -> String {
    switch value {
    case .string(let text): text
    case .array(let items): items.map(\.line).joined(separator: ",")
    case let other: other.line
    }
  }
}

extension KeyDescription {
  /// A key without a group, whose value is one of some words; the first word is the default.
  public static func word(
    _ name: String, of words: [String], summary: String, source: String, isFixed: Bool
  ) -> KeyDescription {
    var key = KeyDescription(
      name: name, expected: "one of " + words.joined(separator: ", "), summary: summary,
      source: source, defaultValue: .string(words[0]),
      normalized: { if case .string(let word) = $0, words.contains(word) { $0 } else { nil } },
      parse: { .string($0) })
    key.isFixed = isFixed
    return key
  }
}
