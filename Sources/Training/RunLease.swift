import Foundation
import Guard
import Support
import Synchronization

/// The right to write a run: at any time one process has it, rank 0 of those that train the run.
///
/// The file `owner.json` names the owner, who renews it every few seconds. No lock of the file
/// system is needed, and no clock is compared with another host's:
///
/// - A new owner makes the file under a hidden name and links it to its place, which fails where
///   there is one.
/// - An owner of this machine is gone when its process is. Of any other, a reader watches the file:
///   an owner that does not renew it for `expiry` seconds is gone.
/// - Who takes the place of an owner that is gone renames its own file over the old one and looks
///   again after `settling` seconds: of several that try, the last one has the run.
/// - An owner that finds another's file has lost the run, for example after its host was suspended,
///   and writes no more.
public final class RunLease: Sendable {
  /// Seconds between two renewals, seconds without one after which an owner is gone, and seconds
  /// after which a new owner makes sure that it is the only one.
  struct Times: Sendable {
    var renewal = 5.0
    var expiry = 30.0
    var settling = 1.0
  }

  /// The previous owner, if it is gone without having given up the run.
  public let predecessor: RunOwner?
  private let keeper: Keeper

  /// Takes the right to write a run, whose folder has to exist.
  ///
  /// Rank 0 only.
  ///
  /// - Parameters:
  ///   - patience: how many seconds to wait for another owner to end.
  ///   - waiting: called once if this process has to wait, with the reason.
  /// - Throws: `RunError.owned` where another process has the right; `FileError` if the folder
  ///   cannot be written.
  public convenience init(
    _ directory: RunDirectory, patience: Double = 0, waiting: (String) -> Void = { _ in }
  ) throws {
    try self.init(directory, patience: patience, times: Times(), waiting: waiting)
  }

  init(
    _ directory: RunDirectory, patience: Double, times: Times, waiting: (String) -> Void = { _ in }
  ) throws {
    let keeper = try Keeper(directory, times)
    predecessor = try keeper.take(patience: patience, waiting)
    self.keeper = keeper
    let thread = Thread { keeper.renew() }
    thread.name = "cleave-owner"
    thread.start()
  }

  deinit { release() }

  /// What tells this ownership from all others, hexadecimal digits.
  public var id: String { keeper.owner.id }

  /// Whether the run was found lost at the last renewal: to another process, or with its folder.
  public var isLost: Bool { keeper.isLost }

  /// Makes sure that the run is still this process's.
  ///
  /// - Throws: `RunError.lost` if another process has taken it over; `RunError.vanished` if the
  ///   folder is gone.
  public func check() throws { try keeper.check() }

  /// From now on, a log that is gone, or another file than now, is a run that is lost.
  func watchLog() { keeper.watchLog() }

  /// Gives up the run.
  public func release() { keeper.release() }

  /// The start of the hidden names under which owners are made.
  static let hiddenPrefix = ".owner-"
}

/// What a lease shares with the thread that renews it.
private final class Keeper: Sendable {
  private let directory: RunDirectory
  private let times: RunLease.Times
  let owner = RunOwner()
  private let fresh: String
  private let descriptor: Int32
  private let isDone = Atomic<Bool>(false)
  private let hasLost = Atomic<Bool>(false)
  /// The number of the log's file; 0 before there is one.
  private let log = Atomic<UInt64>(0)

  /// Makes the owner's file under its hidden name.
  init(_ directory: RunDirectory, _ times: RunLease.Times) throws {
    self.directory = directory
    self.times = times
    fresh = "\(directory.path)/\(RunLease.hiddenPrefix)\(owner.id)"
    descriptor = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError.last(fresh) }
    do { try write(owner) } catch {
      unlink(fresh)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// Seconds of a clock that nobody adjusts.
  private static var clock: Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }

  private func write(_ owner: RunOwner) throws {
    let text = owner.text
    let count = text.withCString { pwrite(descriptor, $0, text.utf8.count, 0) }
    guard count == text.utf8.count else { throw FileError.last(directory.owner) }
  }

  // MARK: - Taking

  /// Makes the new file the run's `owner.json`.
  ///
  /// - Returns: the owner in whose place this process came.
  func take(patience: Double, _ waiting: (String) -> Void) throws -> RunOwner? {
    defer { unlink(fresh) }
    removeLeftovers()
    let deadline = Self.clock + patience
    var isTold = false
    while true {
      if link(fresh, directory.owner) == 0 { return nil }
      // Some file systems have no hard links.
      guard [EEXIST, EPERM, ENOTSUP, ENOSYS, EMLINK].contains(errno) else {
        throw FileError.last(directory.owner)
      }
      let present = settledOwner()
      if present == nil { try checkTorn() }
      if let present, !isGone(present) {
        guard Self.clock < deadline, !StopSignals.arrived else {
          throw RunError.owned(directory.path, present)
        }
        if !isTold { waiting("waiting for \(present.words), which trains \(directory.path)") }
        isTold = true
        usleep(500_000)
        continue
      }
      // Somebody may have taken the place, or left it, in the meantime.
      guard directory.currentOwner?.id == present?.id else { continue }
      guard rename(fresh, directory.owner) == 0 else { throw FileError.last(directory.owner) }
      usleep(UInt32(1e6 * times.settling))
      if directory.currentOwner?.id == owner.id { return present }
      // Another process was later; its file is in place.
      throw RunError.owned(directory.path, directory.currentOwner ?? owner)
    }
  }

  /// The owner that the file names; nil where it names none for a while.
  private func settledOwner() -> RunOwner? {
    for _ in 0..<5 {
      if let found = directory.currentOwner { return found }
      usleep(100_000)
    }
    return nil
  }

  /// Makes sure that an `owner.json` that names nobody may be replaced.
  private func checkTorn() throws {
    try directory.checkPlaces()
    guard let text = directory.ownerText, RunOwner(text) == nil, !RunOwner.isTorn(text) else {
      return
    }
    throw RunError.data(
      directory.owner,
      "found a file that cleave did not write, expected the owner of the run; move "
        + "it away")
  }

  /// Removes what processes of this machine have left that died while they took a run.
  private func removeLeftovers() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    for name in names where name.hasPrefix(RunLease.hiddenPrefix) {
      let path = "\(directory.path)/\(name)"
      guard let bytes = try? RegularFile.read(path, atMost: RegularFile.documentLimit),
        let other = RunOwner(String(decoding: bytes, as: UTF8.self)),
        name == RunLease.hiddenPrefix + other.id, other.process.isAlive == false
      else { continue }
      unlink(path)
    }
  }

  /// Whether an owner does not live any more.
  ///
  /// Where nothing else tells, waits to see whether it renews its file.
  private func isGone(_ owner: RunOwner) -> Bool {
    if let isAlive = owner.process.isAlive { return !isAlive }
    let end = Self.clock + times.expiry
    while Self.clock < end && !StopSignals.arrived {
      usleep(200_000)
      guard let now = directory.currentOwner else { continue }
      if now != owner { return false }
    }
    return !StopSignals.arrived
  }

  // MARK: - Keeping

  /// Renews the file until the lease is released.
  func renew() {
    var (own, renewed) = (owner, Self.clock)
    while !isDone.load(ordering: .acquiring) {
      usleep(100_000)
      guard Self.clock - renewed >= times.renewal else { continue }
      renewed = Self.clock
      own.renewals += 1
      // This writes to the own file, which has no name any more where another has its place. A
      // renewal that fails is made up for by the next.
      try? write(own)
      do { try check() } catch {
        // Trouble of the machine, for example, may pass.
        if error is RunError { hasLost.store(true, ordering: .releasing) }
      }
    }
  }

  var isLost: Bool { hasLost.load(ordering: .acquiring) }

  func watchLog() { log.store(logFile ?? 0, ordering: .releasing) }

  private var logFile: UInt64? {
    var status = stat()
    return lstat(directory.metrics, &status) == 0 ? UInt64(status.st_ino) : nil
  }

  /// Makes sure that nobody moved the log or the folders of the run away, or put a link there.
  private func checkFiles() throws {
    try directory.checkPlaces()
    let known = log.load(ordering: .acquiring)
    if known != 0 && logFile != known {
      throw RunError.data(
        directory.metrics,
        "found \(logFile == nil ? "none" : "another file"), expected the log of this run; it was moved, "
          + "removed or replaced while the run trained")
    }
  }

  func check() throws {
    var (lost, trouble) = (RunOwner?.none, ENOENT)
    for attempt in 0..<5 {
      // A network file system may show half a renewal, or nothing while a file takes its place.
      if attempt > 0 { usleep(50_000) }
      do throws(RegularFile.Refusal) {
        let bytes = try RegularFile.read(directory.owner, atMost: RegularFile.documentLimit)
        guard let found = RunOwner(String(decoding: bytes, as: UTF8.self)) else { continue }
        lost = found
      } catch { trouble = error.errorNumber }
      if let lost {
        guard lost.id == owner.id else { throw RunError.lost(directory.path, lost) }
        return try checkFiles()
      }
    }
    guard [0, ENOENT, ENOTDIR, ESTALE].contains(trouble) else {
      throw FileError(directory.owner, errorNumber: trouble)
    }
    throw RunError.vanished(directory.path)
  }

  func release() {
    guard !isDone.exchange(true, ordering: .acquiringAndReleasing) else { return }
    if directory.currentOwner?.id == owner.id { unlink(directory.owner) }
  }
}
