import Checkpoints
import Foundation
import Guard
import Support

/// The places of a run's files (docs/files.md): `run.json`, `config.json`, `metrics.jsonl`,
/// `checkpoints/`, `images/`; of a run with two stages `first/` and `first.h5`, too.
public struct RunDirectory: Sendable {
  /// The directory itself.
  public let path: String

  /// The directory at `path`, which need not exist.
  public init(_ path: String) { self.path = path }

  /// The mark that makes the folder a run.
  public var mark: String { path + "/run.json" }
  /// The resolved configuration.
  public var configuration: String { path + "/config.json" }
  /// The log, one JSON object a line.
  public var metrics: String { path + "/metrics.jsonl" }
  /// The folder of checkpoints.
  public var checkpoints: String { path + "/checkpoints" }
  /// The folder of PNG grids.
  public var images: String { path + "/images" }
  /// The process that writes the run at present.
  var owner: String { path + "/owner.json" }
  /// The first stage of a run with two, in the form of a run of its own.
  public var first: RunDirectory { RunDirectory("\(path)/\(Self.firstName)") }
  /// What the first stage made of the rows trained on, its L: there as soon as that stage is over.
  public var firstRows: String { "\(path)/\(Self.firstName).h5" }
  private static let firstName = "first"

  /// The stage of a run with two, 1 or 2; nil for a run with one.
  public var stage: Int? {
    if FileManager.default.fileExists(atPath: firstRows) { return 2 }
    return first.isRun ? 1 : nil
  }

  /// What `owner.json` holds now, whoever wrote it; nil where it cannot be read.
  var ownerText: String? {
    let bytes = try? RegularFile.read(owner, atMost: RegularFile.documentLimit)
    return bytes.map { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether the directory holds a run: a mark or, of earlier versions, a configuration.
  public var isRun: Bool {
    [mark, configuration].contains { FileManager.default.fileExists(atPath: $0) }
  }

  /// What the mark says; nil for a run of an earlier version, and where there is no run.
  public var identity: RunMark? { Self.text(of: mark).flatMap { RunMark($0) } }

  /// The owner that `owner.json` names now; nil where there is no such file, or it is torn.
  public var currentOwner: RunOwner? { Self.text(of: owner).flatMap { RunOwner($0) } }

  /// Writes the mark, if there is none yet.
  ///
  /// Rank 0 only.
  public func writeMark() throws {
    if identity == nil { try TemporaryFile.write(RunMark().text, to: mark) }
  }

  /// Notes in the mark that this process begins to train the run.
  ///
  /// Rank 0 only.
  ///
  /// - Parameters:
  ///   - request: what a new run is started from; nil for a run that goes on.
  ///   - noise: the noise that is on the images of a new run.
  ///   - isSameProcess: whether this process has begun before, with another stage.
  public func begin(
    _ session: RunSession, from request: RunRequest? = nil, noise: String? = nil,
    isSameProcess: Bool = false
  ) throws {
    let mark = identity ?? RunMark()
    let seconds = RunProgress(self, mark).secondsOfLast
    try TemporaryFile.write(
      mark.begun(
        session, from: request, noise: noise, after: seconds, isSameProcess: isSameProcess
      ).text, to: self.mark)
  }

  /// Writes a new `config.json`, by a rename.
  ///
  /// Rank 0 only.
  public func write(configuration document: String) throws {
    try TemporaryFile.write(document + "\n", to: configuration)
  }

  /// The text of a small file, as it lies there now; nil where it cannot be read.
  private static func text(of path: String) -> String? {
    // Opening the file anew makes a network file system ask its server.
    let bytes = try? RegularFile.read(path, atMost: RegularFile.documentLimit)
    return bytes.flatMap { $0.isEmpty ? nil : String(decoding: $0, as: UTF8.self) }
  }

  /// The text of `config.json`.
  ///
  /// - Throws: `RunError.data` if it is missing, or no regular file; `FileError` for trouble of the
  ///   machine.
  public func configurationText() throws -> String {
    do throws(RegularFile.Refusal) {
      return String(
        decoding: try RegularFile.read(configuration, atMost: RegularFile.documentLimit),
        as: UTF8.self)
    } catch { throw RunError.unread(configuration, error) }
  }
}

// MARK: - What a run owns

extension RunDirectory {
  /// What lies in the folder, relative to it: the run's own files and folders, the content of a
  /// folder before the folder, and everything else.
  struct Content {
    var own: [String] = []
    var foreign: [String] = []
  }

  /// The paths of the run's own files and folders; none where they cannot be listed.
  public var ownFiles: [String] { ((try? content().own) ?? []).map { "\(path)/\($0)" } }

  /// The start of the name of a folder within, in which a run that is being replaced waits.
  static let asidePrefix = RunPlace.asidePrefix

  /// Makes sure that what lies in the run's own places is what a run has there: regular files and
  /// folders, and no links, which may lead to anything of anybody's.
  ///
  /// The folder of the run itself may be a link.
  ///
  /// - Throws: `RunError.data` for the first that is something else.
  func checkPlaces() throws {
    try checkOwnPlaces([first.path])
    if stage != nil { try first.checkOwnPlaces([]) }
  }

  private func checkOwnPlaces(_ others: [String]) throws {
    let files = [mark, configuration, metrics, owner, firstRows].map {
      ($0, S_IFREG, "a regular file")
    }
    let folders = ([checkpoints, images] + others).map {
      ($0, S_IFDIR, "a folder of the run's own")
    }
    for (place, kind, words) in files + folders {
      var status = stat()
      guard lstat(place, &status) == 0, status.st_mode & S_IFMT != kind else { continue }
      // A resume says what it finds there, and writes the settings of the checkpoint.
      if place == configuration && status.st_mode & S_IFMT != S_IFDIR { continue }
      throw RunError.data(
        place,
        "found \(RegularFile.kind(of: status)), expected \(words); move it away"
          + (kind == S_IFDIR ? ", only the run as a whole may be a link" : ""))
    }
  }

  /// Looks at everything in the folder; links are not followed.
  ///
  /// - Throws: `FileError` if a folder cannot be read.
  func content() throws -> Content {
    var content = Content()
    try look(into: [], &content)
    return content
  }

  private func look(into folder: [String], _ content: inout Content) throws {
    let place = ([path] + folder).joined(separator: "/")
    let names = try FileError.wrap(place) {
      try FileManager.default.contentsOfDirectory(atPath: place).sorted()
    }
    for name in names {
      let parts = folder + [name]
      let relative = parts.joined(separator: "/")
      var status = stat()
      guard lstat("\(path)/\(relative)", &status) == 0 else { continue }
      let kind = status.st_mode & S_IFMT
      let isFolder = kind == S_IFDIR
      // The only links of a run are those to its checkpoints.
      let isLink = kind == S_IFLNK && parts.dropLast().last == "checkpoints"
      guard kind == S_IFREG || isFolder || isLink, Self.owns(parts[...], isFolder: isFolder) else {
        content.foreign.append(relative)
        continue
      }
      if isFolder { try look(into: parts, &content) }
      content.own.append(relative)
    }
  }

  /// Whether Cleave writes a file or folder of this name into a run.
  private static func owns(_ parts: ArraySlice<String>, isFolder: Bool) -> Bool {
    guard let first = parts.first, let name = parts.last else { return false }
    if first.hasPrefix(asidePrefix) {
      return parts.count == 1 ? isFolder : owns(parts.dropFirst(), isFolder: isFolder)
    }
    let files = [
      "run.json", "config.json", "metrics.jsonl", "owner.json", "\(firstName).h5",
    ]
    switch (first, parts.count) {
    case (firstName, 1): return isFolder
    case (firstName, 2...):
      // A stage has no stages, and nothing of it is moved aside.
      let inner = parts.dropFirst()
      let others = [firstName, "\(firstName).h5", asidePrefix]
      return !others.contains { inner.first?.hasPrefix($0) == true }
        && owns(inner, isFolder: isFolder)
    case ("checkpoints", 2...):
      return CheckpointStore.owns(Array(parts.dropFirst()), isFolder: isFolder)
    case ("checkpoints", _), ("images", 1), ("injected", 1): return isFolder
    case ("images", 2): return !isFolder && GridWriter.writes(name)
    case ("injected", 2): return !isFolder && (try? Fault(parsing: name)) != nil
    case (_, 1):
      return !isFolder
        && (files.contains(name) || name.hasPrefix(RunLease.hiddenPrefix)
          || name.hasPrefix("hang-") && name.hasSuffix(".json") || name.hasPrefix(".hang-")
          || files.contains { name.hasPrefix(".\($0).") } || name.hasPrefix(".dat.nosync"))
    default: return false
    }
  }

  /// Removes files and folders of the run, as `content` lists them; what is not empty stays.
  ///
  /// - Throws: `FileError` for the first that cannot be removed.
  func remove(_ names: [String]) throws {
    for name in names {
      let place = "\(path)/\(name)"
      guard unlink(place) != 0, errno != ENOENT else { continue }
      guard errno == EISDIR || errno == EPERM else { throw FileError.last(place) }
      guard rmdir(place) == 0 || errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT else {
        throw FileError.last(place)
      }
    }
  }
}
