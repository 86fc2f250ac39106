import Support

/// How one property of a group of settings is named, read, written and explained.
public struct SettingsKey<Owner: SettingsGroup>: Sendable {
  /// What a key says, whatever its group.
  public private(set) var description: KeyDescription
  /// The value that a group holds under this key.
  let value: @Sendable (Owner) -> JSONValue
  /// Stores a value; false when it is of another type or out of range.
  let assign: @Sendable (inout Owner, JSONValue) -> Bool

  /// The snake_case name in JSON and for `--set`.
  public var name: String { description.name }

  /// The key of one property, from the two ways to and from JSON and the one from text.
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

  /// The same key of a larger group that holds this one in a property.
  func at<Root: SettingsGroup>(_ path: WritableKeyPath<Root, Owner> & Sendable) -> SettingsKey<Root>
  {
    SettingsKey<Root>(
      description, value: { [value] in value($0[keyPath: path]) },
      assign: { [assign] in assign(&$0[keyPath: path], $1) })
  }

  /// The same key, of which a resume may not change the value.
  public var fixed: SettingsKey { with { $0.isFixed = true } }

  /// The same key, which systems that do not read it refuse unless it has its default.
  public var refusedElsewhere: SettingsKey { with { $0.isRefusedElsewhere = true } }

  /// The same key, that earlier versions wrote under another name, some of its words unlike today's.
  public func formerly(_ name: String, words: [String: String] = [:]) -> SettingsKey {
    with { $0.former = (name, words) }
  }

  private func with(_ change: (inout KeyDescription) -> Void) -> SettingsKey {
    var key = self
    change(&key.description)
    return key
  }
}

/// What a key is called, what may be assigned, and what it does.
public struct KeyDescription: Sendable {
  /// The snake_case name in JSON and for `--set`.
  public let name: String
  /// What may be assigned, in words: `an integer from 1 to 4096`.
  public let expected: String
  /// What the setting does, in one line.
  public let summary: String
  /// Where the default comes from: a section of docs/systems.md, a decision of docs/decisions.md
  /// (D-xx), another page, or "own"; [P] is what the paper states, [C] what its authors' code does,
  /// [R] what the paper leaves open.
  public let source: String
  /// The value in a configuration nobody has touched.
  public let defaultValue: JSONValue
  /// The form in which a value is kept; nil where it is of another type or out of range.
  public let normalized: @Sendable (JSONValue) -> JSONValue?
  /// Reads the text after `key=`; nil when it is no value of the key's type.
  public let parse: @Sendable (String) -> JSONValue?
  /// Whether the value holds for the whole run.
  public internal(set) var isFixed = false
  /// Whether systems that do not read the key refuse other values than its default.
  public internal(set) var isRefusedElsewhere = false
  /// The name that earlier versions wrote, and their words for today's.
  public internal(set) var former: (name: String, words: [String: String])?

  /// A value in the text that `--set` takes.
  public static func assignment(of value: JSONValue) -> String {
    switch value {
    case .string(let text): text
    case .array(let items): items.map(\.line).joined(separator: ",")
    case let other: other.line
    }
  }
}

extension KeyDescription {
  /// A key that belongs to no group: one of some words, the first unless set.
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
