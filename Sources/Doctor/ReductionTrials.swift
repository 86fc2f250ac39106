import Distributed
import MPI
import Support

/// The ways in which gradients can be summed over the ranks, timed one after the other.
struct ReductionTrials {
  private let world: Communicator

  /// What is summed: 4 MiB, the gradients of a model of a million parameters.
  private static let floats = 1 << 20

  /// Prepares the trials.
  init(on world: Communicator) { self.world = world }

  /// The ways training has, and the algorithms of `MPI_Allreduce`, with the best of each named.
  ///
  /// **Collective.**
  func check() throws -> Check {
    guard world.size > 1 else {
      return Check(
        order: 4, name: "gradients", isFine: true, found: "one rank: nothing to sum", advice: "")
    }
    let paths = try timePaths()
    let algorithms = try timeAlgorithms()
    let sizes = paths.used == GradientBuckets.Path.messages.rawValue ? try timeMessages() : []
    let ways = paths.times.map { way in
      (name: way.name == paths.used ? "\(way.name) (in use)" : way.name, seconds: way.seconds)
    }
    let libraries = algorithms.map { (name: Self.name(of: $0.algorithm), seconds: $0.seconds) }
    return Check(
      order: 4, name: "gradients", isFine: true,
      found: "4 MiB summed and updated: \(Self.list(ways))"
        + (sizes.isEmpty ? "" : ", in messages of \(Self.list(Self.named(sizes)))")
        + "; MPI_Allreduce alone: " + Self.list(libraries),
      advice: Self.advice(sizes) ?? Self.advice(paths, algorithms))
  }

  /// KiB of messages that are tried: the usual, smaller, larger, and whole slices.
  private static let messageSizes = [GradientBuckets.usualMessageFloats / 256, 16, 256, 4096]

  /// Seconds of a phase with messages of each size.
  private func timeMessages() throws -> [(kib: Int, seconds: Double)] {
    try Self.messageSizes.map { kib in
      let slots = Self.slots
      let buckets = try buckets(slots, .messages, messageFloats: 256 * kib)
      return (kib, try time(buckets, slots.indices))
    }
  }

  private static func named(
    _ sizes: [(kib: Int, seconds: Double)]
  ) -> [(name: String, seconds: Double)] {
    sizes.map { (name: "\($0.kib) KiB", seconds: $0.seconds) }
  }

  /// What to set where another size than the usual is clearly faster.
  private static func advice(_ sizes: [(kib: Int, seconds: Double)]) -> String? {
    guard let usual = sizes.first, let best = sizes.min(by: { $0.seconds < $1.seconds }),
      best.seconds < 0.8 * usual.seconds
    else { return nil }
    return "train with --set message_kib=\(best.kib)"
  }

  private static let slots = (0..<8).map {
    ParameterSlot(name: "w\($0)", group: 0, count: floats / 8)
  }

  private func buckets(
    _ slots: [ParameterSlot], _ path: GradientBuckets.Path,
    messageFloats: Int = GradientBuckets.usualMessageFloats
  ) throws -> GradientBuckets {
    var lanes = 1
    while lanes < world.size { lanes *= 2 }
    return try GradientBuckets(
      slots: slots, laneCount: lanes, exact: false, on: world, path: path,
      messageFloats: messageFloats)
  }

  private static func advice(
    _ paths: (times: [(name: String, seconds: Double)], used: String, reason: String?),
    _ algorithms: [(algorithm: AllReduceAlgorithm, seconds: Double)]
  ) -> String {
    if let reason = paths.reason, paths.used == GradientBuckets.Path.messages.rawValue,
      reason != DistributedError.severalNodes.description
    {
      return "training sends messages where it could share memory: \(reason)"
    }
    guard let best = algorithms.min(by: { $0.seconds < $1.seconds }),
      let usual = algorithms.first(where: { $0.algorithm == .automatic }),
      best.seconds < 0.8 * usual.seconds
    else { return "" }
    return "training does not depend on it, but programs that call MPI_Allreduce gain by "
      + best.algorithm.mpirunOptions
  }

  /// Seconds of one phase on each way training could take here, and which one it takes.
  private func timePaths() throws -> (
    times: [(name: String, seconds: Double)], used: String, reason: String?
  ) {
    let slots = Self.slots
    let chosen = try buckets(slots, .automatic)
    var times = [(name: chosen.path.rawValue, seconds: try time(chosen, slots.indices))]
    let others: [GradientBuckets.Path] =
      chosen.path == .messages ? [.allReduce] : [.messages, .allReduce]
    for path in others {
      times.append((path.rawValue, try time(try buckets(slots, path), slots.indices)))
    }
    return (times, chosen.path.rawValue, chosen.pathReason)
  }

  /// Seconds of a phase that updates everything by plain descent: the median of several.
  private func time(_ buckets: GradientBuckets, _ slots: Range<Int>) throws -> Double {
    var times: [Double] = []
    for _ in 0..<12 {
      buckets.gradient(microbatch: 0).update(repeating: 1, count: buckets.count)
      try world.barrier()
      let clock = Stopwatch()
      buckets.begin(groups: 1) { _, piece, values, gradient in
        for index in 0..<piece.count { values[index] -= gradient[index] }
      }
      _ = buckets.gradient(microbatch: 0)
      for slot in slots.reversed() { buckets.ready(slot: slot, microbatch: 0) }
      try buckets.finish()
      times.append(clock.seconds)
    }
    try buckets.release()
    try world.allReduce(&times, .max)
    let settled = times.dropFirst(2).sorted()
    return settled[settled.count / 2]
  }

  /// Seconds of an all-reduce by each algorithm; only the library's choice where it offers none.
  private func timeAlgorithms() throws -> [(algorithm: AllReduceAlgorithm, seconds: Double)] {
    var times: [(algorithm: AllReduceAlgorithm, seconds: Double)] = []
    for algorithm in AllReduceAlgorithm.allCases {
      guard try algorithm.select() || algorithm == .automatic else { continue }
      let seconds = try world.duplicate().measureAllReduce(
        bytes: 4 * Self.floats, repetitions: 8)
      times.append((algorithm, seconds))
    }
    _ = try AllReduceAlgorithm.automatic.select()
    return times
  }

  /// `a 82 us, b 2.6 ms`, fastest first.
  private static func list(_ times: [(name: String, seconds: Double)]) -> String {
    times.sorted { $0.seconds < $1.seconds }
      .map { "\($0.name) \(Quantity.seconds($0.seconds))" }.joined(separator: ", ")
  }

  private static func name(of algorithm: AllReduceAlgorithm) -> String {
    switch algorithm {
    case .automatic: "by itself"
    case .linear: "linear"
    case .nonoverlapping: "reduce and broadcast"
    case .recursiveDoubling: "recursive doubling"
    case .ring: "ring"
    case .segmentedRing: "segmented ring"
    case .rabenseifner: "Rabenseifner"
    }
  }
}
