import Datasets
import MPI
import Planning
import Support
import Tensors
import Training

/// `cleave bench`: the speed of a workload on synthetic images.
struct BenchCommand: Subcommand {
  static let name = "bench"
  static let summary = "measure the speed of a workload"
  static let details = """
    WORKLOAD is one of
      \(Benchmark.allCases.map(\.rawValue).joined(separator: ", ")):
    networks and batches of the PyTorch peer, on synthetic images in memory. The time is that of \
    the median
    step, after a warm-up.
    """
  static let operands = [Operand("WORKLOAD", "what to run")]
  static let options = [
    Option.value("steps", "N", "steps to time (of rvae-proj: passes over all rows)"),
    Option.value("batch", "N", "images in a step, over all ranks (default the peer's)"),
    Option.threads,
    Option.flag("exact", "one result on any number of ranks"), Option.json,
  ]

  private let workload: Benchmark
  private let steps: Int?
  private let batch: Int?
  private let threads: Int
  private let isExact: Bool
  private let isJSON: Bool

  init(_ arguments: Arguments) throws {
    let name = arguments.operands[0]
    guard let workload = Benchmark(rawValue: name) else {
      throw UsageError(
        "unknown workload \(name)"
          + Spelling.hint(for: name, in: Benchmark.allCases.map(\.rawValue)))
    }
    self.workload = workload
    steps = try arguments.integer("steps", in: 1...1_000_000)
    batch = try arguments.integer("batch", in: 1...60_000)
    threads = try arguments.threads()
    isExact = arguments.has("exact")
    try UsageError.check(threads: threads, exact: isExact)
    isJSON = arguments.has("json")
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    console.startWorkers(threads)
    let result = try workload.run(steps: steps, batch: batch, exact: isExact, world: world)
    console.result(isJSON ? Self.document(result).document : Self.text(result))
    return 0
  }

  private static func document(_ result: BenchmarkResult) -> JSONValue {
    [
      "workload": .string(result.workload), "ranks": .integer(result.ranks),
      "threads": .integer(result.threads), "batch": .integer(result.batch),
      "steps": .integer(result.steps), "images_per_second": .real(result.imagesPerSecond),
      "ms_per_step": .real(result.msPerStep), "gflops": .real(result.gflops),
      "peak_rss_mib": .array(result.peakRssMib.map { .real($0) }),
      "blas_kernel": .string(result.blasKernel),
    ]
  }

  private static func text(_ result: BenchmarkResult) -> String {
    let memory = result.peakRssMib.map { Quantity.decimal($0, 0) }.joined(separator: ", ")
    return "\(result.workload), batch \(result.batch), \(Quantity.count(result.ranks, "rank")), "
      + "BLAS kernel \(result.blasKernel)\n"
      + "  \(Quantity.grouped(Int(result.imagesPerSecond))) images/s, "
      + "\(Quantity.significant(result.msPerStep)) ms a step (median of \(result.steps)), "
      + "\(Quantity.decimal(result.gflops, 0)) GFLOP/s\n  peak memory \(memory) MiB"
  }
}
