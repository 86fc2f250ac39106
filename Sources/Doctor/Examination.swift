import Distributed
import Foundation
import MPI
import Support
import Tensors

/// The doctor's checks: those all ranks take part in, and those of rank 0.
public struct Examination {
  private let world: Communicator
  private let directory: String
  private let kernelWords: [String]

  /// Prepares to examine `world` and the file system of a directory.
  ///
  /// - Parameter kernelWords: the words with which this executable prints ``MatrixKernel/json``
  ///   of ``MatrixKernel/measure()``; other kernels are measured in processes of their own.
  public init(of world: Communicator, directory: String, kernelWords: [String]) {
    self.world = world
    self.directory = directory
    self.kernelWords = kernelWords
  }

  /// Examines ranks and hosts, matrix products on all ranks at once, and ways to sum gradients.
  ///
  /// It advises how to start ranks, too.
  ///
  /// **Collective.**
  ///
  /// - Returns: The checks on rank 0, nothing elsewhere.
  public func collectiveChecks() throws -> [Check] {
    let ranks = try checkRanks()
    let allReduce = try checkAllReduce()
    let gradients = try ReductionTrials(on: world).check()
    let launch = try LaunchAdvice(on: world).check()
    try world.barrier()
    let own = MatrixKernel.measure()
    let speeds = try world.allGather([own.gflops])
    let kernels = try world.allGather(own.kernel)
    let hosts = try world.allGather(world.hostName)
    guard world.isRoot else { return [] }
    return [ranks, allReduce, gradients, launch, checkProducts(speeds, kernels, hosts)]
  }

  /// Examines other matrix kernels, HDF5, disk and shared memory, on one rank.
  public func rootChecks() -> [Check] {
    [checkKernel()] + StorageExamination(of: directory).checks()
  }

  // MARK: Ranks

  private func checkRanks() throws -> Check {
    let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let hosts = try world.allGather("\(world.hostName)\t\(cores)")
    var ranksOf: [String: Int] = [:]
    for host in hosts { ranksOf[host, default: 0] += 1 }
    var crowded: [String] = []
    let places = ranksOf.keys.sorted().map { host -> String in
      let parts = host.split(separator: "\t").map(String.init)
      let ranks = ranksOf[host] ?? 0
      let cores = parts.last.flatMap { Int($0) } ?? 1
      if ranks > cores { crowded.append("\(parts[0]) (\(cores))") }
      return "\(parts[0]): \(Quantity.count(ranks, "rank")), \(Quantity.count(cores, "core"))"
    }
    var advice = ""
    if !crowded.isEmpty {
      advice =
        "more ranks than cores on \(crowded.joined(separator: ", ")); start one rank a core at most"
    } else if world.size == 1, cores > 1 {
      advice = "mpirun -n \(cores) cleave doctor checks all \(cores) cores"
    }
    return Check(
      order: 0, name: "ranks", isFine: crowded.isEmpty,
      found: Quantity.count(world.size, "rank") + " on " + Quantity.count(ranksOf.count, "host")
        + "; " + places.joined(separator: "; ") + "; " + Communicator.libraryVersion,
      advice: advice)
  }

  // MARK: Network

  private func checkAllReduce() throws -> Check {
    guard world.size > 1 else {
      return Check(
        order: 3, name: "all-reduce", isFine: true, found: "one rank: nothing to reduce", advice: ""
      )
    }
    let small = try world.measureAllReduce(bytes: 8)
    let medium = try world.measureAllReduce(bytes: 1 << 20)
    let large = try world.measureAllReduce(bytes: 1 << 24)
    let rate = Double(1 << 24) / large
    let isFine = rate > 1e8 && small < 1e-2
    let network = try HostNetwork(on: world).map {
      "; between hosts \(Quantity.significant(8e-9 * $0.bytesPerSecond, 3)) Gbit/s each way"
    }
    return Check(
      order: 3, name: "all-reduce", isFine: isFine,
      found: "8 B in \(Quantity.seconds(small)), 1 MiB in \(Quantity.seconds(medium)), "
        + "16 MiB in \(Quantity.seconds(large)) (\(Quantity.significant(rate * 1e-9, 3)) GB/s)"
        + (network ?? ""),
      advice: isFine
        ? ""
        : "slow; on one host start at most one rank a core (--bind-to core), between hosts name "
          + "the fast network (--mca btl_tcp_if_include)")
  }

  // MARK: Matrix products

  private func checkProducts(_ speeds: [Double], _ kernels: [String], _ hosts: [String]) -> Check {
    let slowest = speeds.indices.min { speeds[$0] < speeds[$1] } ?? 0
    let fastest = speeds.max() ?? 0
    let names = Set(kernels)
    var advice = ""
    if names.count > 1 {
      advice =
        "ranks use different kernels, so results differ in rounding between hosts; "
        + "--blas-core NAME makes them equal"
    } else if speeds[slowest] < 0.7 * fastest {
      advice = "rank \(slowest) on \(hosts[slowest]) holds the others up; is its core shared?"
    }
    let range =
      world.size == 1
      ? "" : ", slowest of \(world.size) ranks at once (fastest \(Quantity.decimal(fastest, 0)))"
    return Check(
      order: 1, name: "sgemm", isFine: advice.isEmpty,
      found: "\(names.sorted().joined(separator: ", ")): "
        + "\(Quantity.decimal(speeds[slowest], 0)) GFLOP/s a core\(range)",
      advice: advice)
  }

  private func checkKernel() -> Check {
    let used = BLAS.kernelName
    do {
      let current = try measure(ProcessInfo.processInfo.environment[BLASCore.variable])
      var others = [try measure(nil)]
      if let widest = BLASCore.widestKernel, others[0].kernel.lowercased() != widest.lowercased() {
        others.append(try measure(widest))
      }
      let best = others.max { $0.gflops < $1.gflops } ?? current
      let isFine = current.gflops > 0.8 * best.gflops || current.kernel == best.kernel
      let speed = "\(used) \(Quantity.decimal(current.gflops, 0)) GFLOP/s"
      return Check(
        order: 2, name: "blas kernel", isFine: isFine,
        found: current.kernel == best.kernel
          ? "\(speed), the fastest here"
          : "\(speed), \(best.kernel) \(Quantity.decimal(best.gflops, 0))",
        advice: isFine ? "" : advice(for: best, automatic: others[0]))
    } catch {
      return Check(
        order: 2, name: "blas kernel", isFine: false,
        found: "\(used); others not measured: \(error)",
        advice: "run it where processes may be started")
    }
  }

  /// The better of two processes, for the machine may be doing something else as well.
  private func measure(_ core: String?) throws -> MatrixKernel {
    let runs = [
      try MatrixKernel.measureInChild(core: core, words: kernelWords),
      try MatrixKernel.measureInChild(core: core, words: kernelWords),
    ]
    return runs[0].gflops > runs[1].gflops ? runs[0] : runs[1]
  }

  private func advice(for best: MatrixKernel, automatic: MatrixKernel) -> String {
    best.kernel == automatic.kernel
      ? "unset \(BLASCore.variable), or use --blas-core auto"
      : "use --blas-core \(best.kernel), or set \(BLASCore.variable)=\(best.kernel)"
  }
}
