import Support

/// A line in the list of a group's settings: a key of its own, or a group within it.
public struct SettingsEntry<Owner: SettingsGroup>: Sendable {
  /// The key, or the keys of the group within.
  let keys: [SettingsKey<Owner>]
  /// What a group within does when the whole group is asked.
  let part: Part?

  /// The calls that a group passes on to a group within.
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

  /// The key of one property, from the two ways to and from JSON and the one from text.
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

  /// A group within: its keys, and its part in all that groups are asked.
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

  /// The same, of which a resume may not change the value.
  public var fixed: SettingsEntry { described { $0.isFixed = true } }

  /// The same, which systems that do not read it refuse unless it has its default.
  public var refusedElsewhere: SettingsEntry { described { $0.isRefusedElsewhere = true } }

  /// The same, that earlier versions wrote under another name, some of its words unlike today's.
  public func formerly(_ name: String, words: [String: String] = [:]) -> SettingsEntry {
    described { $0.former = (name, words) }
  }

  private func described(_ change: (inout KeyDescription) -> Void) -> SettingsEntry {
    SettingsEntry(keys.map { $0.described(change) }, part)
  }
}
