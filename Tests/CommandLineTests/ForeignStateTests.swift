import Checkpoints
import Foundation
import HDF5
import MPI
import Support
import TestSupport
import Testing

/// Checkpoints with right checksums whose parts no run saves, or that do not belong together.
@Suite(.serialized) struct ForeignStateTests {
  /// A change of a checkpoint, and the words of the refusal.
  struct Change: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let words: String
    let apply: @Sendable (inout CheckpointContents) -> Void

    init(
      _ title: String, _ words: String,
      _ apply: @escaping @Sendable (inout CheckpointContents) -> Void
    ) {
      (testDescription, self.words, self.apply) = (title, words, apply)
    }
  }

  private static func number(_ name: String, _ value: Double, _ words: String) -> Change {
    Change("\(name)=\(value)", "/progress/values: \(name): found \(value), expected \(words)") {
      $0.progress.values[name] = value
    }
  }

  private static func setting(_ old: String, _ new: String, _ words: String) -> Change {
    Change("\(old) to \(new)", words) {
      precondition($0.configuration.contains(old))
      $0.configuration = $0.configuration.replacing(old, with: new)
    }
  }

  static let changes = [
    number("finished", .nan, "a number"), number("finished", 0.5, "an integer from 0 to 1"),
    number("epoch_term_loss", .nan, "a number"),
    number("epoch_term_reconstruction", 7, "1, as the 2 terms are numbered from 0"),
    number("epoch_sum_1", .nan, "a number"),
    number("warning_constant_output", .infinity, "an integer"),
    Change("image_width=27", ": found ") { $0.progress.values["image_width"] = 27 },
    Change("infinite weight", "/model/encoder.0.bias: found inf, expected finite numbers") {
      $0.model = $0.model.map {
        $0.name == "encoder.0.bias"
          ? NamedArray(
            name: $0.name, shape: $0.shape, values: [.infinity] + $0.values.dropFirst()) : $0
      }
    },
    setting("\"hidden\": [8]", "\"hidden\": [9]", ": found "),
    setting("\"seed\": 595", "\"seed\": 7", "/config: seed: found 7, expected 595 as in /progress"),
    setting(
      "\"exact\": false", "\"exact\": true", "/config: exact: found true, expected false as in "),
    setting("\"model\": \"ae\"", "\"model\": \"vae\"", ": found "),
  ]

  /// Every reader refuses it in one line; nothing of it is used.
  @Test(arguments: changes) func oneLineAndStatus65(change: Change) throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 64 --test 0 --out d.h5 --quiet", in: folder)
      let stopped = try Tool.run(
        "train mnist-ae --data d.h5 --out run --set hidden=8 --set latent=2 --set batch=16 "
          + "--set lanes=2 --set grid_every=0 --stop-after-step 2 --quiet", in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      let run = RunFolder("run", in: folder)
      var contents = try Checkpoint(
        directory: run.path.appending(path: "checkpoints/step-00000002").path
      ).contents()
      change.apply(&contents)
      var store = CheckpointStore(run: run.path.path)
      _ = try store.save(contents, keeping: Retention(last: 1, best: false), on: .alone())
      for command in ["denoise run --out o.h5", "evaluate run", "train --resume run --quiet"] {
        try BadInput(command, change.words, 65).expectFailure(ranks: nil, in: folder)
      }
      try BadInput("encode run --out o.h5", change.words, 65).expectFailure(ranks: 2, in: folder)
    }
  }

  /// With lambda=inf nothing enters S; its threshold is infinite, and no damage.
  @Test func anInfiniteThresholdIsSavedAndRead() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 128 --test 0 --out d.h5 --quiet", in: folder)
      let train = "train demo --data d.h5 --quiet \(tiny) --set lambda=inf --exact"
      try Tool.succeed("\(train) --out whole", in: folder)
      let stopped = try Tool.run("\(train) --out run --stop-after-step 3", in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      try Tool.succeed("train --resume run --quiet", ranks: 2, in: folder)
      let (run, whole) = (RunFolder("run", in: folder), RunFolder("whole", in: folder))
      #expect(try run.digests() == whole.digests())
      let progress = try Checkpoint(
        directory: run.path.appending(path: "checkpoints/latest").path
      ).progress()
      #expect(progress.values["threshold"] == .infinity)
      try Tool.succeed("denoise run --out o.h5", in: folder)
      let s: [Float] = try File.open(folder.appending(path: "o.h5").path).dataset("/S").readAll()
      #expect(s.allSatisfy { $0 == 0 })
    }
  }
}
