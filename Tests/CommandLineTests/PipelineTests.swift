import Foundation
import HDF5
import Support
import TestSupport
import Testing
import Training

/// Runs with two stages: one result on any ranks, after stops, and after kills at any place.
@Suite(.serialized) struct PipelineTests {
  /// A VAE behind a first stage, on 203 rows: 4 steps an epoch, 12 in all.
  static let model = "--data d.h5 \(settings)"
  static let settings =
    "--set hidden=16 --set latent=3 --set batch=64 --set lanes=4 --set epochs=3 "
    + "--set log_every=1 --set grid_every=0 --quiet"
  /// First stages with a step after which they can be stopped: a fit that converges, one that does
  /// not, a filter of one step, and a robust model of 16 steps.
  static let firsts: [(String, Int?)] = [
    ("first=mnist-rpca rpca_tolerance=0.02", 3), ("first=mnist-rpca epochs=3", 2),
    ("first=lpf", nil),
    ("first=mnist-rda hidden=16 latent=3 batch=64 outer_iterations=2 inner_epochs=2 lambda=50", 6),
  ]

  static func train(_ first: String, _ line: String, ranks: Int? = nil, in folder: URL) throws
    -> Run
  {
    try Tool.run(
      ["train", "mnist-vae", "--set", first]
        + "\(model) \(line)".split(separator: " ").map(String.init),
      ranks: ranks, in: folder)
  }

  /// The images of a file, as floats.
  static func images(_ path: String, _ dataset: String = "/train/images", in folder: URL) throws
    -> [Float]
  {
    try File.open(folder.appending(path: path).path).dataset(dataset).readAll(as: Float.self)
  }

  /// What a run has reached: digests of both stages, and L between them.
  private func state(_ name: String, in folder: URL) throws -> [JSONValue] {
    let (run, first) = (RunFolder(name, in: folder), RunFolder("\(name)/first", in: folder))
    let l = try Self.images("\(name)/first.h5", in: folder)
    return [try run.digests(), try first.digests()] + (try run.log()) + (try first.log())
      + [.array(l.map { .real(Double($0)) })]
  }

  /// `exact` runs are equal on 1 and 3 ranks, and after a stop on 2 in the first stage.
  @Test(arguments: firsts) func oneResultOnAnyRanks(first: String, stop: Int?) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(203, in: folder)
      var expected: [JSONValue] = []
      for ranks in [1, 3] {
        let run = try Self.train(first, "--exact --out p\(ranks)", ranks: ranks, in: folder)
        #expect(run.status == 0, "\(run)")
        let found = try state("p\(ranks)", in: folder)
        if ranks == 1 { expected = found }
        #expect(found == expected, "\(first) on \(ranks) ranks")
      }
      guard let stop else { return }
      let stopped = try Self.train(
        first, "--exact --out r --stop-after-step \(stop)", ranks: 2, in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      #expect(try Tool.document("info r --json", in: folder)["stage"]?["number"] == .integer(1))
      try Tool.succeed("train --resume r --quiet", ranks: 3, in: folder)
      #expect(try state("r", in: folder) == expected, "\(first) after a stop")
    }
  }

  /// Stops in the second stage, at the end of an epoch and in the middle of one; fast mode, too.
  @Test func stopsInTheSecondStage() throws {
    let ranks = 2
    try withTemporaryFolder { folder in
      try prepareDigits(203, in: folder)
      let run = try Self.train("first=lpf", "--out whole", ranks: ranks, in: folder)
      #expect(run.status == 0, "\(run)")
      for step in [4, 7] {
        let stopped = try Self.train(
          "first=lpf", "--out cut-\(step) --stop-after-step \(step)", ranks: ranks, in: folder)
        #expect(stopped.status == 75, "\(stopped)")
        try Tool.succeed("train --resume cut-\(step) --quiet", ranks: ranks, in: folder)
        #expect(try state("cut-\(step)", in: folder) == state("whole", in: folder))
      }
    }
  }

  /// The second stage is the run that its system makes of first.h5.
  @Test(arguments: ["clip", "raw"]) func theSecondStageIsARunOnTheFirst(range: String) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(203, in: folder)
      let first = Self.firsts[0].0
      let run = try Self.train(first, "--out run --set first_range=\(range)", in: folder)
      #expect(run.status == 0, "\(run)")
      try Tool.succeed(
        "train mnist-vae --out plain \(Self.settings) --data run/first.h5", in: folder)
      let (two, one) = (RunFolder("run", in: folder), RunFolder("plain", in: folder))
      #expect(try two.digests() == one.digests())
      #expect(try two.log() == one.log())
      // L is that of denoise, which rounds it to bytes, where it is within [0, 1].
      try Tool.succeed("denoise run/first --out l.h5 --quiet", in: folder)
      let (l, bytes) = (
        try Self.images("run/first.h5", in: folder), try Self.images("l.h5", "/L", in: folder)
      )
      #expect(l.contains { $0 < 0 || $0 > 1 } == (range == "raw"))
      let largest = zip(l, bytes).map { abs(min(max($0, 0), 1) * 255 - $1) }.max()
      #expect(try #require(largest) < 0.5001)
      #expect(
        try File.open(folder.appending(path: "run/first.h5").path)
          .dataset("/train/labels").readAll(as: Int32.self).count == 203)
    }
  }

  /// Noise that a run draws once is on the X of its first stage alone.
  @Test func staticNoiseIsOnTheImagesOfTheFirstStage() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 203 --test 0 --out clean.h5", in: folder)
      try Tool.succeed(
        "corrupt clean.h5 d.h5 --noise salt-pepper:0.25 --seed 595", in: folder)
      let first = Self.firsts[3].0
      #expect(try Self.train(first, "--out stored", in: folder).status == 0)
      let drawn = try Tool.run(
        ["train", "mnist-vae", "--set", first]
          + Self.settings.split(separator: " ").map(String.init)
          + [
            "--data", "clean.h5", "--out", "drawn", "--set", "static_noise=salt-pepper:0.25",
            "--set", "grid_every=1",
          ],
        in: folder)
      #expect(drawn.status == 0, "\(drawn)")
      #expect(
        try Self.images("drawn/first.h5", in: folder) == Self.images("stored/first.h5", in: folder))
      let errors = try ["stored --data d.h5", "drawn --data clean.h5"].map {
        try Tool.document("evaluate \($0) --json --metrics mse", in: folder)["metrics"]
      }
      #expect(errors[0] == errors[1])
    }
  }

  // MARK: - Kills

  /// Ranks are killed in the first stage, while L is handed over, and in the second stage.
  @Test func killedRanksLoseNothing() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      let first =
        "first=mnist-rda hidden=16 latent=3 batch=64 outer_iterations=4 inner_epochs=1 log_every=1"
      let line =
        "mnist-vae \(Self.model) --set epochs=6 --set checkpoint_epochs=1 --out "
      func job(_ words: [String]) throws -> Job {
        try Job.product("cleave", ["train"] + words, ranks: 2, in: folder)
      }
      func words(_ name: String) -> [String] {
        (line + name).split(separator: " ").map(String.init) + ["--set", first]
      }
      #expect(try job(words("whole")).end().status == 0)
      let expected = try state("whole", in: folder)
      var kills: [String: Int] = [:]
      for attempt in 0..<3 {
        let name = "run-\(attempt)"
        let path = folder.appending(path: name)
        func exists(_ place: String) -> Bool {
          FileManager.default.fileExists(atPath: path.appending(path: place).path)
        }
        func places() -> [String] {
          (try? FileManager.default.contentsOfDirectory(atPath: path.path)) ?? []
        }
        var command = words(name)
        // One kill in each stage, and one between them, at random moments.
        for place in ["first", "between", "second"] {
          let job = try job(command)
          command = ["--resume", name, "--quiet"]
          let isThere = job.waits {
            guard job.children.count == 2 else { return false }
            switch place {
            case "first": return exists("first/metrics.jsonl") && !exists("first.h5")
            case "between":
              return places().contains { $0.hasPrefix(".first.h5") } || exists("first.h5")
            default: return exists("metrics.jsonl")
            }
          }
          if place != "between" { usleep(UInt32.random(in: 0..<250_000)) }
          if isThere, let rank = job.children.randomElement(), kill(rank, SIGKILL) == 0 {
            let isBetween = exists("first.h5") || places().contains { $0.hasPrefix(".first.h5") }
            let stage = exists("metrics.jsonl") ? "second" : isBetween ? "between" : "first"
            kills[stage, default: 0] += 1
          }
          let end = try job.end()
          #expect(!end.timedOut, "\(end)")
        }
        let end = try job(command).end()
        #expect(end.status == 0, "\(end)")
        #expect(try state(name, in: folder) == expected, "\(name), \(kills)")
        #expect(!places().contains { $0.hasPrefix(".") }, "\(places())")
      }
      print("ranks killed: \(kills)")
      #expect(["first", "between", "second"].allSatisfy { kills[$0, default: 0] > 0 }, "\(kills)")
    }
  }

  /// A process that dies while it writes L leaves a hidden file; the next removes it and writes anew.
  @Test func whatAKilledHandOverLeavesIsRemoved() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(203, in: folder)
      #expect(try Self.train("first=lpf", "--out whole", in: folder).status == 0)
      let run = folder.appending(path: "whole")
      let expected = try state("whole", in: folder)
      // As it stands after a kill in that moment.
      let manager = FileManager.default
      try manager.moveItem(
        at: run.appending(path: "first.h5"),
        to: run.appending(path: ".first.h5.0123456789abcdef-1-0123456789abcdef"))
      for name in ["metrics.jsonl", "checkpoints"] {
        try manager.removeItem(at: run.appending(path: name))
      }
      let info = try Tool.document("info whole --json", in: folder)
      #expect(info["stage"]?["number"] == .integer(1) && info["finished"] == .boolean(false))
      try Tool.succeed("train --resume whole --quiet", in: folder)
      #expect(try state("whole", in: folder) == expected)
      let left = try manager.contentsOfDirectory(atPath: run.path)
      #expect(!left.contains { $0.hasPrefix(".") }, "\(left)")
    }
  }
}
