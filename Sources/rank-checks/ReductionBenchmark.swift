import Distributed
import MPI

/// `bench-reduce [PARAMETERS…]` prints microseconds a phase of plain descent on each path: no
/// check.
let reductionBenchmark: [String: RankCheck] = ["bench-reduce": benchmarkReduction]

private func benchmarkReduction(_ world: Communicator, _ arguments: [String]) throws {
  let sizes = arguments.isEmpty ? [1_100_000, 8_000_000] : arguments.compactMap { Int($0) }
  for size in sizes {
    let plain = try world.measureAllReduce(bytes: size * 4) * 1e6
    if world.isRoot {
      print("\(size) parameters, \(world.size) ranks: MPI_Allreduce alone \(Int(plain)) us")
    }
    for path in [GradientBuckets.Path.sharedWindow, .messages, .allReduce] {
      for exact in [false, true] where !(exact && path == .allReduce) {
        let time = try timePhase(world, path: path, exact: exact, parameters: size)
        guard world.isRoot else { continue }
        let name = path.rawValue + (exact ? ", exact" : "")
        print("  \(name): \(Int(time.median * 1e6)) us a phase, at best \(Int(time.best * 1e6))")
      }
    }
  }
}

/// The seconds of a phase without a backward: ten equal blocks, ready at once; update is
/// plain descent.
private func timePhase(
  _ world: Communicator, path: GradientBuckets.Path, exact: Bool, parameters: Int
) throws -> (median: Double, best: Double) {
  let blocks = (0..<10).map { ParameterBlock(name: "w\($0)", group: 0, count: parameters / 10) }
  let buckets = try GradientBuckets(
    blocks: blocks, laneCount: world.size.nextPowerOfTwo, exact: exact, on: world, path: path)
  let clock = ContinuousClock()
  var times: [Double] = []
  for _ in 0..<103 {
    for pass in 0..<buckets.passes {
      buckets.gradient(pass: pass).update(repeating: 1, count: buckets.count)
    }
    try world.barrier()
    let start = clock.now
    buckets.begin(groups: 1) { _, piece, values, gradient in
      for index in 0..<piece.count { values[index] -= gradient[index] }
    }
    for pass in 0..<buckets.passes {
      _ = buckets.gradient(pass: pass)
      for block in blocks.indices.reversed() { buckets.ready(block: block, pass: pass) }
    }
    try buckets.finish()
    let elapsed = (clock.now - start).components
    times.append(Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
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
