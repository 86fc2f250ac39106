import MPI
import Models
import Runs
import Support
import Training

/// The place of a configuration.
enum ConfigurationSource {
  /// A preset.
  case preset(Preset)
  /// A JSON file of the user.
  case file(String)
  /// The configuration of a run.
  case run(RunDirectory)

  /// The source that a word on the command line names: a file if it looks like a file or is one,
  /// otherwise a preset.
  ///
  /// - Throws: `ConfigurationError` that names the nearest preset.
  init(_ word: String) throws(ConfigurationError) {
    if word.hasSuffix(".json") || word.contains("/") {
      self = .file(word)
    } else {
      self = .preset(try Preset.named(word))
    }
  }

  /// What a run from this source is started from; nil for a run that goes on.
  var request: RunRequest? {
    switch self {
    case .preset(let preset): RunRequest(preset: preset.name)
    case .file(let path): RunRequest(preset: path)
    case .run: nil
    }
  }

  /// Reads the configuration; only rank 0 reads a file.
  ///
  /// **Collective.**
  ///
  /// - Throws: `ConfigurationError` or `RunError` with the name of the file.
  func configuration(on world: Communicator, _ console: Console) throws -> Configuration {
    switch self {
    case .preset(let preset):
      return try preset.configuration()
    case .file(let path):
      let text = try read(on: world) { try Self.text(of: path) }
      return try world.agree {
        do {
          return try Configuration.load(json: text)
        } catch {
          throw ConfigurationError("\(path): \(error)")
        }
      }
    case .run(let directory):
      let text = try read(on: world) {
        try RunSettings.read(directory) { console.warning($0) }.json.document
      }
      return try world.agree { try Configuration.load(json: text) }
    }
  }

  private static func text(of path: String) throws -> String {
    do throws(RegularFile.Refusal) {
      let bytes = try RegularFile.read(
        path, atMost: RegularFile.documentLimit, followingLinks: true)
      return String(decoding: bytes, as: UTF8.self)
    } catch { throw RunError.data(path, "cannot be read: \(error)") }
  }

  private func read(on world: Communicator, _ body: () throws -> String) throws -> String {
    var text = ""
    _ = try world.onRoot {
      text = try body()
      return 0
    }
    return try world.broadcast(text)
  }
}
