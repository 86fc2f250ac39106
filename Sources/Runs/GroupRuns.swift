import Checkpoints
import Datasets
import Foundation
import MPI
import Models
import Support
import Training

/// A folder of runs, one for each group of a data set (docs/files.md, Runs of groups).
///
/// `groups.json` has the settings of all of them, and each group's name and folder. A folder within
/// is an ordinary run, on the rows of its group.
public struct GroupRuns: Sendable {
  /// A group and its run.
  public struct Group: Equatable, Sendable {
    /// The name of the group in the data set.
    public let name: String
    /// The folder of its run within the folder of all.
    public let folder: String
    /// Its rows.
    public let rows: Int
  }

  /// How far the run of a group is.
  public enum State: Equatable, Sendable {
    /// It has not begun, or has no checkpoint yet.
    case waiting
    /// It goes on from this step.
    case begun(step: Int)
    /// It has made its last step.
    case finished(step: Int)

    /// The last step; nil before the first checkpoint.
    public var step: Int? {
      switch self {
      case .waiting: nil
      case .begun(let step), .finished(let step): step
      }
    }
  }

  /// The folder.
  public let path: String
  /// The settings of all runs, but for the group.
  public let configuration: Configuration
  /// What the runs are started from.
  public let request: RunRequest?
  /// The groups, in the order of the data set.
  public let groups: [Group]

  private static let mark = "groups.json"
  private static let format = "cleave-groups"
  /// A longer file is none of Cleave's.
  private static let mostFileBytes = 1 << 26

  private init(
    _ path: String, _ configuration: Configuration, _ request: RunRequest?, _ groups: [Group]
  ) {
    self.path = path
    self.configuration = configuration
    self.request = request
    self.groups = groups
  }

  /// Whether a folder holds runs of groups.
  public static func isThere(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(path)/\(mark)")
  }

  /// The run of a group.
  public func run(of group: Group) -> RunDirectory { RunDirectory("\(path)/\(group.folder)") }

  /// The settings of a group's run.
  public func configuration(of group: Group) -> Configuration {
    var configuration = configuration
    var common = configuration.common
    common.data.group = group.name
    configuration.write(common)
    return configuration
  }

  /// How far a group's run is, by its newest whole checkpoint.
  ///
  /// - Throws: `CheckpointError` for a run that cannot be read; `RunError` for a damaged
  ///   checkpoint.
  public func state(of group: Group) throws -> State { try Self.state(of: run(of: group)) }

  /// How far a run is, by its newest whole checkpoint.
  ///
  /// - Throws: `CheckpointError` for a run that cannot be read; `RunError` for a damaged
  ///   checkpoint.
  public static func state(of directory: RunDirectory) throws -> State {
    guard directory.isRun, let newest = try RunSummary(run: directory.path).newest else {
      return .waiting
    }
    let saved = try SavedProgress(newest.progress(), in: newest.contentsPath)
    let step = saved.progress.step
    return saved.progress.finished ? .finished(step: step) : .begun(step: step)
  }

  // MARK: - Making

  /// A folder for the runs of groups, made now.
  ///
  /// Rank 0 only.
  ///
  /// - Throws: `RunError` where something is there already; `FileError` if it cannot be made.
  public init(
    _ path: String, _ configuration: Configuration, _ request: RunRequest?,
    groups: [RowGroups.Group]
  ) throws {
    self.init(path, configuration, request, Self.placed(groups))
    if Self.isThere(path) {
      throw RunError.place(
        path,
        "found runs of groups, expected a new directory; go on with them by --resume \(path)")
    }
    if let run = RunPlace.run(holding: path) {
      throw RunError.place(path, "found a place of the run \(run), expected one outside of it")
    }
    let isThere = FileManager.default.fileExists(atPath: path)
    let content = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    if isThere && (RunDirectory(path).holdsRun || !content.isEmpty || !Self.isFolder(path)) {
      throw RunError.place(path, "found a file or a folder that is not empty, expected a new one")
    }
    try FileError.wrap(path) {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    try write()
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  /// Gives each group a folder of a name that every system takes.
  private static func placed(_ groups: [RowGroups.Group]) -> [Group] {
    var taken: Set<String> = [mark]
    return groups.map { group in
      var stem = String(
        group.name.unicodeScalars.map { scalar -> Character in
          let isPlain = scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
          return isPlain || "._-".unicodeScalars.contains(scalar) ? Character(scalar) : "_"
        })
      while stem.utf8.count > mostBytes { stem.removeLast() }
      if stem.isEmpty || stem.hasPrefix(".") || stem.hasPrefix("-") { stem = "_" + stem }
      var (folder, number) = (stem, 2)
      // Some file systems do not tell capitals from small letters.
      while taken.contains(folder.lowercased()) {
        folder = "\(stem)-\(number)"
        number += 1
      }
      taken.insert(folder.lowercased())
      return Group(name: group.name, folder: folder, rows: group.count)
    }
  }

  /// Bytes of a folder's name; a number may follow.
  private static let mostBytes = 180

  /// The document of `groups.json`.
  public var text: String {
    let document: JSONValue = [
      "format": .string(Self.format), "version": 1,
      "preset": request.map { .string($0.preset) } ?? .null,
      "configuration": configuration.json,
      "groups": .array(
        groups.map { group in
          [
            "name": .string(group.name), "folder": .string(group.folder),
            "rows": .integer(group.rows),
          ]
        }),
    ]
    return document.document + "\n"
  }

  private func write() throws { try TemporaryFile.write(text, to: "\(path)/\(Self.mark)") }

  /// The same runs with other settings, which are written down.
  ///
  /// Rank 0 only.
  ///
  /// - Throws: `FileError` if they cannot be written.
  public func changed(to configuration: Configuration) throws -> GroupRuns {
    let changed = GroupRuns(path, configuration, request, groups)
    if configuration != self.configuration { try changed.write() }
    return changed
  }

  // MARK: - Reading

  /// The runs of groups in a folder.
  ///
  /// - Throws: `RunError.data` for a folder without them, and for a file that is damaged.
  public init(at path: String) throws {
    let file = "\(path)/\(Self.mark)"
    let text: String
    do throws(RegularFile.Refusal) {
      let bytes = try RegularFile.read(file, atMost: Self.mostFileBytes)
      text = String(decoding: bytes, as: UTF8.self)
    } catch { throw RunError.data(file, "cannot be read: \(error)") }
    try self.init(path, text: text)
  }

  /// The runs that the text of `groups.json` tells.
  ///
  /// - Throws: `RunError.data` for a text that is none.
  public init(_ path: String, text: String) throws {
    let file = "\(path)/\(Self.mark)"
    func refuse(_ what: String) -> RunError {
      RunError.data(file, "found \(what), expected what train --each-group wrote")
    }
    guard let document = try? JSONValue(parsing: text), document["format"]?.text == Self.format
    else { throw refuse("no document of format \(Self.format)") }
    guard document["version"] == 1 else { throw refuse("another version than 1") }
    guard let settings = document["configuration"], case .array(let list)? = document["groups"]
    else { throw refuse("no configuration or no groups") }
    var names: Set<String> = []
    let groups = try list.map { item in
      guard let name = item["name"]?.text, let folder = item["folder"]?.text,
        let rows = item["rows"]?.integer, rows > 0, !folder.isEmpty, !folder.contains("/"),
        !folder.hasPrefix("."), names.insert(folder).inserted
      else { throw refuse("a group without name, rows or a folder of its own") }
      return Group(name: name, folder: folder, rows: rows)
    }
    let configuration: Configuration
    do throws(ConfigurationError) { configuration = try Configuration(settings) } catch {
      throw RunError.data(file, "\(error)")
    }
    self.init(
      path, configuration, document["preset"]?.text.map { RunRequest(preset: $0) }, groups)
  }
}
