import Foundation
import HDF5
import Support

/// The doctor's look at a directory: HDF5 files, locks, speed, and the memory that ranks share.
struct StorageExamination {
  private let directory: String

  /// Prepares to examine the file system of a directory.
  init(of directory: String) { self.directory = directory }

  /// All its checks.
  ///
  /// What it writes it removes.
  func checks() -> [Check] {
    let folder = directory + "/.cleave-doctor-\(getpid())"
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    } catch {
      return [
        Check(
          order: 5, name: "disk", isFine: false, found: "\(directory): cannot be written to",
          advice: "name a directory that can: cleave doctor DIRECTORY"),
        checkSharedMemory(),
      ]
    }
    defer { remove(folder) }
    return [
      checkHDF5(folder + "/round-trip.h5"), checkLocks(folder + "/lock"),
      checkSpeed(folder + "/speed"), checkSharedMemory(),
    ]
  }

  private func remove(_ folder: String) {
    for name in ["round-trip.h5", "lock", "speed"] { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }

  // MARK: HDF5

  private func checkHDF5(_ path: String) -> Check {
    do {
      let values = (0..<100_000).map { Float($0) }
      let written = try File.create(path)
      try written.createDataset("group/values", .float32, shape: [1000, 100]).write(values)
      try written.close()
      let read = try File.open(path)
      let isEqual = try read.dataset("group/values").readAll(as: Float.self) == values
      try read.close()
      return Check(
        order: 5, name: "hdf5", isFine: isEqual,
        found: isEqual ? "written and read back" : "read back other values than were written",
        advice: isEqual ? "" : "do not keep runs on this file system")
    } catch {
      return Check(
        order: 5, name: "hdf5", isFine: false, found: "\(error)",
        advice: "if locks are not supported here, set HDF5_USE_FILE_LOCKING=FALSE")
    }
  }

  private func checkLocks(_ path: String) -> Check {
    let setting = ProcessInfo.processInfo.environment["HDF5_USE_FILE_LOCKING"]
    let isOff = setting.map { ["FALSE", "0", "BEST_EFFORT"].contains($0.uppercased()) } ?? false
    let suffix = setting.map { "; HDF5_USE_FILE_LOCKING=\($0)" } ?? ""
    func result(_ isFine: Bool, _ found: String, _ advice: String = "") -> Check {
      Check(order: 6, name: "file locks", isFine: isFine, found: found + suffix, advice: advice)
    }
    let first = open(path, O_RDWR | O_CREAT, 0o600)
    let second = open(path, O_RDWR)
    defer {
      close(first)
      close(second)
    }
    guard flock(first, LOCK_EX | LOCK_NB) == 0 else {
      return result(
        isOff, "not supported: \(String(cString: strerror(errno)))",
        isOff ? "" : "set HDF5_USE_FILE_LOCKING=FALSE")
    }
    guard flock(second, LOCK_EX | LOCK_NB) != 0 else {
      return result(
        isOff, "granted twice: without effect", "two writers would not notice each other")
    }
    return result(true, "work")
  }

  // MARK: Speed and space

  private func checkSpeed(_ path: String) -> Check {
    let part = [UInt8](repeating: 0x5a, count: 4 << 20)
    let parts = 16
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(file) }
    let clock = Stopwatch()
    for _ in 0..<parts {
      guard write(file, part, part.count) == part.count else { return unwritable() }
    }
    guard fsync(file) == 0 else { return unwritable() }
    let rate = Double(parts * part.count) / clock.seconds
    var syncs: [Double] = []
    for _ in 0..<9 {
      let lap = Stopwatch()
      guard pwrite(file, part, 4096, 0) == 4096, fsync(file) == 0 else { return unwritable() }
      syncs.append(lap.seconds)
    }
    let sync = syncs.sorted()[syncs.count / 2]
    let free = freeBytes(of: directory)
    let isSlow = rate < 2e7 || sync > 0.25
    let isShort = free.map { $0 < 1 << 30 } ?? false
    return Check(
      order: 7, name: "disk", isFine: !isSlow && !isShort,
      found: "\(Quantity.significant(rate * 1e-6, 3)) MB/s with fsync, fsync of one page "
        + "\(Quantity.seconds(sync))" + (free.map { ", \(Quantity.bytes($0)) free" } ?? ""),
      advice: isSlow
        ? "slow: checkpoints hold training up; raise checkpoint_minutes or use another directory"
        : isShort ? "little space: lower keep_last or use another directory" : "")
  }

  private func unwritable() -> Check {
    Check(
      order: 7, name: "disk", isFine: false,
      found: "\(directory): \(String(cString: strerror(errno)))",
      advice: "make room or use another directory")
  }

  private func checkSharedMemory() -> Check {
    guard let free = freeBytes(of: "/dev/shm") else {
      return Check(
        order: 8, name: "shared memory", isFine: true, found: "no /dev/shm here", advice: "")
    }
    let isFine = free >= 256 << 20
    return Check(
      order: 8, name: "shared memory", isFine: isFine,
      found: "\(Quantity.bytes(free)) free in /dev/shm",
      advice: isFine
        ? ""
        : "gradients of the ranks of a host are shared there: enlarge it (docker run --shm-size)")
  }

  private func freeBytes(of path: String) -> Int? {
    var statistics = statvfs()
    guard statvfs(path, &statistics) == 0 else { return nil }
    return Int(statistics.f_bavail) * Int(statistics.f_frsize)
  }
}
