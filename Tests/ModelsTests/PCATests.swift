import Datasets
import Foundation
import Layers
import Tensors
import Testing

@testable import Models
@testable import Training

/// Principal components agree with the singular values of the centred matrix.
struct PCATests {
  private func codes(_ training: SmallTraining, rows count: Int = 60) throws -> [Float] {
    let step = Step(seed: 1)
    let (x, d) = (training.x, training.trainer.dimensions)
    let rows = (0..<count).map(Int32.init)
    rows.withUnsafeBufferPointer {
      step.begin(rows: $0, dimensions: d, purpose: .evaluation, time: 0) { target in
        for (i, value) in x.enumerated() { target[i] = value }
      }
    }
    let model = try #require(training.trainer.model as? PCA)
    return model.encode(step.target).mean.values
  }

  @Test(arguments: ["gram", "randomized"]) func componentsAreSingularVectors(_ way: String) throws {
    let training = try SmallTraining(["model=pca", "rank=5", "svd=\(way)"])
    #expect(try training.fit() == .converged)
    let (x, d) = (training.x, 36)
    var centred = x.map { Double($0) }
    for j in 0..<d {
      let mean = (0..<60).reduce(0.0) { $0 + Double(x[$1 * d + j]) } / 60
      for i in 0..<60 { centred[i * d + j] -= mean }
    }
    let (left, values, _) = try #require(DoubleAlgebra.singular(centred, 60, d))
    let z = try codes(training)
    for a in 0..<5 {
      // A column of U, times its singular value; the sign is free.
      let column = (0..<60).map { left[$0 * d + a] * values[a] }
      let product = (0..<60).reduce(0.0) { $0 + column[$1] * Double(z[$1 * 5 + a]) }
      let sign = product < 0 ? -1.0 : 1
      for i in 0..<60 { #expect(abs(sign * column[i] - Double(z[i * 5 + a])) < 2e-3) }
    }
    let rest = values.dropFirst(5).reduce(0) { $0 + $1 * $1 }
    #expect(abs(try training.trainer.lossOfStep() - 0.5 * rest / 60) < 1e-3 * rest / 60)
  }

  @Test func shareAndWhitening() throws {
    let training = try SmallTraining(["model=pca", "pca_share=0.6", "whiten=true"])
    try training.fit()
    let z = try codes(training)
    let k = z.count / 60
    var kept = 0
    for a in 0..<k {
      let column = (0..<60).map { Double(z[$0 * k + a]) }
      guard column.contains(where: { $0 != 0 }) else { continue }
      kept += 1
      #expect(abs(column.reduce(0) { $0 + $1 * $1 } / 60 - 1) < 1e-3)
      #expect(abs(column.reduce(0, +) / 60) < 1e-4)
    }
    #expect(kept > 1 && kept < 36)
    // The reconstruction of the kept components explains at least that share.
    let output = training.reconstructions(time: 0, sampling: false)
    let x = training.x
    let error = zip(output, x).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
    var whole = 0.0
    for j in 0..<36 {
      let mean = (0..<60).reduce(0.0) { $0 + Double(x[$1 * 36 + j]) } / 60
      for i in 0..<60 { whole += (Double(x[i * 36 + j]) - mean) * (Double(x[i * 36 + j]) - mean) }
    }
    #expect(error <= 0.4 * whole)
  }

  /// Fewer images than pixels: no component is made of rounding, whitened or not.
  @Test func fewImages() throws {
    let training = try SmallTraining(
      ["model=pca", "whiten=true"], images: SmallTraining.images(20))
    try training.fit()
    let z = try codes(training, rows: 20)
    #expect(z.allSatisfy { abs($0) < 10 })
    let columns = (0..<z.count / 20).filter { a in
      (0..<20).contains { z[$0 * (z.count / 20) + a] != 0 }
    }
    #expect(columns.count == 19)
  }
}
