import Datasets
import Guard
import MPI
import Testing

@testable import Training

@Suite("Steps and epochs")
struct TrainerTests {
  @Test("Every row is seen once an epoch where batches fit", arguments: [false, true])
  func everyRowOnce(shuffled: Bool) throws {
    let run = try LinearTraining(["shuffle=\(shuffled)"], images: LinearTraining.images(64))
    #expect(run.trainer.stepsPerEpoch == 4)
    try run.train(8)
    #expect(run.model.microbatches.count == 8)
    let epochs = [
      run.model.microbatches[0..<4].flatMap { $0 }, run.model.microbatches[4..<8].flatMap { $0 },
    ]
    for epoch in epochs { #expect(epoch.sorted() == Array(0..<64)) }
    #expect((epochs[0] == epochs[1]) == !shuffled)
    #expect(run.trainer.progress.step == 8 && run.trainer.progress.imagesSeen == 128)
  }

  /// 50 rows in lanes of 12, 13, 12 and 13 take 4 steps of 4 rows each.
  ///
  /// At the end of its order, a lane continues from the start of the order.
  @Test("Where batches do not fit, lanes wrap around", arguments: [false, true])
  func lanesWrapAround(shuffled: Bool) throws {
    let run = try LinearTraining(["shuffle=\(shuffled)"], images: LinearTraining.images(50))
    #expect(run.trainer.stepsPerEpoch == 4)
    try run.train(4)
    #expect(run.model.microbatches.allSatisfy { $0.count == 16 })
    for lane in 0..<4 {
      let rows = run.trainer.lanes.rows(of: lane)
      let seen = run.model.microbatches.flatMap { $0[4 * lane..<4 * lane + 4] }
      #expect(Set(seen) == Set(rows))
      #expect(Array(seen[rows.count...]) == Array(seen[..<(16 - rows.count)]))
    }
  }

  @Test func unshuffledLanesAreReadInOrder() throws {
    let run = try LinearTraining(images: LinearTraining.images(64))
    try run.train(2)
    let starts = [0, 16, 32, 48]
    #expect(run.model.microbatches[0] == starts.flatMap { Array($0..<$0 + 4) })
    #expect(run.model.microbatches[1] == starts.flatMap { Array($0 + 4..<$0 + 8) })
  }

  @Test func exactModeMakesAMicrobatchOfEachLane() throws {
    let images = LinearTraining.images(64)
    let fast = try LinearTraining(["shuffle=true"], images: images)
    let exact = try LinearTraining(["shuffle=true", "exact=true"], images: images)
    try fast.train(3)
    try exact.train(3)
    #expect(
      exact.model.microbatches.count == 12 && exact.model.microbatches.allSatisfy { $0.count == 4 })
    for step in 0..<3 {
      #expect(
        exact.model.microbatches[4 * step..<4 * step + 4].flatMap { $0 }
          == fast.model.microbatches[step])
    }
  }

  /// Both modes add the same numbers in a different order.
  ///
  /// RMSprop with a large epsilon is a smooth function of the gradients, so weights differ only by
  /// rounding. Adam's first step is the sign of the gradient, which rounding can change.
  @Test func exactAndFastModeAgreeToRounding() throws {
    let settings = [
      "optimizer=rmsprop", "adam_epsilon=0.1", "learning_rate=0.01", "noise=gaussian:0.1",
    ]
    let fast = try LinearTraining(settings, images: LinearTraining.images(64))
    let exact = try LinearTraining(settings + ["exact=true"], images: LinearTraining.images(64))
    let before = fast.weights
    #expect(bits(before) == bits(exact.weights))
    try fast.train(20)
    try exact.train(20)
    let (moved, apart) = (
      distance(fast.weights, before), distance(fast.weights, exact.weights)
    )
    #expect(moved > 0.1)
    #expect(apart < 1e-5 * moved, "\(apart) after moving by \(moved)")
  }

  private func distance(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).map { Double(($0 - $1) * ($0 - $1)) }.reduce(0, +).squareRoot()
  }

  @Test(arguments: ["adam", "rmsprop"]) func theLossFalls(optimizer: String) throws {
    let run = try LinearTraining(
      ["optimizer=\(optimizer)", "learning_rate=0.01"], images: LinearTraining.images(64))
    func epochLoss() throws -> Double {
      try run.train(4)
      let means = try run.trainer.sums.epochMeans(batch: 16, on: run.trainer.world)
      #expect(means.named.map(\.name) == ["loss", "reconstruction"])
      #expect(means.loss == means[.reconstruction])
      return means.loss
    }
    let first = try epochLoss()
    var losses = [first]
    for _ in 0..<20 { losses.append(try epochLoss()) }
    // Binary cross-entropy of a guess of 1/2 on 16 pixels is 11.09 nats.
    #expect(first < 13)
    #expect(losses[20] < 0.93 * first, "\(losses)")
  }

  /// Fresh noise differs from step to step and from row to row, and is the same in both modes.
  @Test func freshNoiseChangesEveryStep() throws {
    let images = LinearTraining.images(16)
    func losses(_ settings: String...) throws -> [Double] {
      let run = try LinearTraining(["learning_rate=1e-30"] + settings, images: images)
      return try (0..<3).map { _ in
        try run.train(1)
        return try run.trainer.sums.stepMeans(batch: 16, on: run.trainer.world).loss
      }
    }
    let (plain, noisy) = (try losses(), try losses("noise=salt-pepper:0.3"))
    #expect(plain[0] == plain[1] && plain[1] == plain[2])
    #expect(Set(noisy + [plain[0]]).count == 4)
    let exact = try losses("noise=salt-pepper:0.3", "exact=true")
    for (a, b) in zip(noisy, exact) { #expect(abs(a - b) < 1e-5 * a) }
  }

  /// Static noise is the same in every epoch, and the clean images stay available.
  @Test func staticNoiseIsDrawnOnce() throws {
    let images = LinearTraining.images(16)
    let run = try LinearTraining(
      ["learning_rate=1e-30", "static_noise=salt-pepper:0.3"], images: images)
    #expect(run.trainer.images.values(0..<16) != images.values(0..<16))
    #expect(run.trainer.rows.clean?.values(0..<16) == images.values(0..<16))
    var losses: Set<Double> = []
    for _ in 0..<3 {
      try run.train(1)
      losses.insert(try run.trainer.sums.stepMeans(batch: 16, on: run.trainer.world).loss)
    }
    #expect(losses.count == 1)
  }

  /// Row 37 is in lane 2 (rows 32 to 47) and appears in its second batch.
  @Test func aLossThatIsNotFiniteEndsTheRun() throws {
    for (exact, lane) in [(true, 2), (false, 0)] {
      var pixels = LinearTraining.images(64).values(0..<64)
      pixels[37 * 16 + 5] = .nan
      let images = ImageSet(
        floats: pixels, shape: ImageShape(height: 4, width: 4, channels: 1))
      let run = try LinearTraining(["exact=\(exact)", "epochs=1"], images: images)
      let error = #expect(throws: NonFiniteError.self) { try run.session.train(epochs: 1) }
      // In fast mode all lanes of a rank are one microbatch, named by the first lane.
      #expect(
        error == NonFiniteError(step: 2, lane: lane, what: "the loss"), "exact \(exact)")
      #expect(error?.description.hasPrefix("step 2, lane \(lane): the loss is not finite") == true)
      #expect(error?.exitStatus == 1)
    }
  }

  @Test func batchesAndLanesThatDoNotFitAreRefused() throws {
    #expect(throws: ConfigurationError.self) {
      try LinearTraining(["batch=128"], images: LinearTraining.images(64))
    }
    #expect(throws: ConfigurationError.self) {
      try LinearTraining(["lanes=3"], images: LinearTraining.images(64))
    }
  }

  @Test func onlyTheFirstRowsCountWhereRowsIsSet() throws {
    let run = try LinearTraining(["rows=32", "shuffle=true"], images: LinearTraining.images(64))
    #expect(run.trainer.stepsPerEpoch == 2)
    try run.train(2)
    #expect(run.model.microbatches.flatMap { $0 }.sorted() == Array(0..<32))
  }
}
