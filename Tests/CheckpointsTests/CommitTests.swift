import Checkpoints
import Foundation
import Testing

/// Saving, replacing and pruning, and the remains of a killed run.
struct CheckpointCommits {
  let run: SampleRun

  init() throws { run = try SampleRun() }

  private func move(_ old: String, _ new: String) throws {
    try FileManager.default.moveItem(atPath: run.path(old), toPath: run.path(new))
  }

  @Test func theNewestStay() throws {
    for step in 1...5 { try run.save(step: step, last: 2) }
    #expect(try run.names() == ["latest", "step-00000004", "step-00000005"])
    #expect(try run.target("latest") == "step-00000005")
    #expect(try run.resume().checkpoint?.name == "step-00000005")
  }

  @Test func theBestStays() throws {
    for (step, score) in [(1, 3.0), (2, 1.0), (3, .nan), (4, 2.0), (5, 1.0)] {
      try run.save(step: step, score: score, last: 1)
    }
    #expect(try run.names() == ["best", "latest", "step-00000002", "step-00000005"])
    #expect(try run.target("best") == "step-00000002")
    try run.save(step: 6, score: 0.5, last: 1)
    #expect(try run.names() == ["best", "latest", "step-00000006"])
    try run.save(step: 7, last: 1, best: false)
    #expect(try run.names() == ["latest", "step-00000007"])
  }

  /// A low loss on other images is no better than a high one on these.
  @Test func scoresOverDifferentImagesAreNotCompared() throws {
    func save(step: Int, score: Double?, of images: Character?) throws {
      var contents = run.contents(step: step)
      contents.data = images.map {
        DataIdentity(
          digest: String(repeating: $0, count: 32), rows: 5, shape: [2, 3, 1], element: "uint8",
          path: "d.h5")
      }
      _ = try run.store.save(
        contents, score: score, of: "loss", keeping: Retention(last: 1, best: true), on: .alone())
    }
    try save(step: 1, score: 1, of: "a")
    try save(step: 2, score: 9, of: "b")
    #expect(try run.target("best") == "step-00000002")
    try save(step: 3, score: 10, of: "b")
    #expect(try run.names() == ["best", "latest", "step-00000002", "step-00000003"])
    // Right after the images have changed no score is known, so none is best.
    try save(step: 4, score: nil, of: "c")
    #expect(try run.names() == ["latest", "step-00000004"])
    // Earlier manifests do not say what their images were.
    try save(step: 5, score: 3, of: nil)
    try save(step: 6, score: 4, of: "c")
    #expect(try run.target("best") == "step-00000005")
  }

  /// An error of .05 is no better than a loss of 90; a checkpoint without a score loses no best
  /// one.
  @Test func scoresOfDifferentMeasuresAreNotCompared() throws {
    try run.save(step: 1, score: 0.05, last: 1)
    try run.save(step: 2, score: 90, of: "loss", last: 1)
    #expect(try run.target("best") == "step-00000002")
    try run.save(step: 3, score: 95, of: "loss", last: 1)
    try run.save(step: 4, of: "loss", last: 1)
    #expect(try run.names() == ["best", "latest", "step-00000002", "step-00000004"])
    // Earlier runs without a row state had no other measure than the loss or the bound.
    try run.save(step: 5, score: 80, last: 1, withRows: false)
    try run.save(step: 6, score: 85, of: "loss", last: 1, withRows: false)
    #expect(try run.target("best") == "step-00000005")
  }

  @Test func savingAStepAgainReplacesIt() throws {
    try run.save(step: 1)
    try run.save(step: 2)
    try run.save(step: 2, variant: 0.5, last: 1)
    #expect(try run.names() == ["latest", "step-00000002"])
    let checkpoint = try #require(try run.resume().checkpoint)
    #expect(try checkpoint.contents() == run.contents(step: 2, variant: 0.5))
    #expect(try run.rowState(0..<5, of: checkpoint).sparse == run.rows(variant: 0.5).sparse)
  }

  @Test func whatAKilledRunWasWritingIsIgnoredAndRemoved() throws {
    try run.save(step: 1)
    try FileManager.default.copyItem(
      atPath: run.path("step-00000001"), toPath: run.path(".step-00000002.partial"))
    try FileManager.default.copyItem(
      atPath: run.path("step-00000001"), toPath: run.path(".step-00000000.removed"))
    try FileManager.default.createSymbolicLink(
      atPath: run.path(".latest.new"), withDestinationPath: "step-00000002")
    let selection = try run.resume()
    #expect(selection.checkpoint?.name == "step-00000001")
    #expect(selection.skipped == [])
    #expect(try RunSummary(run: run.path).checkpoints.map(\.name) == ["step-00000001"])
    try run.save(step: 3)
    #expect(try run.names() == ["latest", "step-00000001", "step-00000003"])
  }

  /// The owner of a run may be taken for dead, and wake when another has its place: at the last
  /// moment, after it has made sure that the run is its own.
  @Test(arguments: [false, true]) func whoIsLateTouchesNothingOfTheNewOwner(saved: Bool) throws {
    let step = 3
    if saved { try run.save(step: step) }
    run.store.owner = "aaaa"
    let next = SampleRun(run, ownedBy: "bbbb")
    var calls = 0
    run.store.mayCommit = {
      calls += 1
      guard calls == 2 else { return }
      #expect(try next.names().contains(".step-00000003.aaaa.partial"))
      try next.store.removeUnfinished()
      try next.save(step: step, variant: 0.5)
      // And it is writing the next one.
      try FileManager.default.copyItem(
        atPath: next.path("step-00000003"), toPath: next.path(".step-00000004.bbbb.partial"))
    }
    #expect(throws: CheckpointError.self) { try run.save(step: step) }
    #expect(calls > 2)
    #expect(
      try run.names() == [".step-00000004.bbbb.partial", "latest", "step-00000003"])
    let checkpoint = try #require(try next.resume().checkpoint)
    #expect(try checkpoint.contents() == run.contents(step: step, variant: 0.5))
    // Nor does it clear away anything at its next save.
    run.store.mayCommit = nil
    try run.save(step: 5)
    #expect(try run.names().contains(".step-00000004.bbbb.partial"))
    try run.store.removeUnfinished()
    #expect(!(try run.names().contains(".step-00000004.bbbb.partial")))
  }

  /// A run that is lost while a checkpoint is written says so.
  @Test func aLostRunIsTheErrorOfItsCheckpoint() throws {
    struct Lost: Error {}
    try run.save(step: 1)
    let directory = run.store.directory
    var calls = 0
    run.store.mayCommit = {
      calls += 1
      if calls == 2 { try FileManager.default.removeItem(atPath: directory) }
      if calls == 3 { throw Lost() }
    }
    #expect(throws: Lost.self) { try run.save(step: 2) }
  }

  @Test func aRunKilledBetweenTheTwoRenamesStillHasTheOldCheckpoint() throws {
    try run.save(step: 2, last: 1)
    try FileManager.default.copyItem(
      atPath: run.path("step-00000002"), toPath: run.path(".step-00000002.partial"))
    try move("step-00000002", ".step-00000002.replaced")
    let selection = try run.resume()
    let checkpoint = try #require(selection.checkpoint)
    #expect(selection.skipped == [])
    #expect(try checkpoint.contents() == run.contents(step: 2))
    #expect(try RunSummary(run: run.path).newest?.name == ".step-00000002.replaced")
    try run.save(step: 2, variant: 1, last: 1)
    #expect(try run.names() == ["latest", "step-00000002"])
    #expect(try run.resume().checkpoint?.contents() == run.contents(step: 2, variant: 1))
  }

  @Test func aRunKilledAfterTheSecondRenameHasTheNewCheckpoint() throws {
    try run.save(step: 2)
    try move("step-00000002", ".step-00000002.replaced")
    try FileManager.default.copyItem(
      atPath: run.path(".step-00000002.replaced"), toPath: run.path("step-00000002"))
    #expect(try RunSummary(run: run.path).checkpoints.map(\.name) == ["step-00000002"])
    #expect(try run.resume().checkpoint?.name == "step-00000002")
    // If the new checkpoint is damaged, the old one is still good, and saving again never drops
    // both.
    try run.flip(1, at: 2050, of: "step-00000002/checkpoint.h5")
    #expect(try run.resume().checkpoint?.name == ".step-00000002.replaced")
    try run.save(step: 2)
    #expect(try run.names() == ["latest", "step-00000002"])
    #expect(try run.resume().skipped == [])
  }

  @Test func whatWasReplacedDoesNotComeBack() throws {
    try run.save(step: 2)
    try FileManager.default.copyItem(
      atPath: run.path("step-00000002"), toPath: run.path(".step-00000002.replaced"))
    #expect(try run.resume().checkpoint?.name == "step-00000002")
    for step in [3, 4] {
      try run.save(step: step, last: 1)
      #expect(try run.names() == ["latest", "step-0000000\(step)"])
    }
  }

  @Test func savesThatFailLeaveEverythingAsItWas() throws {
    try run.save(step: 1)
    // Make the run's path a file, so that the hidden directory has no place.
    let other = try SampleRun()
    try FileManager.default.removeItem(atPath: other.path)
    try Data().write(to: URL(fileURLWithPath: other.path))
    let error = try #require(throws: (any Error).self) { try other.save(step: 1) }
    #expect("\(error)".contains("step-00000001: not saved: "))
    #expect("\(error)".contains("not a directory"))
    #expect(try run.resume().checkpoint?.name == "step-00000001")
  }
}
