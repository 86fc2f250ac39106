import Inception
import MPI
import Support
import Tensors

/// The speed of Inception-v3's features, by which FID is defined.
///
/// Weights are random and images are noise in memory: neither makes a difference to the time. Each
/// rank takes its share of a batch; threads of a rank share the rank's images.
struct InceptionBenchmark: Benchmark {
  let name = "inception"
  let summary = "features of Inception-v3 for FID, in images/s"
  let options: [BenchmarkOption] = [.batch, .steps, .threads, Self.sides]

  private static let sides = BenchmarkOption(
    "sides", .integers(1...4096),
    "height and width of images (inception; default 28,64: grey, and colour from 32 on)")

  func run(
    _ settings: BenchmarkSettings, on world: Communicator, progress: (String) -> Void
  ) throws -> BenchmarkReport {
    let batch = settings.integer(.batch) ?? 50
    let steps = settings.integer(.steps) ?? 5
    let extractor = try world.agree { try InceptionV3(randomWeights: 1) }
    let own = batch * world.rank / world.size..<batch * (world.rank + 1) / world.size
    var (lines, results): ([String], [JSONValue]) = ([], [])
    for side in settings.integers(Self.sides) ?? [28, 64] {
      let shape = "\(side)x\(side)x\(side < 32 ? 1 : 3)"
      progress(shape)
      let seconds = try time(
        extractor, side: side, channels: side < 32 ? 1 : 3, rows: own, steps: steps, on: world)
      let rate = Double(batch) / seconds
      lines.append(
        "\(shape), batch \(batch), \(Quantity.count(world.size, "rank")): "
          + "\(Quantity.decimal(rate, 1)) images/s (median of \(steps))")
      results.append(["side": .integer(side), "images_per_second": .real(rate)])
    }
    let memory = try world.allGather([Double(ProcessMemory.peak) / 0x1p20])
    return BenchmarkReport(
      lines: lines,
      json: [
        "benchmark": .string(name), "ranks": .integer(world.size),
        "threads": .integer(Workers.count), "batch": .integer(batch), "steps": .integer(steps),
        "results": .array(results), "peak_rss_mib": .array(memory.map { .real($0) }),
        "libraries": .string(BLAS.libraries),
      ])
  }

  /// The median step of the slowest rank, in seconds; a step before them is not timed.
  private func time(
    _ extractor: InceptionV3, side: Int, channels: Int, rows: Range<Int>, steps: Int,
    on world: Communicator
  ) throws -> Double {
    var numbers = SplitMix64(seed: 1)
    let images = (0..<rows.count * side * side * channels).map { _ in
      abs(numbers.nextFloat())
    }
    var seconds: [Double] = []
    for step in 0...steps {
      try world.barrier()
      let clock = Stopwatch()
      _ = try world.agree {
        try extractor.features(
          of: images, count: rows.count, height: side, width: side, channels: channels)
      }
      if step > 0 { seconds.append(clock.seconds) }
    }
    var median = [seconds.sorted()[steps / 2]]
    try world.allReduce(&median, .max)
    return median[0]
  }
}
