import Datasets
import Support

/// Some settings of a run: a value type that declares a key beside each of its properties.
///
/// Groups nest. A system's settings are a group too. Settings that systems share are inner groups,
/// so that each key is declared once. A group implements the calls for its own properties; the
/// calls reach its inner groups by themselves, and first.
public protocol SettingsGroup: Equatable, Sendable {
  /// The defaults.
  init()
  /// An entry for each property, in the order of written configurations.
  static var entries: [SettingsEntry<Self>] { get }
  /// Derives the values that were left open from the training set.
  mutating func resolve(for data: TrainingSetFacts)
  /// Refuses settings that do not fit together.
  ///
  /// - Throws: `ConfigurationError` with the key, the value found and the value expected.
  func check(_ system: String, with common: CommonSettings) throws(ConfigurationError)
  /// Replaces values that change during a run by their value in most steps.
  mutating func settle()
  /// Warnings about changes that come too late for a run of so many epochs.
  func unreached(_ system: String, epochs: Int) -> [String]
}

extension SettingsGroup {
  /// The default: no value is left open.
  public mutating func resolve(for data: TrainingSetFacts) {}
  /// The default: all values fit together.
  public func check(_ system: String, with common: CommonSettings) throws(ConfigurationError) {}
  /// The default: no value changes.
  public mutating func settle() {}
  /// The default: no warnings.
  public func unreached(_ system: String, epochs: Int) -> [String] { [] }
}

/// Facts about the training set that resolve settings.
public struct TrainingSetFacts: Sendable {
  /// Rows in use.
  public let rows: Int
  /// The shape of an image, if it is known.
  public let shape: ImageShape?
  /// The number of classes of the labels, if there are labels.
  public let classes: Int?

  /// Facts from their parts.
  public init(rows: Int, shape: ImageShape?, classes: Int? = nil) {
    self.rows = rows
    self.shape = shape
    self.classes = classes
  }
}

// MARK: - A group with its inner groups

extension SettingsGroup {
  /// The keys of the group and its inner groups.
  public static var keys: [SettingsKey<Self>] { entries.flatMap(\.keys) }

  /// Settings from the values that `stored` has for the keys; other keys keep their defaults.
  public init(_ stored: (String) -> JSONValue?) {
    self.init()
    for key in Self.keys {
      guard let value = stored(key.name) else { continue }
      precondition(key.assign(&self, value), "\(key.name): \(value.line)")
    }
  }

  /// The values of all keys, in their order.
  public var values: [JSONValue] { Self.keys.map { $0.value(self) } }

  /// Resolves the inner groups, then the group's own properties.
  public mutating func resolveAll(for data: TrainingSetFacts) {
    for entry in Self.entries { entry.part?.resolve(&self, data) }
    resolve(for: data)
  }

  /// Settles the inner groups, then the group's own properties.
  public mutating func settleAll() {
    for entry in Self.entries { entry.part?.settle(&self) }
    settle()
  }

  /// Checks the inner groups, then the group's own properties.
  ///
  /// - Throws: `ConfigurationError` with the key, the value found and the value expected.
  public func checkAll(
    _ system: String, with common: CommonSettings
  ) throws(ConfigurationError) {
    for entry in Self.entries { try entry.part?.check(self, system, common) }
    try check(system, with: common)
  }

  /// The warnings of the inner groups, then the group's own warnings.
  public func allUnreached(_ system: String, epochs: Int) -> [String] {
    Self.entries.flatMap { $0.part?.unreached(self, system, epochs) ?? [] }
      + unreached(system, epochs: epochs)
  }
}

/// A model's settings and its loop's: all settings of a system except the common settings.
public struct SystemSettings<Model: SettingsGroup, Loop: SettingsGroup>: SettingsGroup {
  /// The model's settings.
  public var model = Model()
  /// The loop's settings.
  public var loop = Loop()

  /// The defaults.
  public init() {}

  /// The model's entries, then the loop's.
  public static var entries: [SettingsEntry<Self>] { [.group(\.model), .group(\.loop)] }
}
