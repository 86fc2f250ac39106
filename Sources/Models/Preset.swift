import Support
import Training

/// A named configuration: the defaults with some settings changed, each with its source.
public struct Preset: Sendable {
  /// The name on the command line.
  public let name: String
  /// The system and data of the preset, in one line.
  public let summary: String
  /// The settings that matter to this preset, changed or deliberately left at the default.
  let settings: [Setting]

  /// One `key=value` with its source.
  struct Setting: Sendable {
    let assignment: String
    let source: String
    var key: Substring { assignment.prefix { $0 != "=" } }

    init(_ assignment: String, _ source: String) {
      self.assignment = assignment
      self.source = source
    }
  }

  /// The system of the preset.
  var system: String {
    settings.first { $0.key == "model" }?.assignment.split(separator: "=").last.map(String.init)
      ?? ""
  }

  /// The settings as `key=value`.
  public var assignments: [String] { settings.map(\.assignment) }

  /// The configuration of the preset.
  ///
  /// - Throws: `ConfigurationError` if a setting of the preset does not fit its key.
  public func configuration() throws(ConfigurationError) -> Configuration {
    var configuration = Configuration()
    for setting in settings { try configuration.set(setting.assignment) }
    return configuration
  }

  /// The source of a key's value: the preset's own source, or the source of the default.
  public func source(of key: KeyDescription) -> String {
    settings.last { $0.key == key.name }?.source ?? key.source
  }

  /// All presets, in the order of the systems.
  ///
  /// Training images of the RVAE family must be corrupted before (`cleave corrupt`); denoising
  /// models draw their corruption anew at every step.
  public static let all: [Preset] = SystemCatalogue.systems.flatMap(\.presets)

  /// Whether a preset has this name.
  public static func exists(_ name: String) -> Bool { all.contains { $0.name == name } }

  /// The preset with a name.
  ///
  /// - Throws: `ConfigurationError` with the nearest preset, if no preset has this name.
  public static func named(_ name: String) throws(ConfigurationError) -> Preset {
    guard let preset = all.first(where: { $0.name == name }) else {
      throw ConfigurationError(
        "unknown preset \(name)" + Spelling.hint(for: name, in: all.map(\.name)))
    }
    return preset
  }
}
