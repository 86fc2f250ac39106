import Datasets
import Layers
import Support
import Training

/// A run of two stages: the second is trained on the L of the first (docs/systems.md, 4.7 to 4.9).
extension Configuration {
  /// Whether the run has a first stage.
  public var hasFirstStage: Bool {
    !firstStageSettings.stage.isEmpty
      && keysRead.contains { $0.name == FirstStageWords.key }
  }

  /// The key `first`, and what becomes of L.
  public var firstStageSettings: FirstStageSettings { read() }

  /// The configuration of the first stage as a run of its own; nil for a run of one stage.
  ///
  /// Data, seed, lanes and exactness are those of the whole run.
  ///
  /// - Throws: `ConfigurationError` for a first stage that is none.
  public func firstStage() throws(ConfigurationError) -> Configuration? {
    guard hasFirstStage else { return nil }
    var first = try FirstStageWords(firstStageSettings.stage).configuration()
    var (common, own) = (first.common, self.common)
    own.data.noise = common.data.noise
    common.data = own.data
    own.lanes.batch = common.lanes.batch
    own.lanes.lanes = self.common.lanes.count
    common.lanes = own.lanes
    first.write(common)
    return first
  }

  /// The same with the values that a training set tells.
  ///
  /// - Parameters:
  ///   - count: rows of the training set.
  ///   - shape: the shape of its images.
  /// - Throws: `ConfigurationError` for settings that do not fit, and a system that makes no L.
  public func firstStage(rows count: Int, of shape: ImageShape) throws -> Configuration? {
    guard let first = try firstStage() else { return nil }
    let resolved = try first.validated(rows: count, of: shape)
    guard try resolved.makeModel(of: shape) is any Encoding else {
      throw ConfigurationError(
        key: FirstStageWords.key, found: "model=\(first.model), which makes no L of images",
        expected: "a system that does, such as rpca, rda or lpf")
    }
    return resolved
  }

  /// Checks the first stage, if there is one.
  func checkFirstStage(
    rows count: Int, of shape: ImageShape?
  ) throws(ConfigurationError) {
    guard let first = try firstStage() else { return }
    do throws(ConfigurationError) { _ = try first.validated(rows: count, of: shape) } catch {
      throw ConfigurationError("\(FirstStageWords.prefix)\(error)")
    }
  }

  /// The name of a key of the first stage in `first.KEY`; nil for any other name.
  static func firstStageKey(_ name: String) -> String? {
    name.hasPrefix(FirstStageWords.prefix)
      ? String(name.dropFirst(FirstStageWords.prefix.count)) : nil
  }

  /// Sets a key of the first stage.
  ///
  /// - Parameters:
  ///   - name: the key.
  ///   - value: makes its value; nil for one of another type.
  ///   - found: the value as it was given.
  mutating func setFirstStage(
    _ name: String, found: String, to value: (KeyDescription) -> JSONValue?
  ) throws(ConfigurationError) {
    var (settings, words) = (
      firstStageSettings, try FirstStageWords(firstStageSettings.stage)
    )
    let key = try FirstStageWords.allowed(name)
    guard let value = value(key).flatMap(key.normalized) else {
      throw key.error(name: FirstStageWords.prefix + name, found: found)
    }
    words.set(name, KeyDescription.assignment(of: value))
    settings.stage = words.text
    write(settings)
  }

  /// Messages about assignments `first.key=value` that the system of the first stage does not read.
  func unreadOfFirstStage(_ assignments: [String]) -> [String] {
    let own = assignments.compactMap { Self.firstStageKey($0) }
    guard !own.isEmpty, let first = try? firstStage() else { return [] }
    return first.unread(own).map { FirstStageWords.prefix + $0 }
  }
}

/// The words of the key `first`: perhaps a preset, then settings `key=value`.
struct FirstStageWords {
  static let key = "first"
  /// The start of the name of a setting of the first stage.
  static let prefix = "first."
  /// Keys that the stages of a run have in common.
  private static let shared = Set(
    DataSettings.keys.map(\.name) + LaneSettings.keys.map(\.name)
  ).subtracting(["noise", "batch"])

  private var preset: Preset?
  private var settings: [(key: String, value: String)] = []

  /// The words of a text.
  ///
  /// - Throws: `ConfigurationError` for an unknown preset, a word that is neither, or a key that a
  ///   first stage cannot have.
  init(_ text: String) throws(ConfigurationError) {
    for (place, word) in text.split(whereSeparator: \.isWhitespace).enumerated() {
      guard let equals = word.firstIndex(of: "=") else {
        guard place == 0 else {
          throw ConfigurationError(
            key: Self.key, found: "\(word)", expected: "key=value behind the preset")
        }
        preset = try Self.preset(String(word))
        continue
      }
      let (name, value) = (String(word[..<equals]), String(word[word.index(after: equals)...]))
      let key = try Self.allowed(name)
      guard let known = key.parse(value).flatMap(key.normalized) else {
        throw key.error(name: Self.prefix + name, found: value.isEmpty ? "nothing" : value)
      }
      set(name, KeyDescription.assignment(of: known))
    }
  }

  private static func preset(_ name: String) throws(ConfigurationError) -> Preset {
    let preset: Preset
    do throws(ConfigurationError) { preset = try Preset.named(name) } catch {
      throw ConfigurationError("\(key): \(error)")
    }
    if let own = preset.assignments.first(where: { $0.hasPrefix(key + "=") }) {
      throw ConfigurationError(
        key: key, found: "\(name), which has a first stage of its own (\(own))",
        expected: "a preset of one stage")
    }
    return preset
  }

  /// A key that the first stage may have.
  ///
  /// - Throws: `ConfigurationError` for others.
  static func allowed(_ name: String) throws(ConfigurationError) -> KeyDescription {
    if FirstStageSettings.keys.contains(where: { $0.name == name })
      || Configuration.firstStageKey(name) != nil
    {
      throw ConfigurationError(
        key: prefix + name, found: "a first stage of the first stage", expected: "two stages")
    }
    if shared.contains(name) {
      throw ConfigurationError(
        key: prefix + name, found: "a key that both stages have in common",
        expected: "\(name), without first")
    }
    return try Configuration.key(name)
  }

  /// Sets one of the settings.
  mutating func set(_ key: String, _ value: String) {
    settings.removeAll { $0.key == key }
    settings.append((key, value))
  }

  /// The words as the key holds them.
  var text: String {
    ([preset?.name].compactMap { $0 } + settings.map { "\($0.key)=\($0.value)" })
      .joined(separator: " ")
  }

  /// The settings of a run of the first stage alone.
  ///
  /// - Throws: `ConfigurationError` if no word says which system that is.
  func configuration() throws(ConfigurationError) -> Configuration {
    guard preset != nil || settings.contains(where: { $0.key == "model" }) else {
      throw ConfigurationError(
        key: Self.key, found: text, expected: "a preset or model=NAME with it, such as mnist-rpca")
    }
    var configuration = try preset?.configuration() ?? Configuration()
    for setting in settings { try configuration.set("\(setting.key)=\(setting.value)") }
    return configuration
  }
}
