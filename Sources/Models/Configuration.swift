import Datasets
import Layers
import Support
import Training

/// All facts that fix a training run, except the number of ranks.
///
/// It holds a value for every key of every system, so a preset can be tried with another system
/// (`--set model=vae`). A run reads only the keys of its own system, as typed settings.
/// In JSON and for `--set` every key has a snake_case name (`learning_rate`). Batch and step counts
/// are global, over all ranks.
public struct Configuration: Equatable, Sendable {
  /// Values that differ from their defaults, each in the stored form of its key.
  private var changed: [String: JSONValue] = [:]

  /// The defaults.
  public init() {}

  /// The system to train, by its name in the catalogue.
  public var model: String {
    guard case .string(let name) = self[Self.modelKey] else {
      preconditionFailure("model is a word")
    }
    return name
  }

  /// The system to train.
  public var system: System { SystemCatalogue.system(model) }

  /// The settings that all runs have.
  public var common: CommonSettings { read() }

  /// A group of settings.
  public func read<Group: SettingsGroup>(_ type: Group.Type = Group.self) -> Group {
    Group { changed[$0] }
  }

  /// Stores a group of settings.
  public mutating func write<Group: SettingsGroup>(_ group: Group) {
    for (key, value) in zip(Group.keys, group.values) { store(value, under: key.description) }
  }

  private mutating func store(_ value: JSONValue, under key: KeyDescription) {
    if value == key.defaultValue {
      changed.removeValue(forKey: key.name)
    } else {
      changed.updateValue(value, forKey: key.name)
    }
  }

  /// The value of a key.
  public subscript(key: KeyDescription) -> JSONValue {
    changed[key.name, default: key.defaultValue]
  }

  /// Whether each lane is a separate microbatch, so that ranks and hosts make no difference.
  public var isExact: Bool { common.lanes.exact }
}

// MARK: - Keys

extension Configuration {
  private static let modelKey = KeyDescription.word(
    "model", of: SystemCatalogue.names, summary: "The system to train.", source: "3.1",
    isFixed: true)

  /// All keys, in the order of written configurations: keys of all runs, then keys of the systems.
  public static let keys: [KeyDescription] =
    [modelKey] + CommonSettings.keys.map(\.description) + SystemCatalogue.keys

  /// The names of the systems that read a key; nil for a key that all systems read.
  public static func readers(of key: KeyDescription) -> [String]? {
    SystemCatalogue.readers(of: key.name)
  }

  /// The key with a name.
  ///
  /// - Throws: `ConfigurationError` with the nearest key, if no key has this name.
  public static func key(_ name: String) throws(ConfigurationError) -> KeyDescription {
    guard let key = keys.first(where: { $0.name == name }) else {
      throw ConfigurationError(
        "unknown key \(name.shortened)"
          + Spelling.hint(for: String(name.prefix(100)), in: keys.map(\.name)))
    }
    return key
  }

  /// The keys that the system reads.
  public var keysRead: [KeyDescription] {
    Self.keys.filter { SystemCatalogue.readers(of: $0.name)?.contains(model) ?? true }
  }

  /// The settings that the system reads, as `--set` takes them, without those of the data set.
  public var assignments: [String] {
    let ofData = Set(DataSettings.placeKeys)
    return keysRead.filter { !ofData.contains($0.name) }.map(assignment)
  }

  /// The settings that differ from another configuration, among those that the system reads.
  public func changes(from base: Configuration) -> [String] {
    let ofData = Set(DataSettings.placeKeys)
    return keysRead.filter { !ofData.contains($0.name) && self[$0] != base[$0] }.map(assignment)
  }

  private func assignment(of key: KeyDescription) -> String {
    "\(key.name)=\(KeyDescription.assignment(of: self[key]))"
  }

  /// Messages about assignments `key=value` that the system does not read.
  public func unread(_ assignments: [String]) -> [String] {
    unreadOfFirstStage(assignments)
      + assignments.compactMap { assignment in
        let name = String(assignment.prefix { $0 != "=" })
        guard let readers = SystemCatalogue.readers(of: name), !readers.contains(model) else {
          return nil
        }
        return "\(assignment): \(model) does not read \(name), which is for "
          + readers.joined(separator: ", ")
      }
  }

  /// Messages about changes of the loss for which the run is too short.
  public var unreached: [String] { system.unreached(self, loop.epochs) }
}

// MARK: - Reading and writing

extension Configuration {
  /// Every setting under its name, in the order of the keys.
  public var json: JSONValue {
    .object(Self.keys.map { JSONValue.Member($0.name, self[$0]) })
  }

  /// A configuration from a JSON object; absent keys keep their defaults.
  ///
  /// - Throws: `ConfigurationError` for text that is no JSON object, an unknown key, or a value of
  ///   the wrong type or out of range.
  public static func load(json text: String) throws(ConfigurationError) -> Configuration {
    let document: JSONValue
    do {
      document = try JSONValue(parsing: text)
    } catch {
      throw ConfigurationError("not a JSON document" + JSONValue.place(of: error))
    }
    return try Configuration(document)
  }

  /// A configuration from a JSON object; absent keys keep their defaults.
  ///
  /// - Throws: `ConfigurationError` as `load(json:)`.
  public init(_ document: JSONValue) throws(ConfigurationError) {
    guard case .object(let members) = document else {
      throw ConfigurationError("found JSON that is no object, expected {\"key\": value, ...}")
    }
    for member in members where Self.firstStageKey(member.name) == nil {
      if let key = Self.keys.first(where: { $0.former?.name == member.name }) {
        var value = member.value
        if case .string(let word) = value { value = .string(key.former?.words[word] ?? word) }
        try set(key, to: value, found: member.value.line.shortened)
      } else {
        try set(Self.key(member.name), to: member.value, found: member.value.line.shortened)
      }
    }
    for member in members {
      guard let name = Self.firstStageKey(member.name) else { continue }
      try setFirstStage(name, found: member.value.line.shortened) { _ in member.value }
    }
  }

  /// Assigns one setting from a text `key=value`, as `--set` gives it.
  ///
  /// - Throws: `ConfigurationError` for a text without `=`, an unknown key, or a value of the wrong
  ///   type or out of range.
  public mutating func set(_ assignment: String) throws(ConfigurationError) {
    guard let equals = assignment.firstIndex(of: "=") else {
      throw ConfigurationError("found \(assignment), expected key=value")
    }
    let text = String(assignment[assignment.index(after: equals)...])
    let found = text.isEmpty ? "nothing" : text
    if let name = Self.firstStageKey(String(assignment[..<equals])) {
      return try setFirstStage(name, found: found) { $0.parse(text) }
    }
    let key = try Self.key(String(assignment[..<equals]))
    try set(key, to: key.parse(text), found: found)
  }

  private mutating func set(
    _ key: KeyDescription, to value: JSONValue?, found: String
  ) throws(ConfigurationError) {
    guard let value = value.flatMap(key.normalized) else {
      throw key.error(found: found)
    }
    if key.name == FirstStageWords.key, case .string(let text) = value {
      return store(.string(try FirstStageWords(text).text), under: key)
    }
    store(value, under: key)
  }
}

extension Configuration: Codable {
  /// Reads a JSON object as `load(json:)` does.
  public init(from decoder: any Decoder) throws {
    try self.init(JSONValue(from: decoder))
  }

  /// Writes the members of `json`.
  public func encode(to encoder: any Encoder) throws {
    try json.encode(to: encoder)
  }
}

// MARK: - For a run

extension Configuration {
  /// Checks the settings together and derives the values that were left open.
  ///
  /// In the result lanes and rows are set, and the values that the system derives from them.
  ///
  /// - Parameters:
  ///   - count: rows of the training set.
  ///   - shape: the shape of its images, where it is known.
  ///   - classes: the number of classes of its labels, where it has labels.
  /// - Throws: `ConfigurationError` for lanes that are no power of two or do not divide the batch,
  ///   a batch larger than the training set, or settings that do not fit together.
  public func validated(
    rows count: Int, of shape: ImageShape? = nil, classes: Int? = nil
  ) throws(ConfigurationError) -> Configuration {
    var resolved = self
    if shape?.isFeatures == true { try checkFeatures() }
    let rows = min(common.data.modelRows ?? count, count)
    if common.data.patch != nil { try common.lanes.check(rows: rows) }
    try system.resolve(&resolved, TrainingSetFacts(rows: rows, shape: shape, classes: classes))
    try resolved.refuseUnread()
    try resolved.checkFirstStage(rows: count, of: shape)
    return resolved
  }

  /// The same with the level of known noise that the training set shows, where that is to be
  /// estimated.
  ///
  /// - Throws: `ConfigurationError` where the images show no such noise.
  public func estimatingNoise(in images: ImageSet) throws(ConfigurationError) -> Configuration {
    var settings = read(LikelihoodSettings.self)
    guard settings.noise.isNone || !hasFirstStage else {
      throw ConfigurationError(
        key: "known_noise", found: "\(settings.noise) with first",
        expected: "one of both: known_noise is that of X, which the first stage has changed")
    }
    guard settings.noise.isEstimated else { return self }
    guard common.data.staticNoise.isNone else {
      throw ConfigurationError(
        key: "known_noise", found: "\(settings.noise)",
        expected: "the level that static_noise=\(common.data.staticNoise.spec) has")
    }
    do throws(DatasetError) {
      settings.noise = try settings.noise.estimated(from: images)
    } catch {
      guard case .specification(let found, let expected) = error else {
        preconditionFailure("\(error)")
      }
      throw ConfigurationError(key: "known_noise", found: found, expected: expected)
    }
    var estimated = self
    estimated.write(settings)
    return estimated
  }

  /// The level of known noise that was estimated for a run, to be told; nil where it was given.
  public func noiseNote(_ resolved: Configuration) -> String? {
    guard read(LikelihoodSettings.self).noise.isEstimated else { return nil }
    let noise = resolved.read(LikelihoodSettings.self).noise
    return "known_noise=\(noise): estimated from flat parts of the images"
  }

  /// A warning of a level that images contradict; nil for none.
  public func noiseContradiction(in images: ImageSet) -> String? {
    guard common.data.staticNoise.isNone else { return nil }
    let noise = read(LikelihoodSettings.self).noise
    return noise.contradiction(in: images).map {
      "known_noise=\(noise): flat parts of the images show \($0)"
    }
  }

  /// A warning of a level of noise that is learned; nil for none.
  public var noiseWarning: String? {
    let noise = read(LikelihoodSettings.self).noise
    guard let bounds = noise.bounds else { return nil }
    return "known_noise=\(noise): a learned level tends to the bound that explains most by the "
      + "code, here \(bounds.lowerBound), and images then keep their noise; noise_level in the log "
      + "tells it"
  }

  /// Refuses values of keys that the system cannot follow.
  ///
  /// - Throws: `ConfigurationError` that names the systems which read the key.
  public func refuseUnread() throws(ConfigurationError) {
    for key in Self.keys
    where (key.isRefusedElsewhere || system.refused.contains(key.name))
      && self[key] != key.defaultValue
    {
      guard let readers = SystemCatalogue.readers(of: key.name), !readers.contains(model) else {
        continue
      }
      let usual = KeyDescription.assignment(of: key.defaultValue)
      throw ConfigurationError(
        key: key.name, found: KeyDescription.assignment(of: self[key]),
        expected: "\(usual.isEmpty ? "nothing" : usual) with model=\(model), which "
          + "does not read it; it is for \(readers.joined(separator: ", "))")
    }
  }

  /// Checks that a run can continue with these settings.
  ///
  /// - Parameter original: The configuration with which the run was created.
  /// - Throws: `ConfigurationError` that names the first fixed setting with another value.
  public func checkResume(of original: Configuration) throws(ConfigurationError) {
    guard let difference = fixedDifference(from: original) else { return }
    throw ConfigurationError(
      key: difference.key, found: difference.found,
      expected: "\(difference.expected), which is fixed for the run; a new run can have another")
  }

  /// The first setting that is fixed for a run and has another value than in `original`; nil if
  /// there is none.
  public func fixedDifference(
    from original: Configuration
  ) -> (key: String, found: String, expected: String)? {
    for key in Self.keys where key.isFixed {
      if let readers = SystemCatalogue.readers(of: key.name), !readers.contains(model) { continue }
      let (old, new) = (original[key], self[key])
      if old != new { return (key.name, new.line.shortened, old.line.shortened) }
    }
    return nil
  }

  /// The settings of most steps of the run, where some change during the run.
  public func settled() -> Configuration {
    var settled = self
    system.settle(&settled)
    return settled
  }

  /// The loop of a run.
  public var loop: any Loop { system.loop(self) }

  /// A model of images of this shape, before its weights are drawn.
  ///
  /// - Throws: `ConfigurationError` for settings that do not fit the images.
  public func makeModel(of image: ImageShape) throws -> any Module { try system.make(self, image) }

  /// The settings that help against a collapse.
  public func cure(of warning: CollapseWarning) -> String { system.cure(self, warning) }
}
