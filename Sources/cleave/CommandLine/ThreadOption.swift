import Foundation
import Support
import Tensors

extension Option {
  /// The number of threads that share the loops of a rank.
  static let threads = value(
    "threads", "T", "threads of a rank (default 1); fewer ranks with more suit small batches")
}

extension Arguments {
  /// The value of `--threads`; 1 if it was not given.
  func threads() throws(UsageError) -> Int { try integer("threads", in: 1...256) ?? 1 }
}

extension UsageError {
  /// Refuses threads in an exact run, because they would change the last bits.
  static func check(threads: Int, exact: Bool) throws(UsageError) {
    if exact && threads > 1 {
      throw UsageError("--threads: found \(threads), expected 1 in an exact run; use more ranks")
    }
  }
}

extension Console {
  /// Starts a rank's threads; warns if there are fewer processor cores than threads.
  func startWorkers(_ threads: Int) {
    Workers.start(threads)
    let cores = Self.allowedCores
    if threads > cores {
      warning(
        "\(threads) threads on \(Quantity.count(cores, "core")), all this rank may use; "
          + "launch/cleave binds a rank to as many cores as it has threads")
    }
  }

  /// The number of processors that this process may use, by the mask in /proc/self/status.
  private static var allowedCores: Int {
    let status = FileManager.default.contents(atPath: "/proc/self/status") ?? Data()
    let line = String(decoding: status, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix("Cpus_allowed:") }
    let mask = line?.split(separator: "\t").last ?? ""
    let count = mask.compactMap(\.hexDigitValue).reduce(0) { $0 + $1.nonzeroBitCount }
    return max(1, count)
  }
}
