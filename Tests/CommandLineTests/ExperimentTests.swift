import Experiments
import Foundation
import Support
import TestSupport
import Testing

/// `cleave experiment`: every experiment at its smallest scale, by real processes.
@Suite(.serialized) struct ExperimentTests {
  /// All experiments in one folder: each makes its table, and runs are made once.
  @Test func everyExperimentMakesItsTable() throws {
    try withTemporaryFolder { folder in
      var made: [String: Set<String>] = [:]
      for name in ExperimentCatalogue.names {
        let before = try Self.runs(folder)
        let run = try Tool.run("experiment run \(name) --scale smoke --out e -n 2", in: folder)
        #expect(run.status == 0, "\(name)\n\(run)")
        made[name] = try Self.runs(folder).subtracting(before)
        let page = try String(contentsOf: folder.appending(path: "e/\(name).md"), encoding: .utf8)
        #expect(page.hasPrefix("# ") && page.contains("| --- |"), "\(page)")
        #expect(!page.contains("fails"), "\(page)")
      }
      // Experiments with the same settings share their runs.
      for (name, other) in [
        ("ric-figure-3a", "ric-figure-2"), ("ric-figure-3b", "ric-figure-2"),
        ("daae-table-5", "daae-table-4"), ("daae-table-6", "daae-table-4"),
      ] {
        #expect(made[name]?.isEmpty == true, "\(name) has runs beside those of \(other)")
      }
      // Tables are made anew from the results alone.
      let results = folder.appending(path: "results")
      try FileManager.default.createDirectory(at: results, withIntermediateDirectories: true)
      for name in ["noise-models", "rvae-figure-2", "rvae-figure-3b"] {
        try FileManager.default.copyItem(
          at: folder.appending(path: "e/\(name).json"),
          to: results.appending(path: "\(name).json"))
      }
      try Tool.succeed("experiment table results", in: folder)
      for file in ["noise-models.md", "noise-models-1.svg", "rvae-figure-2.md"] {
        let (one, other) = (
          folder.appending(path: "e/\(file)"), results.appending(path: file)
        )
        #expect(try Data(contentsOf: one) == Data(contentsOf: other), "\(file)")
      }
    }
  }

  private static func runs(_ folder: URL) throws -> Set<String> {
    let place = folder.appending(path: "e/runs").path
    guard FileManager.default.fileExists(atPath: place) else { return [] }
    return Set(try FileManager.default.contentsOfDirectory(atPath: place))
  }

  /// Three robust runs and their readings, in a definition of a user's own.
  private static let own = """
    {"title": "Beta", "source": "own", "claim": "none",
     "cell": {"data": "mnist", "noise": "salt-pepper:0.2", "preset": "demo", "metric": "mse",
       "set": {"beta": "{beta}", "rows": 240, "hidden": 16, "latent": 2, "batch": 20,
         "outer_iterations": "{outer}", "inner_epochs": 4, "checkpoint_epochs": 1}},
     "axes": [{"name": "beta", "choices": [0.5, 1, 2]}],
     "table": {"rows": ["beta"], "drawing": "bars"},
     "scales": {"1": {"means": "x", "values": {"outer": 2}},
       "0.1": {"means": "x", "values": {"outer": 2}},
       "smoke": {"means": "x", "values": {"outer": 12}}}}
    """

  /// An experiment that is stopped or killed goes on; two processes share the work.
  @Test func aKilledExperimentGoesOn() throws {
    try withTemporaryFolder { folder in
      try Self.own.write(
        to: folder.appending(path: "own.json"), atomically: true, encoding: .utf8)
      let words = "experiment run own.json --scale smoke --out e -n 2"
        .split(separator: " ").map(String.init)
      func isTraining() -> Bool {
        let runs = (try? Self.runs(folder)) ?? []
        return runs.contains { run in
          FileManager.default.fileExists(
            atPath: folder.appending(path: "e/runs/\(run)/checkpoints/latest").path)
        }
      }
      for signal in [SIGTERM, SIGKILL] {
        let job = try Job.product("cleave", words, in: folder)
        #expect(job.waits { isTraining() })
        kill(job.identifier, signal)
        let run = try job.end(within: 60)
        #expect(run.status == (signal == SIGTERM ? 75 : 128 + SIGKILL), "\(run)")
      }
      let both = try (0..<2).map { _ in try Job.product("cleave", words, in: folder) }
      for job in both {
        let run = try job.end(within: 120)
        #expect(run.status == 0, "\(run)")
        #expect(run.output.contains("| 0.5 |"), "\(run)")
      }
      #expect(try Self.runs(folder).count == 3)
      // Nothing is left to do.
      let again = try Tool.run(words, in: folder)
      #expect(again.status == 0 && !again.errors.contains("runs/"), "\(again)")
    }
  }

  /// Faults of words, definitions and folders are told in one line.
  @Test(arguments: [
    ("experiment", 64, "missing ACTION"),
    ("experiment make x", 64, "unknown action make"),
    ("experiment run", 64, "missing NAME"),
    ("experiment run noise-models", 64, "missing --out"),
    ("experiment show noise-model", 64, "did you mean noise-models"),
    ("experiment run noise-models --out e --scale 0.2", 64, "--scale: found 0.2"),
    (
      "experiment run noise-models --out e --data nowhere --quiet", 65,
      "nowhere/mnist: found nothing"
    ),
    ("experiment table .", 64, "found no result"),
    ("experiment run absent.json --out e", 65, "absent.json: cannot be read"),
  ])
  func faultsAreNamed(_ line: String, _ status: Int, _ words: String) throws {
    try withTemporaryFolder { folder in
      let run = try Tool.run(line, in: folder)
      #expect(run.status == status && run.errors.contains(words), "\(run)")
      #expect(run.errors.split(separator: "\n").count == 1, "\(run)")
    }
  }

  /// A fault within a definition names its place.
  @Test(arguments: [
    (#""rows": ["beta"]"#, #""rows": ["bet"]"#, "unknown axis bet"),
    (#""metric": "mse""#, #""metric": "mze""#, "unknown metric mze"),
    (#""preset": "demo""#, #""preset": "dem""#, "unknown preset dem"),
    (#""data": "mnist""#, #""data": "mnst""#, "data: found mnst"),
    (#""inner_epochs""#, #""inner_epoch""#, "unknown key inner_epoch"),
    (#""{outer}""#, #""{outr}""#, "{outr} has no value"),
    (#""title": "Beta", "#, "", "title: found nothing"),
    (#""cell": {"#, #""cell": {"colour": 1, "#, "unknown key colour"),
    (#""source": "own""#, #""source": "own", "sorce": 1"#, "unknown key sorce"),
    (#""drawing": "bars""#, #""drawing": "bars", "logarithmic": "yes""#, "logarithmic: found"),
    (#""axes": ["#, #""left_out": [{"alpha": 1}], "axes": ["#, "left_out: unknown axis alpha"),
    (#""noise": "salt"#, #""aside": "true", "noise": "salt"#, "aside: found"),
    (#""smoke""#, #""smok""#, "scales: smoke: found nothing"),
  ])
  func faultsOfDefinitionsAreNamed(_ text: String, _ wrong: String, _ words: String) throws {
    try withTemporaryFolder { folder in
      try Self.own.replacing(text, with: wrong).write(
        to: folder.appending(path: "own.json"), atomically: true, encoding: .utf8)
      let run = try Tool.run("experiment run own.json --scale smoke --out e", in: folder)
      #expect(run.status == 65 && run.errors.contains(words), "\(run)")
      #expect(run.errors.split(separator: "\n").count == 1, "\(run)")
    }
  }

  /// A run that fails leaves the others' table.
  @Test func aFailedRunIsNamedInTheTable() throws {
    try withTemporaryFolder { folder in
      try Self.own.replacing(
        "[0.5, 1, 2]", with: #"[0.5, {"name": "odd", "set": {"batch": 7, "lanes": 2}}]"#
      )
      .replacing(#""{beta}""#, with: "1")
      .replacing(#""outer": 12"#, with: #""outer": 1"#).write(
        to: folder.appending(path: "own.json"), atomically: true, encoding: .utf8)
      let run = try Tool.run("experiment run own.json --scale smoke --out e", in: folder)
      #expect(run.status == 1 && run.output.contains("| odd | fails |"), "\(run)")
      #expect(run.output.contains("lanes"), "\(run)")
    }
  }

  /// A number of which one seed failed is marked, and is not the best.
  @Test func aFailedSeedIsNamedInTheTable() throws {
    try withTemporaryFolder { folder in
      let axes =
        #""axes": [{"name": "seed", "choices": [1, {"name": "2", "set": {"batch": 7, "lanes": 2}}]},"#
      try Self.own.replacing(
        #""axes": ["#, with: axes + #" {"name": "model", "choices": ["one"]},"#
      )
      .replacing("[0.5, 1, 2]", with: "[0.5]").replacing(#""outer": 12"#, with: #""outer": 1"#)
      .write(to: folder.appending(path: "own.json"), atomically: true, encoding: .utf8)
      let run = try Tool.run("experiment run own.json --scale smoke --out e", in: folder)
      #expect(run.status == 1 && run.output.contains(" ‡ |"), "\(run)")
      #expect(run.output.contains("a part of the runs: cleave train: batch"), "\(run)")
      // Another scale would replace the result.
      let other = try Tool.run("experiment run own.json --scale 0.1 --out e --data .", in: folder)
      #expect(
        other.status == 64 && other.errors.contains("found a result of scale smoke"), "\(other)")
      let own = try Tool.run("experiment run own.json --scale smoke --out .", in: folder)
      #expect(own.status == 64 && own.errors.contains("found another file"), "\(own)")
    }
  }

  /// A plan tells runs and disk before anything is made.
  @Test func aPlanComesFirst() throws {
    try withTemporaryFolder { folder in
      let plan = try Tool.document(
        "experiment run rvae-figure-2 --scale smoke --out e --dry-run --json --quiet", in: folder)
      #expect(plan["runs"] == .integer(4) && plan["core_hours"]?.number ?? 0 > 0, "\(plan)")
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "e").path))
      let ranks = try Tool.run("experiment list", ranks: 2, in: folder)
      #expect(ranks.status == 64 && ranks.errors.contains("found 2 ranks"), "\(ranks)")
    }
  }
}
