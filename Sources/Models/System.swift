import Datasets
import Layers
import Support
import Training

/// A system that can be trained, as a value: what it reads, how its model is made, and its loop.
public struct System: Sendable {
  /// The value of the key `model`.
  public let name: String
  /// The keys that it reads beside those of every run.
  public let keys: [KeyDescription]
  /// Its presets.
  public let presets: [Preset]
  /// The loop that trains it, by its settings in a configuration.
  let loop: @Sendable (Configuration) -> any Loop
  /// A model of such images.
  let make: @Sendable (Configuration, ImageShape) throws -> any Module
  let resolve: @Sendable (inout Configuration, TrainingSetFacts) throws(ConfigurationError) -> Void
  let settle: @Sendable (inout Configuration) -> Void
  let unreached: @Sendable (Configuration, Int) -> [String]
  let cure: @Sendable (Configuration, CollapseWarning) -> String
  /// Keys that it does not read and refuses, unless they have their defaults.
  let refused: [String]

  /// A system of a model and a loop, each with settings of its own.
  ///
  /// - Parameters:
  ///   - make: a model of such images. It throws `ConfigurationError` for settings that do not fit.
  ///   - loop: the loop of such settings.
  ///   - presets: those of its family; its own are taken.
  ///   - refused: keys of other systems that somebody may expect it to read.
  ///   - cure: the settings that help against a collapse; "help" follows. Found by trial
  ///     (docs/expected-mnist.md, docs/expected-recycling.md).
  init<ModelSettings: SettingsGroup, LoopSettings: SettingsGroup>(
    _ name: String,
    make: @escaping @Sendable (ModelSettings, CommonSettings, ImageShape) throws -> any Module,
    loop: @escaping @Sendable (LoopSettings) -> any Loop,
    presets: [Preset] = [], refusing refused: [String] = [],
    cure:
      @escaping @Sendable (SystemSettings<ModelSettings, LoopSettings>, CollapseWarning) ->
      String
  ) {
    typealias Settings = SystemSettings<ModelSettings, LoopSettings>
    self.name = name
    self.refused = refused
    self.presets = presets.filter { $0.system == name }
    var seen: Set<String> = []
    keys = Settings.keys.map(\.description).filter { seen.insert($0.name).inserted }
    self.loop = { loop($0.read(LoopSettings.self)) }
    self.make = { try make($0.read(ModelSettings.self), $0.common, $1) }
    resolve = { (configuration, facts) throws(ConfigurationError) in
      var (common, settings) = (configuration.common, configuration.read(Settings.self))
      common.resolve(for: facts)
      settings.resolve(for: facts)
      try common.check(name, with: common)
      try settings.check(name, with: common)
      configuration.write(common)
      configuration.write(settings)
    }
    settle = { configuration in
      var settings = configuration.read(Settings.self)
      settings.settle()
      configuration.write(settings)
    }
    unreached = { $0.read(Settings.self).unreached(name, epochs: $1) }
    self.cure = { cure($0.read(Settings.self), $1) }
  }
}

extension System {
  /// The same for a model whose settings say all that it must know.
  init<ModelSettings: SettingsGroup, LoopSettings: SettingsGroup>(
    _ name: String,
    make: @escaping @Sendable (ModelSettings, ImageShape) throws -> any Module,
    loop: @escaping @Sendable (LoopSettings) -> any Loop,
    presets: [Preset] = [], refusing refused: [String] = [],
    cure:
      @escaping @Sendable (SystemSettings<ModelSettings, LoopSettings>, CollapseWarning) ->
      String
  ) {
    self.init(
      name, make: { settings, _, image in try make(settings, image) }, loop: loop,
      presets: presets, refusing: refused, cure: cure)
  }
}
