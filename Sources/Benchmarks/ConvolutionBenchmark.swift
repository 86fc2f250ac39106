import Foundation
import MPI
import Support
import Tensors

/// The products of the CelebA networks' convolutions, each in every way there is.
///
/// Times are of the processor, the shortest of several. GFLOP/s count the operations of direct
/// convolution, so that fewer products can exceed the peak of SGEMM.
struct ConvolutionBenchmark: Benchmark {
  let name = "convolutions"
  let summary = "products of the CelebA networks' convolutions, in every way there is"
  let options = [Self.batches]

  private static let batches = BenchmarkOption(
    "batches", .integers(1...4096), "images of a product (convolutions; default 64,32)")

  func run(
    _ settings: BenchmarkSettings, on world: Communicator, progress: (String) -> Void
  ) throws -> BenchmarkReport {
    let peak = sgemmPeak()
    var lines = ["SGEMM of 1024 x 1024 x 1024: \(Int(peak)) GFLOP/s"]
    var results: [JSONValue] = []
    let layers = [(64, 3, 64), (32, 64, 128), (16, 128, 256), (8, 256, 512)]
    for batch in settings.integers(Self.batches) ?? [64, 32] {
      for (side, channels, features) in layers {
        let layer = "batch \(batch), \(channels) <-> \(features) @ \(side)²"
        progress(layer)
        let window = Window(kernel: 4, stride: 2, padding: 1)
        func plan(_ method: ConvolutionPlan.Method?) -> ConvolutionPlan {
          ConvolutionPlan(
            images: batch, height: side, width: side, channels: channels, features: features,
            window: window, method: method)
        }
        let choice = plan(nil).method
        for method in ConvolutionPlan.methods(
          channels: channels, features: features, window: window)
        {
          let times = ProductTimes(plan(method))
          lines.append("\(layer), \(method)\(method == choice ? " (chosen)" : "")")
          lines += times.lines
          results.append([
            "batch": .integer(batch), "side": .integer(side), "channels": .integer(channels),
            "features": .integer(features), "method": "\(method)",
            "chosen": .boolean(method == choice), "products": times.json,
          ])
        }
      }
    }
    return BenchmarkReport(
      lines: lines,
      json: [
        "benchmark": .string(name), "ranks": .integer(world.size), "sgemm_gflops": .real(peak),
        "results": .array(results),
      ])
  }
}

/// The times of a convolution's products.
private struct ProductTimes {
  /// A product, its milliseconds, and its speed where it is one or more products.
  private let times: [(name: String, milliseconds: Double, gflops: Double?)]

  var lines: [String] {
    times.map { time in
      let speed = time.gflops.map { ", \(Int($0)) GFLOP/s" } ?? ""
      return "  \(time.name): \((time.milliseconds * 10).rounded() / 10) ms\(speed)"
    }
  }

  var json: JSONValue {
    .array(
      times.map {
        [
          "product": .string($0.name), "ms": .real($0.milliseconds),
          "gflops": $0.gflops.map { .real($0) } ?? .null,
        ]
      })
  }

  init(_ plan: ConvolutionPlan) {
    func noise(_ count: Int, row: Int) -> Storage {
      let storage = Storage(count: count)
      Draws(seed: 1, purpose: .synthesis, time: 0)
        .uniform(row: row, into: storage.pointer, count: count)
      return storage
    }
    let images = noise(plan.images * plan.imageCount, row: 0)
    let grids = noise(plan.images * plan.gridCount, row: 1)
    let weights = noise(plan.weightCount, row: 2)
    let prepared = Storage(count: plan.preparedCount)
    let taken = plan.preparedCount > 0 ? prepared.pointer : weights.pointer
    let memory = Storage(count: plan.workspaceCount(weightGradient: true))
    let workspace = memory.pointer
    let (toGrids, toImages) = (Storage(count: grids.count), Storage(count: images.count))
    let gradient = Storage(count: weights.count)
    let operations = 2e-9 * Double(plan.images * plan.rows * plan.columns * plan.weightCount)
    func time(_ name: String, products: Double, _ body: () -> Void) -> (String, Double, Double?) {
      let seconds = shortest(of: 5, body)
      return (name, seconds * 1e3, products == 0 ? nil : products * operations / seconds)
    }
    times = [
      time("weights", products: 0) { plan.prepare(weights.pointer, into: prepared.pointer) },
      time("images to grids", products: 1) {
        plan.fromImages(
          images.pointer, weights: taken, workspace: workspace, toGrids: (toGrids.pointer, false))
      },
      time("grids to images", products: 1) {
        plan.fromGrids(
          grids.pointer, weights: taken, workspace: workspace, toImages: (toImages.pointer, false))
      },
      time("by the weights", products: 1) {
        plan.fromGrids(
          grids.pointer, weights: taken, workspace: workspace, toImages: nil,
          weightGradient: (UnsafePointer(images.pointer), (gradient.pointer, false)))
      },
      time("backward of a convolution", products: 2) {
        plan.fromGrids(
          grids.pointer, weights: taken, workspace: workspace,
          toImages: (toImages.pointer, false),
          weightGradient: (UnsafePointer(images.pointer), (gradient.pointer, false)))
      },
      time("backward of a transposed one", products: 2) {
        plan.fromImages(
          images.pointer, weights: taken, workspace: workspace, toGrids: (toGrids.pointer, false),
          weightGradient: (UnsafePointer(grids.pointer), (gradient.pointer, false)))
      },
    ]
    withExtendedLifetime([images, grids, weights, prepared, memory, toGrids, toImages, gradient]) {}
  }
}

private func sgemmPeak() -> Double {
  let n = 1024
  let (a, b, c) = (Tensor(Shape(n, n)), Tensor(Shape(n, n)), Tensor(Shape(n, n)))
  return 2e-9 * Double(n * n * n) / shortest(of: 10) { BLAS.multiply(a, b, into: c) }
}

/// Seconds of this process's processor time.
private func shortest(of runs: Int, _ body: () -> Void) -> Double {
  func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }
  return (0..<runs).map { _ in
    let start = now()
    body()
    return now() - start
  }.min() ?? 0
}
