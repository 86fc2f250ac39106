import Foundation

/// The places in which a run keeps its files (docs/files.md).
public enum RunPlace {
  /// The start of the name of a folder within, in which a run that is being replaced waits.
  public static let asidePrefix = ".replaced-"
  /// Folders and files of a run, where a run may have foreign files beside them.
  private static let names: Set<String> = [
    "run.json", "config.json", "metrics.jsonl", "owner.json", "checkpoints", "images", "injected",
    "first", "first.h5",
  ]

  /// Whether Cleave made a folder: it has a mark or, of an earlier version, a configuration.
  public static func isRun(_ folder: String) -> Bool {
    func document(_ name: String) -> JSONValue? {
      guard
        let bytes = try? RegularFile.read("\(folder)/\(name)", atMost: RegularFile.documentLimit)
      else { return nil }
      return try? JSONValue(parsing: String(decoding: bytes, as: UTF8.self))
    }
    if let mark = document("run.json"), mark["format"] == "cleave-run", mark["id"]?.text != nil {
      return true
    }
    guard let configuration = document("config.json") else { return false }
    return configuration["model"]?.text != nil && configuration["lanes"]?.integer != nil
  }

  /// The run in one of whose own places a file or folder lies, or would lie; nil for any other.
  public static func run(holding path: String) -> String? {
    // What does not exist yet has no real path.
    var (place, rest) = (URL(filePath: path).path, [String]())
    var whole = realpath(place, nil)
    while whole == nil && place != "/" {
      let url = URL(filePath: place)
      rest.insert(url.lastPathComponent, at: 0)
      place = url.deletingLastPathComponent().path
      whole = realpath(place, nil)
    }
    guard let whole else { return nil }
    defer { free(whole) }
    let parts = String(cString: whole).split(separator: "/").map(String.init) + rest
    for index in parts.indices.reversed()
    where names.contains(parts[index]) || parts[index].hasPrefix(asidePrefix) {
      let folder = "/" + parts[..<index].joined(separator: "/")
      if isRun(folder) { return folder }
    }
    return nil
  }
}
