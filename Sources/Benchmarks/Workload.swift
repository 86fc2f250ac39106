import MPI
import Planning
import Support

/// A workload of the PyTorch program that Cleave is compared with, on synthetic images in memory.
///
/// The time is that of the median step, after a warm-up.
struct Workload: Benchmark {
  private let workload: Planning.Benchmark

  /// All workloads.
  static var all: [any Benchmark] { Planning.Benchmark.allCases.map { Workload(workload: $0) } }

  var name: String { workload.rawValue }
  var options: [BenchmarkOption] { [.steps, .batch, .threads, .exact] }

  var summary: String {
    switch workload {
    case .rvaeMLP: "robust VAE, 784-512-256-49: training steps on batches of L = X - S"
    case .rvaeProjection: "robust VAE, 784-512-256-49: passes of the projection over all rows"
    case .daaeMLP: "denoising adversarial autoencoder, 784-1000-1000-10: training steps"
    case .idaaeMLP: "iDAAE(5) with the same networks: training steps"
    case .dvaeMLP: "denoising VAE, 784-200-200-50, K = 5: training steps"
    case .diwaeMLP: "DIWAE with the same networks, K = 5: training steps"
    case .celebaConvVAE: "convolutional VAE of 64 x 64 x 3, channels 64 to 512: training steps"
    case .ricvaeMLP: "RiC-VAE, 784-512-256-30, five recycled passes: training steps"
    }
  }

  func run(
    _ settings: BenchmarkSettings, on world: Communicator, progress: (String) -> Void
  ) throws -> BenchmarkReport {
    let result = try workload.run(
      steps: settings.integer(.steps), batch: settings.integer(.batch),
      exact: settings.has(.exact), world: world)
    let memory = result.peakRssMib.map { Quantity.decimal($0, 0) }.joined(separator: ", ")
    return BenchmarkReport(
      lines: [
        "\(result.workload), batch \(result.batch), \(Quantity.count(result.ranks, "rank")), "
          + "BLAS kernel \(result.blasKernel)",
        "  \(Quantity.grouped(Int(result.imagesPerSecond))) images/s, "
          + "\(Quantity.significant(result.msPerStep)) ms a step (median of \(result.steps)), "
          + "\(Quantity.decimal(result.gflops, 0)) GFLOP/s",
        "  peak memory \(memory) MiB",
      ], json: Self.document(result))
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
}
