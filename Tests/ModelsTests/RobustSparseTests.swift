import Datasets
import TestSupport
import Testing

@testable import Models
@testable import Training

@Suite("The sparse part of X = L + S")
struct RobustSparseTests {
  /// A robust VAE after some training, S still 0.
  private func trained() throws -> SmallTraining {
    let run = try SmallTraining(["model=rvae", "activation=relu", "beta=0.1"])
    for _ in 0..<60 { try run.trainer.trainStep() }
    return run
  }

  /// X6: with L^ the reconstruction, X - S = L^ + clip(X - L^, -t, t), between X and L^.
  ///
  /// R is the clipped part. X9: ||R|| <= t sqrt(N d). X11: S is 0 where |X - L^| <= t.
  @Test(arguments: [Float(0.02), 0.1, 0.3], [true, false])
  func projectionShrinksTheDeviation(t: Float, sampling: Bool) throws {
    let run = try trained()
    let (x, reconstruction) = (run.x, run.reconstructions(time: 0, sampling: sampling))
    let result = try run.trainer.project(
      by: Shrinkage(.soft, threshold: t, channels: 1), sampling: sampling)
    let (s, r) = (run.s, run.r)
    for i in x.indices {
      let deviation = x[i] - reconstruction[i]
      let (l, clipped) = (x[i] - s[i], clip(deviation, t))
      #expect(abs(l - (reconstruction[i] + clipped)) < 2e-7)
      #expect(abs(r[i] - clipped) < 2e-7)
      #expect(l > min(x[i], reconstruction[i]) - 1e-7 && l < max(x[i], reconstruction[i]) + 1e-7)
      if abs(deviation) < t - 1e-6 { #expect(s[i] == 0) }
      if abs(deviation) > t + 1e-6 { #expect(s[i] != 0) }
    }
    let nonzero = s.filter { $0 != 0 }.count
    #expect(nonzero > 0 && nonzero < x.count)
    #expect(result.nonzero == Double(nonzero) / Double(x.count))
    #expect(abs(result.residual - norm(r)) < 1e-6 * norm(r))
    #expect(result.residual <= Double(t) * Double(x.count).squareRoot() * (1 + 1e-6))
    #expect(abs(result.l1 - s.reduce(0.0) { $0 + Double(abs($1)) }) < 1e-5 * result.l1)
  }

  /// c2's norm: the first iteration starts from L + S = 0, a later iteration from X minus the
  /// previous R.
  @Test func whatMovedIsMeasuredFromZeroAtFirst() throws {
    let run = try trained()
    let first = try run.trainer.project(
      by: Shrinkage(.soft, threshold: 0.1, channels: 1), sampling: true)
    let before = run.r
    let sum = norm(zip(run.x, before).map { $0 - $1 })
    #expect(abs(first.moved - sum) < 1e-6 * sum)
    try run.session.finishOuter(outerResult(first, c1: 0, c2: 0))
    for _ in 0..<3 { try run.trainer.trainStep() }
    let second = try run.trainer.project(
      by: Shrinkage(.soft, threshold: 0.1, channels: 1), sampling: true)
    let moved = norm(zip(run.r, before).map { $0 - $1 })
    #expect(moved > 0.01 && moved < 0.5 * sum)
    #expect(abs(second.moved - moved) < 1e-6 * moved)
  }

  /// X8: with t = 0, S = X - L^ and R = 0, so that the next L is the network's own output.
  @Test func thresholdZeroTrainsOnTheOutput() throws {
    let run = try trained()
    let reconstruction = run.reconstructions(time: 0, sampling: true)
    let result = try run.trainer.project(
      by: Shrinkage(.soft, threshold: 0, channels: 1), sampling: true)
    #expect(result.residual == 0 && run.r.allSatisfy { $0 == 0 })
    #expect(bits(run.s) == bits(zip(run.x, reconstruction).map { $0 - $1 }))
    let next = zip(run.x, run.s).map { $0 - $1 }
    #expect(zip(next, reconstruction).allSatisfy { abs($0 - $1) < 1e-7 })
  }

  /// X11: the fraction of S that is not zero falls as lambda rises.
  @Test func theShareOfNonzeroFallsAsTheThresholdRises() throws {
    let shares = try [Float(0), 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1, .infinity].map { t in
      try trained().trainer.project(by: Shrinkage(.soft, threshold: t, channels: 1), sampling: true)
        .nonzero
    }
    for (a, b) in zip(shares, shares.dropFirst()) { #expect(a >= b) }
    #expect(shares[0] > 0.99 && Set(shares).count >= 7 && shares[8] == 0)
  }

  @Test func errorToTheCleanImagesIsMeasured() throws {
    let clean = SmallTraining.images(60)
    let run = try SmallTraining(
      ["model=rvae", "static_noise=salt-pepper:0.2"], images: clean)
    for _ in 0..<6 { try run.trainer.trainStep() }
    let (x, reconstruction) = (run.x, run.reconstructions(time: 0, sampling: false))
    let result = try run.trainer.project(
      by: Shrinkage(.soft, threshold: 0.2, channels: 1), sampling: false)
    let reference = clean.values(0..<60)
    #expect(x != reference)
    func error(_ values: [Float]) -> Double {
      let distance = norm(zip(values, reference).map { $0 - $1 })
      return distance * distance / Double(values.count)
    }
    let found = try #require(result.cleanError)
    #expect(abs(found.reconstruction - error(reconstruction)) < 1e-6)
    #expect(abs(found.difference - error(zip(x, run.s).map { $0 - $1 })) < 1e-6)
  }
}

@Suite("The shrinkage threshold (D-01) and the weight of c2 (D-02)")
struct ShrinkageTests {
  private func norms(_ images: ImageSet) throws -> (DataNorms, Int) {
    let run = try SmallTraining(["model=rvae"], images: images)
    return (try run.trainer.rows.norms(), images.count * images.shape.count)
  }

  private func loop(_ settings: String...) throws -> RobustLoop {
    RobustLoop(try SmallTraining.configuration(["model=rvae"] + settings).read())
  }

  /// X10: where all of X is 1, the largest column sum is N, mu = d / 4 and t = 4 lambda / d.
  @Test func onesHaveAKnownThreshold() throws {
    let (n, d) = (40, 36)
    let shape = ImageShape(height: 6, width: 6, channels: 1)
    let (norms, elements) = try norms(
      ImageSet(bytes: [UInt8](repeating: 255, count: n * d), shape: shape))
    #expect(norms.induced == Double(n) && norms.entrywise == Double(n * d))
    #expect(abs(norms.frobenius - Double(n * d).squareRoot()) < 1e-9)
    let induced = try loop("lambda=5").shrinkage(norms, elements: elements)
    #expect(abs(Double(induced.threshold) - 20.0 / 36) < 1e-6)
    #expect(abs(induced.weight - 3) < 1e-12)  // mu = 9
    let none = try loop("lambda=5", "threshold=none", "c2_weight=paper").shrinkage(
      norms, elements: elements)
    #expect(none.threshold == 5 && none.weight == 1)
    let entrywise = try loop("lambda=5", "threshold=entrywise").shrinkage(norms, elements: elements)
    #expect(entrywise.threshold == 20 && entrywise.weight == 0.25)  // mu = 1/4, below its root
    let infinite = try loop("lambda=inf").shrinkage(norms, elements: elements)
    #expect(infinite.threshold == .infinity)
  }

  /// The induced norm is the largest column sum of magnitudes; all channels of a position share its
  /// column.
  @Test func columnsArePositions() throws {
    var floats = [Float](repeating: 0, count: 20 * 12)
    for row in 0..<20 {
      floats[row * 12 + 4] = -0.5  // position 1, channels 1 and 2
      floats[row * 12 + 5] = 0.25
      floats[row * 12 + 9] = 0.625  // position 3, channel 0
    }
    let (norms, _) = try norms(
      ImageSet(floats: floats, shape: ImageShape(height: 2, width: 2, channels: 3)))
    #expect(norms.induced == 15 && norms.entrywise == 27.5)
    #expect(abs(norms.frobenius - (20 * (0.25 + 0.0625 + 0.390625)).squareRoot()) < 1e-9)
  }

  /// X10 on the images of the paper's experiment: 55,000 digits.
  @Test(
    .enabled(if: TestData.has("mnist/train-images-idx3-ubyte.gz"), "\(TestData.absence)"))
  func muOfMNIST() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "mnist.h5").path
      try MNISTImporter.run(
        sources: [
          "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
          "t10k-labels-idx1-ubyte.gz",
        ].map { try TestData.path("mnist/\($0)") }, to: file)
      let images = try ImageSet.open(file).limited(to: 55_000)
      let (norms, elements) = try norms(images)
      let mu = Double(elements) / (4 * norms.induced)
      #expect(mu > 330 && mu < 380)
      let t = try loop("lambda=70").shrinkage(norms, elements: elements)
        .threshold
      #expect(t > 0.18 && t < 0.21)
    }
  }
}
