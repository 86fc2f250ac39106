import Datasets
import Dispatch
import Layers
import MPI
import Models
import Runs
import Support
import Tensors
import Training

/// A workload of the PyTorch program that Cleave is compared with, on synthetic images in memory.
///
/// The time is that of the median step of the slowest rank, after a warm-up.
struct Workload: Benchmark {
  let name: String
  let summary: String
  /// Settings beside the defaults.
  let settings: [String]
  /// Images in memory over all ranks, and their shape.
  var images = (count: 60_000, shape: ImageShape(height: 28, width: 28, channels: 1))
  /// What is timed.
  var work = Work.step
  /// Steps before the clock starts, and steps that are timed unless told otherwise.
  var repetitions = (warmUp: 20, timed: 200)
  /// Operations that the products of an image need.
  let flopsPerImage: Double

  /// A piece of work that is timed.
  enum Work {
    /// A training step.
    case step
    /// A projection of all rows.
    case projection
    /// The split of all rows with frozen weights, in this many rounds.
    case split(rounds: Int)
  }

  var options: [BenchmarkOption] { [.steps, .batch, .threads, .exact] }

  func run(
    _ options: BenchmarkSettings, on world: Communicator, progress: (String) -> Void
  ) throws -> BenchmarkReport {
    let c = try world.agree {
      var c = Configuration()
      let exact = options.has(.exact)
      for setting in settings + ["shuffle=true", "exact=\(exact)"] { try c.set(setting) }
      if let batch = options.integer(.batch) { try c.set("batch=\(batch)") }
      let resolved = try c.validated(rows: images.count)
      try resolved.common.lanes.check(ranks: world.size)
      return resolved
    }
    let lanes = c.common.lanes
    let session = try TrainingRun.session(
      c, on: syntheticImages(lanes: lanes.count, on: world), world: world)
    let steps = options.integer(.steps) ?? repetitions.timed
    let seconds = try medianSeconds(of: steps, session)
    let taken = Double(isOfAllRows ? images.count : lanes.batch)
    return Self.report(
      name, batch: lanes.batch, steps: steps, seconds: seconds, rate: taken / seconds,
      gflops: flopsPerImage * taken / seconds / 1e9, ranks: world.size,
      wireBytes: isOfAllRows
        ? 0 : session.trainer.bytesExchanged(lanes: lanes.count, ranks: world.size),
      memory: try world.allGather([Double(ProcessMemory.peak) / 0x1p20]))
  }

  /// **Collective.**
  private func medianSeconds(of count: Int, _ session: Session) throws -> Double {
    let trainer = session.trainer
    var seconds: [Double] = []
    for i in 0..<repetitions.warmUp + count {
      if i == repetitions.warmUp { try trainer.world.barrier() }
      let start = DispatchTime.now().uptimeNanoseconds
      switch work {
      case .step: try trainer.trainStep { _ = try trainer.watch.exchange([0, 0, 0]) }
      case .projection: _ = try session.loop.rehearse(trainer)
      case .split(let rounds): Self.split(trainer, rounds: rounds)
      }
      let elapsed = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
      if i >= repetitions.warmUp { seconds.append(elapsed) }
    }
    var median = [seconds.sorted()[count / 2]]
    try trainer.world.allReduce(&median, .max)
    return median[0]
  }

  /// Splits this rank's rows; no image rests before the last round.
  private static func split(_ trainer: Trainer, rounds: Int) {
    guard let model = trainer.model as? any Encoding else { return }
    let (own, d) = (trainer.rows.localRows, trainer.dimensions)
    let split = FrozenSplit(
      by: model, dimensions: d, shrinkage: Shrinkage(.soft, threshold: 0.2, channels: 1),
      rounds: rounds, tolerance: 0, seed: 1)
    let atOnce = trainer.images.shape.blockRows
    let (x, l, s) = (
      Storage(count: atOnce * d), Storage(count: atOnce * d), Storage(count: atOnce * d)
    )
    for first in stride(from: own.lowerBound, to: own.upperBound, by: atOnce) {
      let rows = first..<min(own.upperBound, first + atOnce)
      trainer.images.gather(rows, into: x.pointer)
      split.run(rows, x.pointer, l: l.pointer, s: s.pointer)
    }
  }

  private var isOfAllRows: Bool {
    if case .step = work { return false }
    return true
  }

  private static func report(
    _ name: String, batch: Int, steps: Int, seconds: Double, rate: Double, gflops: Double,
    ranks: Int, wireBytes: Int, memory: [Double]
  ) -> BenchmarkReport {
    let peaks = memory.map { Quantity.decimal($0, 0) }.joined(separator: ", ")
    return BenchmarkReport(
      lines: [
        "\(name), batch \(batch), \(Quantity.count(ranks, "rank")), BLAS kernel \(BLAS.kernelName)",
        "  \(Quantity.grouped(Int(rate))) images/s, \(Quantity.significant(1e3 * seconds)) ms "
          + "a step (median of \(steps)), \(Quantity.decimal(gflops, 0)) GFLOP/s",
        "  peak memory \(peaks) MiB",
      ],
      json: [
        "workload": .string(name), "ranks": .integer(ranks), "threads": .integer(Workers.count),
        "batch": .integer(batch), "steps": .integer(steps), "images_per_second": .real(rate),
        "ms_per_step": .real(1e3 * seconds), "gflops": .real(gflops),
        "wire_bytes_per_step": .integer(wireBytes),
        "peak_rss_mib": .array(memory.map { .real($0) }),
        "blas_kernel": .string(BLAS.kernelName),
      ])
  }

  /// Random images with dark backgrounds; a rank holds the rows of its own lanes only.
  private func syntheticImages(lanes: Int, on world: Communicator) -> ImageSet {
    let (count, shape) = images
    let draws = Draws(seed: 1, purpose: .synthesis, time: 0)
    let own = Lanes(count: lanes, rows: count).rows(of: world.rank, of: world.size)
    return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: shape.count) { words in
      ImageSet(count: count, shape: shape, heldRows: own) { row, bytes in
        guard let first = words.baseAddress else { return }
        draws.words(row: row, into: first, count: shape.count)
        for i in 0..<shape.count {
          bytes[i] = words[i] & 0xFF00 > 0x8000 ? UInt8(words[i] & 255) : 0
        }
      }
    }
  }
}
