import Distributed
import MPI
import Support

/// The time of a phase, in which gradients are summed and weights updated, on each path.
struct ReductionBenchmark: Benchmark {
  let name = "reduction"
  let summary = "sums of gradients over the ranks, with plain descent, on each path"
  let options = [Self.parameters]

  private static let parameters = BenchmarkOption(
    "parameters", .integers(10...1_000_000_000),
    "parameters of a phase (reduction; default 1100000,8000000)")

  func run(
    _ settings: BenchmarkSettings, on world: Communicator, progress: (String) -> Void
  ) throws -> BenchmarkReport {
    var lines: [String] = []
    var results: [JSONValue] = []
    for count in settings.integers(Self.parameters) ?? [1_100_000, 8_000_000] {
      let plain = try world.measureAllReduce(bytes: count * 4) * 1e6
      lines.append(
        "\(count) parameters, \(Quantity.count(world.size, "rank")): "
          + "MPI_Allreduce alone \(Int(plain)) us")
      var paths: [JSONValue] = []
      for path in [GradientBuckets.Path.sharedWindow, .messages, .allReduce] {
        for exact in [false, true] where !(exact && path == .allReduce) {
          let time = try timePhase(world, path: path, exact: exact, parameters: count)
          let name = path.rawValue + (exact ? ", exact" : "")
          lines.append(
            "  \(name): \(Int(time.median * 1e6)) us a phase, at best \(Int(time.best * 1e6))")
          paths.append([
            "path": .string(path.rawValue), "exact": .boolean(exact),
            "median_us": .real(time.median * 1e6), "best_us": .real(time.best * 1e6),
          ])
        }
      }
      results.append([
        "parameters": .integer(count), "all_reduce_us": .real(plain), "paths": .array(paths),
      ])
    }
    return BenchmarkReport(
      lines: lines,
      json: [
        "benchmark": .string(name), "ranks": .integer(world.size), "results": .array(results),
      ])
  }
}

/// The seconds of a phase: ten equal slots, ready at once; the update is plain descent.
private func timePhase(
  _ world: Communicator, path: GradientBuckets.Path, exact: Bool, parameters: Int
) throws -> (median: Double, best: Double) {
  let slots = (0..<10).map { ParameterSlot(name: "w\($0)", group: 0, count: parameters / 10) }
  let buckets = try GradientBuckets(
    slots: slots, laneCount: world.size.nextPowerOfTwo, exact: exact, on: world, path: path)
  var times: [Double] = []
  for _ in 0..<103 {
    for microbatch in 0..<buckets.microbatches {
      buckets.gradient(microbatch: microbatch).update(repeating: 1, count: buckets.count)
    }
    try world.barrier()
    let clock = Stopwatch()
    buckets.begin(groups: 1) { _, piece, values, gradient in
      for index in 0..<piece.count { values[index] -= gradient[index] }
    }
    for microbatch in 0..<buckets.microbatches {
      _ = buckets.gradient(microbatch: microbatch)
      for slot in slots.indices.reversed() { buckets.ready(slot: slot, microbatch: microbatch) }
    }
    try buckets.finish()
    times.append(clock.seconds)
  }
  try world.allReduce(&times, .max)
  try buckets.release()
  times = times.dropFirst(3).sorted()
  return (times[times.count / 2], times[0])
}

extension Int {
  fileprivate var nextPowerOfTwo: Int {
    var power = 1
    while power < self { power *= 2 }
    return power
  }
}
