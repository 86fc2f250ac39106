import Datasets
import Layers
import Support
import Training

/// A system that can be trained, as a value: its keys, its model and its loop.
public struct System: Sendable {
  /// The value of the key `model`.
  public let name: String
  /// The keys that it reads beside the keys of every run.
  public let keys: [KeyDescription]
  /// Its presets.
  public let presets: [Preset]
  /// Makes the loop from a configuration.
  let loop: @Sendable (Configuration) -> any Loop
  /// Makes a model of images of a shape.
  let make: @Sendable (Configuration, ImageShape) throws -> any Module
  let resolve: @Sendable (inout Configuration, TrainingSetFacts) throws(ConfigurationError) -> Void
  let settle: @Sendable (inout Configuration) -> Void
  let unreached: @Sendable (Configuration, Int) -> [String]
  let cure: @Sendable (Configuration, CollapseWarning) -> String
  /// Whether it trains on labels of the images.
  public let needsLabels: Bool
  /// Keys that it does not read, for which it accepts only the defaults.
  let refused: [String]
  /// Whether it takes features, whose values are no pixels in [0, 1].
  let takesFeatures: Bool
  /// The type of its settings.
  let settings: any SettingsGroup.Type

  /// A system of a model and a loop, each with its own settings.
  ///
  /// - Parameters:
  ///   - make: makes a model of images of a shape. It throws `ConfigurationError` for settings that
  ///     do not fit.
  ///   - loop: makes the loop from its settings.
  ///   - presets: the presets of its family; the system selects its own.
  ///   - refused: keys of other systems that a user may expect it to read.
  ///   - needsLabels: whether it trains on labels of the images.
  ///   - takesFeatures: whether its model has a linear output for features.
  ///   - cure: the settings that help against a collapse; "help" follows. Found by trial
  ///     (docs/expected-mnist.md, docs/expected-recycling.md).
  init<ModelSettings: SettingsGroup, LoopSettings: SettingsGroup>(
    _ name: String,
    make: @escaping @Sendable (ModelSettings, CommonSettings, ImageShape) throws -> any Module,
    loop: @escaping @Sendable (LoopSettings) -> any Loop,
    presets: [Preset] = [], refusing refused: [String] = [], needsLabels: Bool = false,
    takesFeatures: Bool = false,
    cure:
      @escaping @Sendable (SystemSettings<ModelSettings, LoopSettings>, CollapseWarning) ->
      String
  ) {
    typealias Settings = SystemSettings<ModelSettings, LoopSettings>
    self.name = name
    self.refused = refused
    self.needsLabels = needsLabels
    self.takesFeatures = takesFeatures
    settings = Settings.self
    self.presets = presets.filter { $0.system == name }
    var seen: Set<String> = []
    keys = Settings.keys.map(\.description).filter { seen.insert($0.name).inserted }
    self.loop = { loop($0.read(LoopSettings.self)) }
    self.make = { try make($0.read(ModelSettings.self), $0.common, $1) }
    resolve = { (configuration, facts) throws(ConfigurationError) in
      var (common, settings) = (configuration.common, configuration.read(Settings.self))
      common.resolveAll(for: facts)
      settings.resolveAll(for: facts)
      try common.checkAll(name, with: common)
      try settings.checkAll(name, with: common)
      configuration.write(common)
      configuration.write(settings)
    }
    settle = { configuration in
      var settings = configuration.read(Settings.self)
      settings.settleAll()
      configuration.write(settings)
    }
    unreached = { $0.read(Settings.self).allUnreached(name, epochs: $1) }
    self.cure = { cure($0.read(Settings.self), $1) }
  }
}

extension System {
  /// A system whose model needs only its own settings.
  init<ModelSettings: SettingsGroup, LoopSettings: SettingsGroup>(
    _ name: String,
    make: @escaping @Sendable (ModelSettings, ImageShape) throws -> any Module,
    loop: @escaping @Sendable (LoopSettings) -> any Loop,
    presets: [Preset] = [], refusing refused: [String] = [], needsLabels: Bool = false,
    takesFeatures: Bool = false,
    cure:
      @escaping @Sendable (SystemSettings<ModelSettings, LoopSettings>, CollapseWarning) ->
      String
  ) {
    self.init(
      name, make: { settings, _, image in try make(settings, image) }, loop: loop,
      presets: presets, refusing: refused, needsLabels: needsLabels,
      takesFeatures: takesFeatures, cure: cure)
  }
}
