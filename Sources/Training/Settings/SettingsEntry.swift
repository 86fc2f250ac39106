import Support

/// An entry in the list of a group's settings: a key, or an inner group.
public struct SettingsEntry<Owner: SettingsGroup>: Sendable {
  /// The key, or the keys of the inner group.
  let keys: [SettingsKey<Owner>]
  /// The calls of an inner group.
  let part: Part?

  /// The calls that a group passes on to an inner group.
  struct Part: Sendable {
    let resolve: @Sendable (inout Owner, TrainingSetFacts) -> Void
    let settle: @Sendable (inout Owner) -> Void
    let check: @Sendable (Owner, String, CommonSettings) throws(ConfigurationError) -> Void
    let unreached: @Sendable (Owner, String, Int) -> [String]
  }

  private init(_ keys: [SettingsKey<Owner>], _ part: Part?) {
    self.keys = keys
    self.part = part
  }

  /// The key of one property, from its conversions to JSON, from JSON and from text.
  init<Value: Sendable>(
    _ name: String, _ path: WritableKeyPath<Owner, Value> & Sendable, expected: String,
    summary: String, source: String, toJSON: @escaping @Sendable (Value) -> JSONValue,
    fromJSON: @escaping @Sendable (JSONValue) -> Value?,
    parse: @escaping @Sendable (String) -> JSONValue?
  ) {
    self.init(
      [
        SettingsKey(
          name, path, expected: expected, summary: summary, source: source, toJSON: toJSON,
          fromJSON: fromJSON, parse: parse)
      ], nil)
  }

  /// An inner group: its keys, and its part in every call of the outer group.
  public static func group<Inner: SettingsGroup>(
    _ path: WritableKeyPath<Owner, Inner> & Sendable
  ) -> SettingsEntry {
    SettingsEntry(
      Inner.keys.map { $0.at(path) },
      Part(
        resolve: { $0[keyPath: path].resolveAll(for: $1) },
        settle: { $0[keyPath: path].settleAll() },
        check: { (owner, system, common) throws(ConfigurationError) in
          try owner[keyPath: path].checkAll(system, with: common)
        },
        unreached: { $0[keyPath: path].allUnreached($1, epochs: $2) }))
  }

  /// The same entry, whose values a resume may not change.
  public var fixed: SettingsEntry { described { $0.isFixed = true } }

  /// The same entry; systems that do not read it accept only its defaults.
  public var refusedElsewhere: SettingsEntry { described { $0.isRefusedElsewhere = true } }

  /// The same entry with its name in earlier versions, and with the earlier words for its values.
  public func formerly(_ name: String, words: [String: String] = [:]) -> SettingsEntry {
    described { $0.former = (name, words) }
  }

  func described(_ change: (inout KeyDescription) -> Void) -> SettingsEntry {
    SettingsEntry(keys.map { $0.described(change) }, part)
  }
}
