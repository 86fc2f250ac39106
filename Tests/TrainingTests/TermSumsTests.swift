import Checkpoints
import Datasets
import Layers
import MPI
import Testing

@testable import Training

@Suite("Sums of losses and their parts")
struct TermSumsTests {
  private static let parts = (0..<9).map { LossPart.other("part \($0)") }

  /// Two steps of two lanes: the loss of lane v is 10 v + 1, its part i is 100 v + i.
  private func sums(_ parts: [LossPart] = Self.parts) -> TermSums {
    var sums = TermSums(lanes: 2)
    for _ in 0..<2 {
      sums.beginStep()
      for lane in 0..<2 {
        sums.add(loss: Double(10 * lane + 1), lane: lane)
        let terms = parts.enumerated().map { (part: $1, sum: Double(100 * lane + $0)) }
        sums.add(terms, lane: lane)
      }
      sums.endStep()
    }
    return sums
  }

  /// However many parts there are, none gets into the loss of another lane.
  @Test(arguments: [0, 1, 7, 8, 9]) func partsStayApart(count: Int) throws {
    let parts = Array(Self.parts.prefix(count))
    let means = try sums(parts).epochMeans(batch: 1, on: .alone())
    #expect(means.loss == 12)
    #expect(means.parts.map(\.part) == parts)
    for (i, part) in parts.enumerated() { #expect(means[part] == Double(100 + 2 * i)) }
    #expect(means[.kl] == nil)
  }

  /// A part that a lane leaves out, or reports later, counts for itself all the same.
  @Test func partsGoByTheirNames() throws {
    var sums = TermSums(lanes: 1)
    sums.beginStep()
    sums.add([(part: .kl, sum: 1), (part: .reconstruction, sum: 2)], lane: 0)
    sums.add([(part: .reconstruction, sum: 4)], lane: 0)
    sums.endStep()
    let means = try sums.stepMeans(batch: 1, on: .alone())
    #expect(means[.kl] == 1 && means[.reconstruction] == 6)
  }

  /// What a checkpoint keeps as numbers by name comes back as it was, also with many parts.
  @Test(arguments: [0, 3, 7, 9]) func progressSurvivesACheckpoint(count: Int) throws {
    var progress = TrainingProgress()
    (progress.outer, progress.epoch, progress.stepInEpoch, progress.step) = (2, 3, 4, 55)
    (progress.imagesSeen, progress.totalEpochs, progress.skippedSteps) = (990, 13, 2)
    progress.warnings = [.constantOutput]
    let saved = SavedProgress(
      progress, epoch: try sums(Array(Self.parts.prefix(count))).saved(on: .alone()),
      imageShape: ImageShape(height: 6, width: 5, channels: 3), threshold: 0.25)
    let stored = Checkpoints.Progress(
      seed: 1, lanes: 2, outer: progress.outer, epoch: progress.totalEpochs, step: progress.step,
      imagesSeen: progress.imagesSeen, exact: true, blasKernel: "any", values: saved.values)
    #expect(try SavedProgress(stored, in: "checkpoint.h5") == saved)
  }
}
