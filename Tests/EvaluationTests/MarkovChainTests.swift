import Autodiff
import Datasets
import Foundation
import Layers
import MPI
import Models
import Runs
import Tensors
import TestSupport
import Testing
import Training

@testable import Evaluation

/// An encoder and a decoder that change nothing.
private struct IdentityMaps: Autoencoder {
  let latent = 100
  func encode(_ x: Variable) -> Code { Code(mean: x) }
  func decode(_ z: Variable) -> Variable { z }
}

/// The same maps, with codes of variance 1.
private struct DrawnCodes: Autoencoder {
  let latent = 100
  func encode(_ x: Variable) -> Code {
    Code(mean: x, logVariance: x.tape.constant(x.shape))
  }
  func decode(_ z: Variable) -> Variable { z }
}

@Suite("Markov chains")
struct MarkovChainTests {
  private func chain(_ noise: Corruption, _ columns: Int, seed: UInt64) -> MarkovChain {
    let shape = ImageShape(height: 1, width: columns, channels: 1)
    return MarkovChain(IdentityMaps(), noise: noise, images: shape, seed: seed)
  }

  private func start(_ rows: Int, _ columns: Int) -> Variable {
    let x = Tape().constant(Shape(rows, columns))
    for i in 0..<rows * columns { x.pointer[i] = Float(i % 10) / 10 }
    return x
  }

  /// X36: with identity maps and noise s, x(t) - x(0) has variance t s²; without noise nothing
  /// changes; x(0) is the start.
  @Test func identityMapsMakeARandomWalk() {
    let (rows, columns) = (200, 100)
    let x = start(rows, columns)
    let before = x.values
    let walk = chain(.gaussian(0.5), columns, seed: 3)
    #expect(bits(walk.run(0, from: x, rows: 0..<rows).values) == bits(before))
    for steps in [1, 4, 9] {
      let moved = zip(walk.run(steps, from: x, rows: 0..<rows).values, before)
        .map { Double($0) - Double($1) }
      let variance = moved.map { $0 * $0 }.reduce(0, +) / Double(moved.count)
      #expect(abs(variance / (0.25 * Double(steps)) - 1) < 0.05, "\(steps) steps: \(variance)")
    }
    let still = chain(.none, columns, seed: 3)
    #expect(bits(still.run(5, from: x, rows: 0..<rows).values) == bits(before))
  }

  /// A variational encoder's codes are draws of q, so each step adds their variance to the noise's;
  /// or they are means.
  @Test func codesAreDrawnUnlessMeansAreAskedFor() {
    let (rows, columns) = (200, 100)
    let x = start(rows, columns)
    let before = x.values
    let shape = ImageShape(height: 1, width: columns, channels: 1)
    for (isSampling, variance) in [(true, 1.25), (false, 0.25)] {
      let walk = MarkovChain(
        DrawnCodes(), noise: .gaussian(0.5), images: shape, seed: 3, sampling: isSampling)
      let moved = zip(walk.run(4, from: x, rows: 0..<rows).values, before)
        .map { Double($0) - Double($1) }
      let found = moved.map { $0 * $0 }.reduce(0, +) / Double(moved.count) / 4
      #expect(abs(found / variance - 1) < 0.05, "\(found)")
    }
  }

  /// A chain is a function of its seed and its row, beside any other chains.
  @Test func chainsAreKeyedByRow() {
    let walk = chain(.gaussian(0.5), 10, seed: 3)
    let all = walk.run(3, from: start(20, 10), rows: 0..<20).values
    let part = walk.run(3, from: start(10, 10), rows: 10..<20).values
    #expect(bits(Array(all[100...])) == bits(part))
    let other = chain(.gaussian(0.5), 10, seed: 4)
    #expect(other.run(3, from: start(20, 10), rows: 0..<20).values != all)
  }

  private func trained(_ settings: [String], in folder: URL) throws -> TrainedModel {
    let path = folder.appending(path: "digits.h5").path
    if !FileManager.default.fileExists(atPath: path) {
      try SyntheticDigits.write(count: 64, test: 0, seed: 1, to: path)
    }
    var c = Configuration()
    for setting in [
      "hidden=16", "discriminator_hidden=8", "latent=2", "batch=32", "epochs=1", "grid_every=0",
    ] + settings { try c.set(setting) }
    let directory = RunDirectory(folder.appending(path: settings[0]).path)
    _ = try TrainingRun.start(c, on: .open(path), in: directory, world: .alone())
    return try TrainedModel(run: directory, on: .alone())
  }

  /// Default sampling of models: an AAE from its prior, a DAAE with one step of the chain; an AE
  /// needs an option.
  @Test func modelsSampleAsTheyCallFor() throws {
    try withTemporaryFolder { folder in
      func samples(
        _ model: TrainedModel, chain: Int? = nil, start: Sampler.Start = .prior,
        codes: Sampler.Codes = .sample
      ) throws -> [UInt32] {
        let sampler = try Sampler(model, seed: 5, chain: chain, start: start, codes: codes)
        return bits(sampler.samples(0..<6).values)
      }
      for model in ["vae", "dvae"] {
        let variational = try trained(["model=\(model)"], in: folder)
        let drawn = try samples(variational, chain: 2)
        #expect(try drawn == samples(variational, chain: 2))
        #expect(try drawn != samples(variational, chain: 2, codes: .mean))
      }
      let aae = try trained(["model=aae"], in: folder)
      #expect(try samples(aae) == samples(aae, chain: 0))
      let daae = try trained(["model=daae", "noise=gaussian:0.5"], in: folder)
      #expect(try samples(daae) == samples(daae, chain: 1))
      #expect(try samples(daae) != samples(daae, chain: 0))
      #expect(try samples(daae, chain: 2) == samples(daae, chain: 2, start: .normal))
      #expect(try samples(daae, chain: 2) == samples(daae, chain: 2, codes: .mean))
      let ae = try trained(["model=ae"], in: folder)
      #expect(throws: ConfigurationError.self) { try samples(ae) }
      #expect(try !samples(ae, chain: 1).isEmpty)
      let gan = try trained(["model=gan"], in: folder)
      #expect(try !samples(gan).isEmpty)
      #expect(throws: ConfigurationError.self) { try samples(gan, chain: 1) }
      let mixture = try trained(["model=idaae", "prior=gmm10", "noise=gaussian:0.5"], in: folder)
      #expect(try samples(mixture, chain: 0) != samples(mixture, chain: 0, start: .normal))
    }
  }
}

private func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
