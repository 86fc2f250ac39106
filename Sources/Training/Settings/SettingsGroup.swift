import Datasets
import Support

/// Some settings of a run: a value type that declares a key beside each of its properties.
///
/// Groups nest. A system's settings are a group too. Settings that systems share are groups within
/// it, so that each key is declared once.
public protocol SettingsGroup: Equatable, Sendable {
  /// The defaults.
  init()
  /// A key for each property, in the order in which configurations are written.
  static var keys: [SettingsKey<Self>] { get }
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

/// Facts about the training set that resolve settings.
public struct TrainingSetFacts: Sendable {
  /// Rows in use.
  public let rows: Int
  /// The shape of an image, if it is known.
  public let shape: ImageShape?

  /// Facts from their parts.
  public init(rows: Int, shape: ImageShape?) {
    self.rows = rows
    self.shape = shape
  }
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

  /// The keys of a group within this one.
  public static func group<Part: SettingsGroup>(
    _ path: WritableKeyPath<Self, Part> & Sendable
  ) -> [SettingsKey<Self>] {
    Part.keys.map { $0.at(path) }
  }

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
}

/// A model's settings and its loop's: all settings of a system except the common settings.
public struct SystemSettings<Model: SettingsGroup, Loop: SettingsGroup>: SettingsGroup {
  /// The model's settings.
  public var model = Model()
  /// The loop's settings.
  public var loop = Loop()

  /// The defaults.
  public init() {}

  /// The model's keys, then the loop's.
  public static var keys: [SettingsKey<Self>] { group(\.model) + group(\.loop) }

  /// Resolves both.
  public mutating func resolve(for data: TrainingSetFacts) {
    model.resolve(for: data)
    loop.resolve(for: data)
  }

  /// Checks both.
  public func check(_ system: String, with common: CommonSettings) throws(ConfigurationError) {
    try model.check(system, with: common)
    try loop.check(system, with: common)
  }

  /// Settles both.
  public mutating func settle() {
    model.settle()
    loop.settle()
  }

  /// The warnings of both.
  public func unreached(_ system: String, epochs: Int) -> [String] {
    model.unreached(system, epochs: epochs) + loop.unreached(system, epochs: epochs)
  }
}
