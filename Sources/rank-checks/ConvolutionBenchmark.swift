import Foundation
import MPI
import Tensors

/// `bench-convolutions [BATCH…]` prints milliseconds and GFLOP/s of the products of the CelebA
/// networks' convolutions, each in every way there is: no check.
let convolutionBenchmark: [String: RankCheck] = ["bench-convolutions": benchmarkConvolutions]

/// Times are of the processor, the shortest of several; GFLOP/s count direct convolution's operations, so that fewer
/// products can exceed the peak of SGEMM.
private func benchmarkConvolutions(_ world: Communicator, _ arguments: [String]) throws {
  Workers.start(1)
  if world.isRoot { print("SGEMM of 1024 x 1024 x 1024: \(Int(sgemmPeak())) GFLOP/s") }
  let layers = [(64, 3, 64), (32, 64, 128), (16, 128, 256), (8, 256, 512)]
  for batch in arguments.isEmpty ? [64, 32] : arguments.compactMap({ Int($0) }) {
    for (side, channels, features) in layers {
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
        let lines = ProductTimes(plan(method)).description
        guard world.isRoot else { continue }
        print(
          "batch \(batch), \(channels) <-> \(features) @ \(side)², \(method)"
            + "\(method == choice ? " (chosen)" : "")\n\(lines)")
      }
    }
  }
}

/// Milliseconds of a convolution's products.
private struct ProductTimes: CustomStringConvertible {
  let description: String

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
    func line(_ name: String, products: Double, _ body: () -> Void) -> String {
      let seconds = shortest(of: 5, body)
      let speed = products == 0 ? "" : ", \(Int(products * operations / seconds)) GFLOP/s"
      return "  \(name): \((seconds * 1e4).rounded() / 10) ms\(speed)"
    }
    description = [
      line("weights", products: 0) { plan.prepare(weights.pointer, into: prepared.pointer) },
      line("images to grids", products: 1) {
        plan.fromImages(
          images.pointer, weights: taken, workspace: workspace, toGrids: (toGrids.pointer, false))
      },
      line("grids to images", products: 1) {
        plan.fromGrids(
          grids.pointer, weights: taken, workspace: workspace, toImages: (toImages.pointer, false))
      },
      line("by the weights", products: 1) {
        plan.fromGrids(
          grids.pointer, weights: taken, workspace: workspace, toImages: nil,
          weightGradient: (UnsafePointer(images.pointer), (gradient.pointer, false)))
      },
      line("backward of a convolution", products: 2) {
        plan.fromGrids(
          grids.pointer, weights: taken, workspace: workspace,
          toImages: (toImages.pointer, false),
          weightGradient: (UnsafePointer(images.pointer), (gradient.pointer, false)))
      },
      line("backward of a transposed one", products: 2) {
        plan.fromImages(
          images.pointer, weights: taken, workspace: workspace, toGrids: (toGrids.pointer, false),
          weightGradient: (UnsafePointer(grids.pointer), (gradient.pointer, false)))
      },
    ].joined(separator: "\n")
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
