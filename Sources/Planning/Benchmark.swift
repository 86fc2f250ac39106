import Datasets
import Dispatch
import Foundation
import MPI
import Models
import Runs
import Support
import Tensors
import Training

/// The result of a benchmark, as `cleave bench --json` prints it.
public struct BenchmarkResult: Codable, Sendable {
  /// The workload's name, as the PyTorch peer calls it.
  public let workload: String
  /// Ranks that shared the work.
  public let ranks: Int
  /// Threads of a rank.
  public let threads: Int
  /// Images of a step, over all ranks.
  public let batch: Int
  /// Steps timed, after a warm-up.
  public let steps: Int
  /// Images per second, from the median step of the slowest rank.
  public let imagesPerSecond: Double
  /// The median step of the slowest rank, in milliseconds.
  public let msPerStep: Double
  /// Operations of the matrix products, in billions per second, by the median step.
  public let gflops: Double
  /// Peak resident memory of each rank in MiB.
  public let peakRssMib: [Double]
  /// The matrix kernel that OpenBLAS chose.
  public let blasKernel: String
}

/// The workloads of the PyTorch peer: the same networks and batches, on synthetic images in memory.
public enum Benchmark: String, CaseIterable, Sendable {
  /// Training steps of the robust VAE: 784-512-256-(49, 49)-256-512-784, batches of L = X - S.
  case rvaeMLP = "rvae-mlp"
  /// Passes of the robust VAE's projection over all rows.
  case rvaeProjection = "rvae-proj"
  /// Training steps of the denoising adversarial autoencoder: 784-1000-1000-10, three phases.
  case daaeMLP = "daae-mlp"
  /// Training steps of iDAAE(5) with the same networks.
  case idaaeMLP = "idaae-mlp"
  /// Training steps of the denoising VAE: 784-200-200-(50, 50)-200-200-784, five samples, binarised
  /// in each step.
  case dvaeMLP = "dvae-mlp"
  /// The same network with importance weights.
  case diwaeMLP = "diwae-mlp"
  /// Training steps of the convolutional VAE of CelebA: 64 x 64 x 3, channels 64, 128, 256, 512.
  case celebaConvVAE = "celeba-conv-vae"

  /// Training steps of the RiC-VAE: 784-512-256-(30, 30)-256-512-784, five recycled passes with
  /// gradients through all of them.
  case ricvaeMLP = "ricvae-mlp"

  /// Images in memory, over all ranks.
  private var images: Int { self == .celebaConvVAE ? 2048 : 60_000 }

  private var imageShape: ImageShape {
    self == .celebaConvVAE
      ? ImageShape(height: 64, width: 64, channels: 3)
      : ImageShape(height: 28, width: 28, channels: 1)
  }

  private var settings: [String] {
    let adversarial = [
      "hidden=1000,1000", "latent=10", "activation=relu", "batch=64", "learning_rate=2e-4",
      "noise=gaussian:0.5",
    ]
    let denoising = [
      "hidden=200,200", "latent=50", "samples=5", "batch=100", "binarize=each_step",
      "noise=bernoulli-balanced:0.05",
    ]
    return switch self {
    case .rvaeMLP, .rvaeProjection: ["model=rvae"]
    case .daaeMLP: ["model=daae"] + adversarial
    case .idaaeMLP: ["model=idaae"] + adversarial
    case .ricvaeMLP:
      [
        "model=ric-vae", "latent=30", "activation=relu", "batch=100", "passes=5",
        "recycle_grad=full", "residual_epsilon=1e-6",
      ]
    case .dvaeMLP: ["model=dvae", "activation=softplus"] + denoising
    case .diwaeMLP: ["model=diwae", "activation=tanh"] + denoising
    case .celebaConvVAE:
      [
        "model=vae", "network=conv_bn", "latent=100", "batch=64", "learning_rate=1e-4",
        "adam_beta1=0.5",
      ]
    }
  }

  /// Operations of one image's matrix products: forward, weight gradients, and the input gradients
  /// that are used.
  ///
  /// A multiply-add counts as two operations.
  private var flopsPerImage: Double {
    func chain(_ sizes: [Int], inputGradient: Bool = false, weights: Bool = true) -> Double {
      zip(sizes, sizes.dropFirst()).enumerated().reduce(0) { sum, layer in
        let product = 2 * Double(layer.element.0 * layer.element.1)
        let backward = inputGradient || layer.offset > 0
        return sum + product * (1 + (weights ? 1 : 0) + (backward ? 1 : 0))
      }
    }
    let (encoder, decoder) = ([784, 512, 256, 98], [49, 256, 512, 784])
    func forward(_ sizes: [Int]) -> Double {
      zip(sizes, sizes.dropFirst()).reduce(0) { $0 + 2 * Double($1.0 * $1.1) }
    }
    switch self {
    case .rvaeMLP: return chain(encoder) + chain(decoder, inputGradient: true)
    case .rvaeProjection: return forward(encoder) + forward(decoder)
    case .dvaeMLP, .diwaeMLP:
      return chain([784, 200, 200, 100]) + 5 * chain([50, 200, 200, 784], inputGradient: true)
    case .daaeMLP, .idaaeMLP:
      let matched = self == .daaeMLP ? 1.0 : 5
      let (e, r, d) = ([784, 1000, 1000, 10], [10, 1000, 1000, 784], [10, 1000, 1000, 1])
      return chain(e) + chain(r, inputGradient: true) + 2 * chain(d)
        + matched * chain(e) + chain(d, inputGradient: true, weights: false)
    case .ricvaeMLP:
      let pass = chain([784, 512, 256, 60]) + chain([30, 256, 512, 784], inputGradient: true)
      return 5 * pass + 4 * Double(2 * 784 * 512)
    case .celebaConvVAE:
      let layers = [(3, 64, 32), (64, 128, 16), (128, 256, 8), (256, 512, 4)]
      let convolutions = layers.enumerated().reduce(0.0) { sum, layer in
        let (inputs, outputs, side) = layer.element
        let product = Double(2 * inputs * outputs * 16 * side * side)
        let uses: Double = layer.offset > 0 ? 6 : 5  // the first layer needs no input gradient
        return sum + uses * product
      }
      return convolutions + Double(3 * 2 * 8192 * (200 + 100))
    }
  }

  /// Times `steps` steps after a warm-up; for the projection, `steps` passes over all rows.
  ///
  /// **Collective.**
  public func run(
    steps: Int? = nil, batch: Int? = nil, exact: Bool = false, world: Communicator
  ) throws -> BenchmarkResult {
    let c = try world.agree {
      var c = Configuration()
      for setting in settings + ["shuffle=true", "exact=\(exact)"] { try c.set(setting) }
      if let batch { try c.set("batch=\(batch)") }
      let resolved = try c.validated(rows: images)
      try resolved.common.lanes.check(ranks: world.size)
      return resolved
    }
    let lanes = c.common.lanes
    let data = syntheticImages(lanes: lanes.count, on: world)
    let session = try TrainingRun.session(c, on: data, world: world)
    let trainer = session.trainer
    let isProjection = self == .rvaeProjection
    let (warmUp, count) =
      switch self {
      case .rvaeProjection: (1, steps ?? 3)
      case .celebaConvVAE: (2, steps ?? 10)
      default: (20, steps ?? 200)
      }
    var seconds: [Double] = []
    for i in 0..<warmUp + count {
      if i == warmUp { try world.barrier() }
      let start = DispatchTime.now().uptimeNanoseconds
      if isProjection {
        _ = try session.loop.rehearse(trainer)
      } else {
        try trainer.trainStep()
      }
      let passed = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
      if i >= warmUp { seconds.append(passed) }
    }
    var median = [seconds.sorted()[count / 2]]
    try world.allReduce(&median, .max)
    let memory = try world.allGather([Double(ProcessMemory.peak) / 0x1p20])
    let taken = Double(isProjection ? images : lanes.batch)
    return BenchmarkResult(
      workload: rawValue, ranks: world.size, threads: Workers.count, batch: lanes.batch,
      steps: count,
      imagesPerSecond: taken / median[0], msPerStep: 1e3 * median[0],
      gflops: flopsPerImage * taken / median[0] / 1e9, peakRssMib: memory,
      blasKernel: BLAS.kernelName)
  }

  /// Random images with dark backgrounds; a rank holds the rows of its own lanes only.
  private func syntheticImages(lanes: Int, on world: Communicator) -> ImageSet {
    let shape = imageShape
    let draws = Draws(seed: 1, purpose: .synthesis, time: 0)
    let own = Lanes(count: lanes, rows: images).rows(of: world.rank, of: world.size)
    return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: shape.count) { words in
      ImageSet(count: images, shape: shape, heldRows: own) { row, bytes in
        guard let first = words.baseAddress else { return }
        draws.words(row: row, into: first, count: shape.count)
        for i in 0..<shape.count {
          bytes[i] = words[i] & 0xFF00 > 0x8000 ? UInt8(words[i] & 255) : 0
        }
      }
    }
  }
}
