import Autodiff
import Distributed
import Foundation
import MPI
import Support

/// A fault made on purpose, to test how a run and its callers cope: `kind@step[:rank]`.
public struct Fault: Equatable, Sendable, CustomStringConvertible {
  /// Kinds of faults.
  public enum Kind: String, CaseIterable, Sendable {
    /// SIGKILL ends the rank before the step.
    case kill
    /// The rank stops before the step, for ever.
    case hang
    /// The rank stops before the step, for a second.
    case slow
    /// A gradient of the step becomes NaN.
    case nan
    /// A bit of a weight changes in the rank's memory after the step.
    case flipWeight = "flip-weight"
    /// A bit changes in a file of the first checkpoint at or after the step, once it is committed.
    case flipFile = "flip-file"
    /// A file of that checkpoint loses its second half.
    case truncateFile = "truncate-file"
    /// In the first checkpoint at or after the step, the rank cannot write more than a page to a
    /// file.
    case failWrite = "fail-write"
    /// The disk is full for a file of that checkpoint.
    case fillDisk = "fill-disk"
    /// `fsync` fails for a file of that checkpoint.
    case failSync = "fail-fsync"
  }

  /// The kind of fault.
  public let kind: Kind
  /// The step, counted over the whole run from 1.
  public let step: Int
  /// The rank on which it happens.
  public let rank: Int

  /// Reads `kill@120` or `kill@120:3`; the default is rank 0, which also writes most files.
  ///
  /// - Throws: `FaultError` for anything else.
  public init(parsing text: String) throws(FaultError) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    let place = parts.count == 2 ? parts[1].split(separator: ":") : []
    guard let kind = Kind(rawValue: String(parts[0])), let step = place.first.flatMap({ Int($0) }),
      let rank = place.count == 2 ? Int(place[1]) : 0, place.count <= 2, step >= 1, rank >= 0
    else {
      throw FaultError(found: text)
    }
    (self.kind, self.step, self.rank) = (kind, step, rank)
  }

  /// The fault in the form of the command line.
  public var description: String { "\(kind.rawValue)@\(step):\(rank)" }
}

/// Makes this rank's faults happen, each once in a run's life.
///
/// A mark in the run's folder records each fault. A resumed run makes the same step again, but not
/// the same fault.
/// Every fault is real: the error comes from the operating system, not from a branch of the
/// program.
final class Faults {
  private var waiting: [Fault]
  private let marks: String?
  private let rank: Int
  private let host: String
  private var step = 0
  private var unlimited: rlimit?

  /// The faults of this rank that have not happened yet; nil if there are none.
  init?(_ faults: [Fault], run: String?, world: Communicator) {
    marks = run.map { $0 + "/injected" }
    rank = world.rank
    host = world.hostName
    waiting = []
    waiting = faults.filter { fault in
      fault.rank == rank && !(mark(of: fault).map { access($0, F_OK) == 0 } ?? false)
    }
    if waiting.isEmpty { return nil }
  }

  private func mark(of fault: Fault) -> String? { marks.map { "\($0)/\(fault)" } }

  /// Returns a due fault of this kind and removes it from the list.
  private func take(_ kind: Fault.Kind, isDue: (Int) -> Bool) -> Fault? {
    guard let index = waiting.firstIndex(where: { $0.kind == kind && isDue($0.step) }) else {
      return nil
    }
    let fault = waiting.remove(at: index)
    if let marks, let mark = mark(of: fault) {
      mkdir(marks, 0o777)
      close(open(mark, O_WRONLY | O_CREAT, 0o666))
    }
    return fault
  }

  private func announce(_ fault: Fault, _ what: String = "") {
    let text = "rank \(rank) (\(host)): injected \(fault)\(what.isEmpty ? "" : ": " + what)\n"
    StandardStreams.message(text)
  }

  // MARK: - Around a step

  /// Called before the step with this number.
  func beforeStep(_ step: Int) {
    self.step = step
    let isNow: (Int) -> Bool = { $0 == step }
    if let fault = take(.slow, isDue: isNow) {
      announce(fault)
      sleep(1)
    }
    if let fault = take(.hang, isDue: isNow) {
      announce(fault)
      while true { sleep(1) }
    }
    if let fault = take(.kill, isDue: isNow) {
      announce(fault)
      kill(getpid(), SIGKILL)
      while true { sleep(1) }
    }
  }

  /// Called when a gradient of the current step has been computed.
  func spoil(_ gradient: UnsafeMutablePointer<Float>, of parameter: String) {
    guard let fault = take(.nan, isDue: { [step] in $0 == step }) else { return }
    announce(fault, "the gradient of \(parameter)")
    gradient[0] = .nan
  }

  /// Called after the current step, when the weights are those of the next step.
  func afterStep(_ parameters: ParameterSet, _ buckets: GradientBuckets) {
    guard let fault = take(.flipWeight, isDue: { [step] in $0 == step }) else { return }
    let largest = parameters.entries.enumerated().max {
      $0.element.parameter.shape.count < $1.element.parameter.shape.count
    }
    guard let largest else { return }
    let place =
      buckets.offset(of: largest.offset) + largest.element.parameter.shape.count / 2
    announce(fault, "bit \(Self.weightBit) of \(largest.element.name)")
    buckets.values[place] = Float(
      bitPattern: buckets.values[place].bitPattern ^ 1 << Self.weightBit)
  }

  /// One of the fraction's upper bits: the weight stays a number of its size.
  private static let weightBit = 20

  // MARK: - Around a checkpoint

  /// Called when the hidden directory of a checkpoint exists and its files are not written yet.
  func beforeFiles(in directory: String) {
    let isDue: (Int) -> Bool = { [step] in $0 <= step }
    if let fault = take(.failWrite, isDue: isDue) {
      announce(fault)
      // If a file is in the way, the checkpoint writes it and does not link to the previous
      // checkpoint.
      if rank > 0 { close(open("\(directory)/\(Self.rowFile(rank))", O_WRONLY | O_CREAT, 0o666)) }
      var limit = rlimit()
      getrlimit(Self.fileSize, &limit)
      unlimited = limit
      limit.rlim_cur = 4096
      setrlimit(Self.fileSize, &limit)
    }
    // Devices that refuse to store data, or refuse `fsync`, take the place of a file.
    if let fault = take(.fillDisk, isDue: isDue) {
      let file = "\(directory)/\(rank == 0 ? "checkpoint.h5" : Self.rowFile(rank))"
      announce(fault, file)
      symlink("/dev/full", file)
    }
    if let fault = take(.failSync, isDue: isDue) {
      let file = "\(directory)/manifest.json"
      announce(fault, file)
      symlink("/dev/null", file)
    }
  }

  /// Called when the checkpoint is written, or writing it has failed.
  func afterFiles() {
    guard var limit = unlimited else { return }
    setrlimit(Self.fileSize, &limit)
    unlimited = nil
  }

  /// Called when the checkpoint has been committed.
  func damage(_ checkpoint: String) {
    let rows = "\(checkpoint)/\(Self.rowFile(rank))"
    let file = rank > 0 && access(rows, F_OK) == 0 ? rows : "\(checkpoint)/checkpoint.h5"
    var status = stat()
    guard stat(file, &status) == 0, status.st_size > 0 else { return }
    let isDue: (Int) -> Bool = { [step] in $0 <= step }
    if let fault = take(.truncateFile, isDue: isDue) {
      announce(fault, file)
      truncate(file, status.st_size / 2)
    }
    if let fault = take(.flipFile, isDue: isDue) {
      // Any place serves, if it is the same in every run.
      let place = off_t(fault.step &* 2_654_435_761 % Int(status.st_size))
      announce(fault, "\(file), byte \(place)")
      let descriptor = open(file, O_RDWR)
      var byte = UInt8(0)
      pread(descriptor, &byte, 1, place)
      byte ^= 16
      pwrite(descriptor, &byte, 1, place)
      close(descriptor)
    }
  }

  private static func rowFile(_ rank: Int) -> String {
    "rows-" + String(repeating: "0", count: max(0, 5 - String(rank).count)) + "\(rank).h5"
  }

  private static var fileSize: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_FSIZE.rawValue) }
}

/// A fault that cannot be read.
public struct FaultError: ExitStatusError, Equatable, CustomStringConvertible {
  /// The text that was given.
  public let found: String

  /// One line.
  public var description: String {
    "--inject: found \(found), expected kind@step or kind@step:rank, with a kind of "
      + Fault.Kind.allCases.map(\.rawValue).joined(separator: ", ")
  }

  /// 64: wrong usage.
  public var exitStatus: Int32 { 64 }
}
