import Foundation
import MPI
import Models
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

  /// Reads the configuration; only rank 0 reads a file.
  ///
  /// **Collective.**
  ///
  /// - Throws: `ConfigurationError` or `RunError` with the name of the file.
  func configuration(on world: Communicator) throws -> Configuration {
    switch self {
    case .preset(let preset):
      return try preset.configuration()
    case .file(let path):
      let text = try read(path, on: world)
      return try world.agree {
        do {
          return try Configuration.load(json: text)
        } catch {
          throw ConfigurationError("\(path): \(error)")
        }
      }
    case .run(let directory):
      let text = try read(directory.configuration, on: world)
      return try world.agree {
        do {
          return try Configuration.load(json: text)
        } catch {
          throw RunError.data(directory.configuration, "\(error)")
        }
      }
    }
  }

  private func read(_ path: String, on world: Communicator) throws -> String {
    var text = ""
    _ = try world.onRoot {
      guard let bytes = FileManager.default.contents(atPath: path) else {
        throw RunError.data(path, "cannot be read: no such file, or not for you")
      }
      text = String(decoding: bytes, as: UTF8.self)
      return 0
    }
    return try world.broadcast(text)
  }
}
