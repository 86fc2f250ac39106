import Foundation
import Runs
import Support
import Training

/// The folder of an experiment: images, runs, readings, and what is being made now.
///
/// Several processes may work in one folder, on several hosts: a lock of the file system tells
/// which makes what, and ends with the process that holds it.
public struct ExperimentFolder: Sendable {
  /// Its path.
  public let path: String

  /// The folder at a path, which need not exist.
  public init(_ path: String) { self.path = path }

  /// Makes the folder and those within.
  func make() throws {
    for name in ["data", "runs", "readings", "locks", "logs"] {
      try FileError.wrap(path) {
        try FileManager.default.createDirectory(
          atPath: "\(path)/\(name)", withIntermediateDirectories: true)
      }
    }
  }

  /// How far a job is.
  enum State {
    /// There is nothing, or a part.
    case open
    /// A run that can go on.
    case begun
    case done
  }

  /// How far a job is, by what lies in the folder.
  ///
  /// - Throws: errors of a run that cannot be read.
  func state(of job: Job) throws -> State {
    let place = "\(path)/\(job.output)"
    switch job.kind {
    case .images, .reading:
      return FileManager.default.fileExists(atPath: place) ? .done : .open
    case .run:
      let directory = RunDirectory(place)
      guard directory.isRun else { return .open }
      if case .finished = try GroupRuns.state(of: directory) { return .done }
      return .begun
    }
  }

  /// What a reading has found.
  func reading(_ output: String) throws(ExperimentError) -> JSONValue {
    let place = "\(path)/\(output)"
    let bytes: [UInt8]
    do throws(RegularFile.Refusal) {
      bytes = try RegularFile.read(place, atMost: RegularFile.documentLimit)
    } catch { throw ExperimentError.data("\(place): \(error)") }
    do { return try JSONValue(parsing: String(decoding: bytes, as: UTF8.self)) } catch {
      throw ExperimentError.data("\(place): not a JSON document\(JSONValue.place(of: error))")
    }
  }

  /// The file of an output beside it, in another folder.
  func companion(_ folder: String, _ output: String, _ ending: String) -> String {
    "\(path)/\(folder)/" + output.replacing("/", with: "-") + ending
  }
}

/// The right to make something in a folder, until it is released or the process ends.
final class JobLock {
  private var file: Int32

  /// Takes the right; nil where another process has it.
  ///
  /// The C function is `flock`. A file system without locks gives the right to everybody: runs have
  /// a lease of their own, and other files appear by one rename.
  ///
  /// - Throws: `FileError` where the file cannot be opened.
  init?(_ path: String) throws(FileError) {
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard file >= 0 else { throw FileError.last(path) }
    if flock(file, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      close(file)
      file = -1
      return nil
    }
  }

  deinit { if file >= 0 { close(file) } }
}
