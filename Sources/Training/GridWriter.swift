import CKernels
import Checkpoints
import Datasets
import Foundation
import Images
import Layers
import Tensors

/// Draws PNG grids of rank 0's first rows: originals and corrupted images once, then L, S,
/// reconstructions and samples during training.
struct GridWriter {
  /// Images on each side of a grid.
  private static let side = 8

  private let directory: RunDirectory

  init(_ directory: RunDirectory) { self.directory = directory }

  /// Whether a file of this name is a picture of a run, or one that is being written.
  static func writes(_ name: String) -> Bool {
    let kinds = "(corrupted|originals|(outer|epoch)-[0-9]+-(reconstructions|L|S|samples))"
    return name.range(
      of: "^(\\.\(kinds)\\.png\\..*|\(kinds)\\.png)$", options: .regularExpression) != nil
  }

  /// Writes `images/<name>-<kind>.png`.
  ///
  /// Rank 0 only.
  func draw(_ trainer: Trainer, _ name: String) throws {
    let count = min(Self.side * Self.side, trainer.rows.localRows.count)
    let first = trainer.rows.localRows.lowerBound
    let noise = trainer.freshNoise.corrupter(of: trainer.images.shape)
    let step = Step(seed: trainer.settings.seed, corrupt: noise)
    let pixels = Storage(count: count * trainer.dimensions)
    trainer.images.gather(first..<first + count, into: pixels.pointer)
    try begin(step, Array(first..<first + count), trainer) {
      $0.update(from: pixels.pointer, count: pixels.count)
    }
    try write(step.corrupted().pointer, count, trainer, "corrupted")
    if noise != nil || trainer.rows.clean != nil {
      trainer.rows.clean?.gather(first..<first + count, into: pixels.pointer)
      try write(pixels.pointer, count, trainer, "originals")
    }
    if let model = trainer.model as? any Encoding {
      let output = model.reconstruct(step.corrupted(), step, sampling: false)
      try write(output.pointer, count, trainer, "\(name)-reconstructions")
      if let state = trainer.rows.sparse {
        // L = X - S - R where R is kept, otherwise D(E(X - S)).
        state.subtract(first..<first + count, from: step.target.pointer)
        var clean = step.target.pointer
        if state.arrays.index(named: "R") != nil {
          state.copy("R", first..<first + count, to: pixels.pointer)
          ck_axpy(clean, pixels.pointer, -1, pixels.count)
        } else {
          clean = model.reconstruct(step.target, step, sampling: false).pointer
        }
        try write(clean, count, trainer, "\(name)-L")
        state.copy("S", first..<first + count, to: pixels.pointer)
        for i in 0..<pixels.count { pixels.pointer[i] = abs(pixels.pointer[i]) }
        try write(pixels.pointer, count, trainer, "\(name)-S")
      }
    }
    guard let model = trainer.model as? any Generative else { return }
    try begin(step, Array(0..<Self.side * Self.side), trainer) { _ in }
    let samples = model.generate(step)
    try write(samples.pointer, Self.side * Self.side, trainer, "\(name)-samples")
  }

  private func begin(
    _ step: Step, _ rows: [Int], _ trainer: Trainer, _ fill: (UnsafeMutablePointer<Float>) -> Void
  ) throws {
    rows.map(Int32.init).withUnsafeBufferPointer {
      step.begin(
        rows: $0, dimensions: trainer.dimensions, purpose: .evaluation, time: 0, fill: fill)
    }
  }

  private func write(
    _ values: UnsafePointer<Float>, _ count: Int, _ trainer: Trainer, _ name: String
  ) throws {
    let shape = trainer.images.shape
    try ImageGrid(
      values, count: count, height: shape.height, width: shape.width, channels: shape.channels
    ).write(to: "\(directory.images)/\(name).png")
  }
}
