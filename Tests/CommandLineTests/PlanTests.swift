import Foundation
import TestSupport
import Testing
import Training

/// The predictions of `cleave plan` for a run.
@Suite(.serialized) struct PlanTests {
  private let settings =
    "mnist-rvae-beta --data d.h5 --set batch=64 --set outer_iterations=2 --set inner_epochs=1"

  /// The real run's peak memory is within 10 % of the prediction.
  @Test(arguments: [1, 2, 4]) func memoryIsAsPredicted(ranks: Int) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(6000, in: folder)
      let plan = try Tool.document("plan \(settings) -n \(ranks) --json --quiet", in: folder)
      let predicted = try #require(plan["total_bytes"]?.number)
      let run = try Tool.run("train \(settings) --out run", ranks: ranks, in: folder)
      #expect(run.status == 0, "\(run)")
      let line = try #require(
        run.errors.split(separator: "\n").first { $0.hasPrefix("peak memory: ") })
      let words = line.split(separator: " ")
      #expect(words[3].hasPrefix("MiB"))
      let peak = try #require(Double(words[2])) * 0x1p20
      #expect(abs(predicted / peak - 1) < 0.1, "\(predicted / 0x1p20) MiB predicted; \(line)")
    }
  }

  /// Half of the gradients and of the values leave each of two nodes; a slow network makes the
  /// second useless.
  @Test func theNetworkCounts() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1000, in: folder)
      let line = "plan \(settings) --set hidden=64 --set latent=8 -n 2 --per-node 1 --quiet"
      let slow = try Tool.document(line + " --network 0.01 --json", in: folder)
      let bytes = try #require(slow["host_bytes_per_step"]?.integer)
      let parameters = try #require(slow["parameters"]?.integer)
      // Slots are padded to whole cache lines.
      #expect((4 * parameters...4 * parameters + 8 * 64 * 8).contains(bytes))
      let messages = try #require(slow["seconds_of_messages"]?.number)
      #expect(abs(messages - Double(bytes) * 8 / 1e7) < 1e-9)
      let step = try #require(slow["seconds_per_step"]?.number)
      #expect(step >= messages && step > slow["seconds_per_step_on_one_node"]?.number ?? .infinity)
      let text = try Tool.succeed(line + " --network 0.01", in: folder)
      #expect(text.contains("More nodes do not pay: one alone takes "), "\(text)")
      let unknown = try Tool.succeed(line, in: folder)
      #expect(unknown.contains("give its speed by --network GBITS"), "\(unknown)")
      let alone = try Tool.document("plan \(settings) -n 2 --json --quiet", in: folder)
      #expect(alone["host_bytes_per_step"] == .integer(0) && alone["network_gbits"] == .null)
      let wrong = try Tool.run(line + " --network fast", in: folder)
      #expect(wrong.status == 64 && wrong.errors.contains("--network: found fast"), "\(wrong)")
    }
  }

  /// Sizes that follow only from the configuration.
  @Test func sizesAreThoseOfTheRun() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1000, in: folder)
      let further = "--set hidden=64 --set latent=8 --set split_storage=compact"
      let plan = try Tool.document("plan \(settings) \(further) -n 4 --json --quiet", in: folder)
      // 784-64-(8, 8) and 8-64-784, with biases.
      let parameters = 785 * 64 + 2 * 65 * 8 + 9 * 64 + 65 * 784
      #expect(plan["parameters"] == .integer(parameters))
      let forward = 2 * (784 * 64 + 2 * 64 * 8 + 8 * 64 + 64 * 784)
      // Products forward, for weights and for inputs, without the gradient of the images.
      #expect(plan["flops_per_image"]?.number == Double(3 * forward - 2 * 784 * 64))
      let memory = try #require(plan["per_rank_bytes"])
      #expect(memory["split"] == .integer(250 * 784 * 3))
      #expect(memory["images"] == .integer(250 * 784 * 2))
      for kind in ["parameters", "optimizer", "workspace", "process"] {
        #expect(try #require(memory[kind]?.number) > 0)
      }
      // Each rank's gradient goes to the other ranks in slices; each slice returns to three ranks.
      let padded = try #require(plan["wire_bytes_per_step"]?.number) / 4 / 6
      #expect(padded >= Double(parameters) && padded < 1.02 * Double(parameters))
      #expect(plan["steps_per_epoch"] == .integer(16))
      try Tool.succeed("train \(settings) \(further) --out run --quiet", ranks: 4, in: folder)
      let info = try Tool.document("info run --json", in: folder)
      guard case .array(let checkpoints) = info["checkpoints"] else {
        Issue.record("no checkpoints: \(info)")
        return
      }
      let bytes = try #require(checkpoints.last?["bytes"]?.number)
      let predicted = try #require(plan["checkpoint_bytes"]?.number)
      #expect(abs(predicted / bytes - 1) < 0.05)
    }
  }

  /// Images that are still to come are planned like those of a file.
  @Test func imagesToComeArePlanned() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 3000 --test 0 --out c.h5 --quiet", in: folder)
      let rest = "--set batch=64 --set outer_iterations=3 --set inner_epochs=4 -n 2 --quiet"
      let text = try Tool.succeed(
        "plan mnist-rvae-beta --rows 3000 --shape 28x28 \(rest)", in: folder)
      #expect(text.contains("at most: 12 epochs, 3 projections; "), "\(text)")
      #expect(text.contains(" core hours"), "\(text)")
      let plans = try ["--rows 3000 --shape 28x28x1", "--data c.h5"].map {
        try Tool.document("plan mnist-rvae-beta \($0) \(rest) --json", in: folder)
      }
      for name in [
        "rows", "batch", "parameters", "flops_per_image", "wire_bytes_per_step",
        "checkpoint_bytes", "steps_per_epoch", "images_mapped", "epochs", "projections",
      ] {
        #expect(plans[0][name] == plans[1][name] && plans[0][name] != nil, "\(name)")
      }
      for part in ["images", "split", "parameters", "optimizer"] {
        let sizes = plans.map { $0["per_rank_bytes"]?[part]?.integer }
        #expect(sizes[0] == sizes[1] && sizes[0] != nil, "\(part)")
      }
      let bytes = try plans.map { try #require($0["total_bytes"]?.number) }
      #expect(abs(bytes[0] / bytes[1] - 1) < 0.03, "\(bytes)")
      let plan = plans[0]
      let (epoch, projection, all, hours) = (
        try #require(plan["seconds_per_epoch"]?.number),
        try #require(plan["seconds_per_projection"]?.number),
        try #require(plan["seconds_total"]?.number), try #require(plan["core_hours"]?.number)
      )
      #expect(abs(all - 12 * epoch - 3 * projection) < 1e-9 * all)
      #expect(abs(hours - 2 * all / 3600) < 1e-9 * hours)
      for (words, message) in [
        ("--rows 3000", "--rows N and --shape HxWxC go together"),
        ("--shape 28x28", "--rows N and --shape HxWxC go together"),
        ("--rows 3 --data c.h5", "--rows goes without --data; --set rows=N takes"),
        ("--rows 300 --shape 28x28 --layout nchw", "describe the file of --data"),
        ("", "missing --data, or --rows N"),
        ("--rows 10 --shape 28x28", "batch: found 200"),
      ] {
        let run = try Tool.run("plan mnist-rvae-beta \(words)", in: folder)
        #expect(run.status == 64 && run.errors.contains(message), "\(words): \(run)")
      }
    }
  }

  @Test func whatCannotRunIsNotPlanned() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(200, in: folder)
      for (words, message) in [
        ("plan demo", "missing --data"),
        ("plan demo --data d.h5 -n 0", "-n: found 0"),
        ("plan demo --data d.h5 -n 9", "9 ranks for 8 lanes"),
        ("plan demo --data no.h5", "no.h5: no such file"),
        ("plan demo --data d.h5 --set batch=256", "batch: found 256"),
      ] {
        let run = try Tool.run(words, in: folder)
        #expect(run.status == (message.hasPrefix("no.h5") ? 65 : 64), "\(run)")
        #expect(run.errors.contains(message), "\(run)")
        #expect(run.output == "")
      }
      #expect(try contents(of: folder).count == 2)
    }
  }
}
