import Checkpoints
import Foundation
import Support

/// A run that is being created, perhaps in the place of another.
///
/// The run that was there is moved aside, into a hidden folder within the directory, until the new
/// run stands. A process that dies before leaves both; the next one puts the old run back.
public struct NewRun {
  /// The right to write the run.
  public let lease: RunLease
  private let directory: RunDirectory
  private let isFresh: Bool

  /// Makes the folder of a new run, with its configuration.
  ///
  /// Rank 0 only.
  ///
  /// - Parameters:
  ///   - configuration: the run's, as a JSON document.
  ///   - replacing: whether a run that is already there may go.
  ///   - inputs: files that the new run reads: a run that holds one of them cannot go.
  ///   - patience: how many seconds to wait for a process that trains the old run.
  ///   - waiting: called once if this process has to wait.
  /// - Throws: `RunError` when something is already there, `FileError` when the directory cannot be
  ///   written. What was there is there still.
  public init(
    _ directory: RunDirectory, configuration: String, replacing: Bool, inputs: [String] = [],
    patience: Double = 0, waiting: (String) -> Void = { _ in }
  ) throws {
    self.directory = directory
    try Self.check(directory, replacing: replacing, inputs: inputs)
    isFresh = !FileManager.default.fileExists(atPath: directory.path)
    try FileError.wrap(directory.path) {
      try FileManager.default.createDirectory(
        atPath: directory.path, withIntermediateDirectories: true)
    }
    lease = try RunLease(directory, patience: patience, waiting: waiting)
    // Only now nobody else writes here.
    try directory.restore()
    try Self.check(directory, replacing: replacing, inputs: inputs)
    try directory.moveAside()
    do {
      try directory.write(configuration: configuration)
      for folder in [directory.checkpoints, directory.images] {
        guard mkdir(folder, 0o777) == 0 || errno == EEXIST else { throw FileError.last(folder) }
      }
    } catch {
      undo()
      throw error
    }
  }

  /// Makes sure that a new run may be made here.
  ///
  /// Rank 0 only.
  ///
  /// - Throws: `RunError` and `FileError` as `init`.
  public static func check(
    _ directory: RunDirectory, replacing: Bool, inputs: [String]
  ) throws {
    guard try checkPlace(directory) else { return }
    let content = try directory.content()
    let own = content.own.filter { !RunDirectory.isOwnership($0) }
    let isStrangers =
      directory.ownerText.map { RunOwner($0) == nil && !RunOwner.isTorn($0) } ?? false
    if own.isEmpty && content.foreign.isEmpty && !isStrangers { return }
    // A run that is aside since another process died is put back before it is replaced.
    let isRun = directory.isMarked || !directory.asides.isEmpty
    guard replacing && isRun else {
      if isRun, let owner = directory.currentOwner, owner.process.isAlive == true {
        throw RunError.owned(directory.path, owner)
      }
      throw RunError.exists(directory.path, isRun: isRun)
    }
    try directory.checkPlaces()
    if !content.foreign.isEmpty { throw RunError.foreign(directory.path, content.foreign) }
    let folder = URL(filePath: directory.path).resolvingSymlinksInPath().path + "/"
    for input in inputs
    where URL(filePath: input).resolvingSymlinksInPath().path.hasPrefix(folder) {
      throw RunError.holdsInput(directory.path, input)
    }
  }

  /// Makes sure that a folder is there or can be made, and that it is no place of another run.
  ///
  /// - Returns: whether it is there.
  private static func checkPlace(_ directory: RunDirectory) throws -> Bool {
    if let other = RunPlace.run(holding: directory.path) {
      throw RunError.place(
        directory.path, "found a place of the run \(other), expected one outside of it")
    }
    var (place, isThere) = (URL(filePath: directory.path), true)
    var status = stat()
    while stat(place.path, &status) != 0 {
      let number = errno
      if lstat(place.path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK {
        throw RunError.place(
          place.relativePath,
          "found a symbolic link that leads nowhere, expected a new directory; make the "
            + "folder that it names, or remove it")
      }
      guard number == ENOENT || number == ENOTDIR, place.path != "/" else {
        throw FileError(directory.path, errorNumber: number)
      }
      isThere = false
      place.deleteLastPathComponent()
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      if isThere { throw RunError.exists(directory.path, isRun: false) }
      throw RunError.place(
        directory.path,
        "found \(RegularFile.kind(of: status)) at \(place.relativePath), expected a folder")
    }
    return isThere
  }

  /// Ends the creation well: the mark makes the folder a run, and the old run goes.
  ///
  /// - Returns: a problem with the removal of the old run, one line.
  /// - Throws: `FileError` if the mark cannot be written.
  public func stands() throws -> String? {
    // Preparing the images may have taken long.
    try lease.check()
    try directory.writeMark()
    do { try directory.restore() } catch {
      return "the run that was replaced is not removed: \(error)"
    }
    return nil
  }

  /// Ends the creation after an error: the old run is in its place again, or nothing is.
  ///
  /// What cannot be put back now is put back by the next process that wants to write the run.
  public func undo() {
    // Of a run that another process has taken over, everything is that process's.
    do { try lease.check() } catch { return lease.release() }
    try? directory.removeNewRun()
    try? directory.restore()
    lease.release()
    if isFresh { rmdir(directory.path) }
  }
}

extension RunDirectory {
  /// Whether a file belongs to the ownership of the run and not to its content.
  static func isOwnership(_ name: String) -> Bool {
    name == "owner.json" || name.hasPrefix(RunLease.hiddenPrefix)
  }

  /// Whether Cleave made this folder: it has a mark or, of an earlier version, a configuration.
  var isMarked: Bool { RunPlace.isRun(path) }

  /// Whether a run is here, or one that was moved aside and waits to be put back.
  public var holdsRun: Bool { isRun || !asides.isEmpty }

  /// Makes sure that a run is here, and not aside.
  ///
  /// - Throws: `RunError.noRun`; `RunError.aside` where a run is being replaced, or was when the
  ///   process died that did it.
  public func checkReadable() throws {
    for name in asides {
      let aside = RunDirectory("\(path)/\(name)")
      // Beside a new run that stands the old one is only being removed.
      let isWhole = FileManager.default.fileExists(atPath: aside.mark)
      if isWhole && identity != nil { continue }
      if (try? aside.topNames())?.isEmpty ?? true { continue }
      let owner = currentOwner.flatMap { $0.process.isAlive == false ? nil : $0 }
      throw RunError.aside(path, name, owner)
    }
    if !isRun { throw RunError.noRun(path) }
  }

  fileprivate var asides: [String] {
    ((try? topNames()) ?? []).filter { $0.hasPrefix(Self.asidePrefix) }
  }

  private static let markName = "run.json"

  private func topNames() throws -> [String] {
    try FileError.wrap(path) { try FileManager.default.contentsOfDirectory(atPath: path) }
  }

  /// Moves the run that is here, if any, into a hidden folder.
  ///
  /// The mark goes last: the folder is a run until the whole run is aside.
  fileprivate func moveAside() throws {
    let names = try topNames().filter { !Self.isOwnership($0) && $0 != Self.markName }
    if names.isEmpty { return }
    try writeMark()
    let aside = RunDirectory("\(path)/\(Self.asidePrefix)\(RunMark.newID())")
    guard mkdir(aside.path, 0o777) == 0 else { throw FileError.last(aside.path) }
    do {
      for name in names + [Self.markName] { try move(name, to: aside) }
    } catch {
      try? restore()
      throw error
    }
  }

  private func move(_ name: String, to other: RunDirectory) throws {
    guard rename("\(path)/\(name)", "\(other.path)/\(name)") == 0 else {
      throw FileError.last("\(path)/\(name)")
    }
  }

  /// Removes the files of a new run that does not stand; the old one is aside.
  fileprivate func removeNewRun() throws {
    try remove(
      content().own.filter { !$0.hasPrefix(Self.asidePrefix) && !Self.isOwnership($0) })
  }

  /// Removes files that former owners had begun and did not finish.
  ///
  /// For a new owner, on rank 0.
  fileprivate func removeUnfinished() throws {
    let names = try content().own.filter { name in
      guard name.split(separator: "/").last?.hasPrefix(".") == true else { return false }
      return !Self.isOwnership(name) && !name.hasPrefix(Self.asidePrefix)
        && !name.split(separator: "/").dropLast().contains("checkpoints")
    }
    try remove(names)
    for run in [self, first] { try CheckpointStore(run: run.path).removeUnfinished() }
  }

  /// Ends what a process has left that died while it replaced a run.
  ///
  /// Where the new run stands, the old one is removed; elsewhere the old one is put back. For the
  /// owner of the run, on rank 0.
  func restore() throws {
    for name in asides {
      let aside = RunDirectory("\(path)/\(name)")
      // The mark went aside last, comes back first, and is removed last.
      let isWhole = FileManager.default.fileExists(atPath: aside.mark)
      if isWhole && identity != nil {
        try aside.remove(try aside.content().own.filter { $0 != Self.markName } + [Self.markName])
      } else {
        if isWhole {
          try removeNewRun()
          try aside.move(Self.markName, to: self)
        }
        for name in try aside.topNames() { try aside.move(name, to: self) }
      }
      try remove([name])
    }
  }
}

extension RunLease {
  /// Takes the right to go on with the run in a directory.
  ///
  /// Rank 0 only. A run that an interrupted process had moved aside is put back first.
  ///
  /// - Throws: `RunError.noRun` where there is none; the errors of `init`.
  public static func resuming(
    _ directory: RunDirectory, patience: Double, waiting: (String) -> Void
  ) throws -> RunLease {
    guard directory.holdsRun else { throw RunError.noRun(directory.path) }
    if let whole = RunPlace.run(holding: directory.path) {
      throw RunError.place(
        directory.path,
        "found a stage of the run \(whole), expected a whole run; train --resume \(whole) goes on "
          + "with it")
    }
    try directory.checkPlaces()
    let lease = try RunLease(directory, patience: patience, waiting: waiting)
    try directory.restore()
    if !directory.isRun { throw RunError.noRun(directory.path) }
    // What was aside has places of its own.
    try directory.checkPlaces()
    try directory.removeUnfinished()
    return lease
  }
}
