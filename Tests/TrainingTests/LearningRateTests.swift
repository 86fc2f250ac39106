import Foundation
import Testing
import Training

@Suite("Learning rates")
struct LearningRateTests {
  private func rate(_ schedule: String, _ epoch: Int, of epochs: Int, _ rate: Double) throws
    -> Double
  {
    var c = OptimizerSettings()
    c.learningRate = rate
    c.learningRateSchedule = try #require(LearningRateSchedule(rawValue: schedule))
    return c.learningRate(epoch: epoch, of: epochs)
  }

  /// docs/expected-mnist.md, section B: 1e-3, 4.8e-4, 2.3e-4, 1.1e-4 from epochs 0, 2, 8, 26.
  @Test func ofTheDVAEAuthors() throws {
    let stages = [
      (0, 1e-3), (1, 1e-3), (2, 4.8e-4), (7, 4.8e-4), (8, 2.3e-4), (25, 2.3e-4), (26, 1.1e-4),
      (59, 1.1e-4),
    ]
    for (epoch, expected) in stages {
      #expect(abs(try rate("dvae", epoch, of: 60, 1e-3) / expected - 1) < 0.03, "epoch \(epoch)")
    }
    // 5000 epochs: c = 7.12, and epoch 2186 begins the eighth stage.
    let c = log(2500.0) / log(3)
    #expect(abs(c - 7.12) < 0.005)
    for (epoch, stage) in [(2185, 6.0), (2186, 7.0), (4999, 7.0)] {
      #expect(abs(try rate("dvae", epoch, of: 5000, 1) - pow(10, -stage / c)) < 1e-12)
    }
  }

  @Test("Runs of one or two epochs, where the published rule divides by zero", arguments: [1, 2])
  func shortRuns(epochs: Int) throws {
    for epoch in 0..<epochs { #expect(try rate("dvae", epoch, of: epochs, 0.5) == 0.5) }
  }

  @Test func onFreyFaces() throws {
    #expect(try rate("frey", 0, of: 3000, 0.002) == 0.002)
    #expect(abs(try rate("frey", 1500, of: 3000, 0.002) - 0.002 / 1.5) < 1e-15)
  }

  @Test func ofTheIWAEAuthors() throws {
    let stages = [
      (0, 10.0), (1, 7.2), (3, 7.2), (4, 5.2), (13, 3.7), (40, 2.7), (121, 1.9), (364, 1.4),
      (1093, 1.0), (3279, 1.0),
    ]
    for (epoch, expected) in stages {
      #expect(abs(try rate("iwae", epoch, of: 3280, 1) - expected) < 1e-12, "epoch \(epoch)")
    }
  }

  @Test func constant() throws {
    #expect(try rate("constant", 77, of: 100, 0.01) == 0.01)
  }
}
