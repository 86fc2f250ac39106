import Foundation
import Support
import TestSupport
import Testing
import Training

/// Unfinished runs of an earlier version, revision 56f67fc: every later version resumes them.
///
/// `Tests/Golden/old-run` has the runs, the log of each run without a stop, and the results of
/// `evaluate`.
@Suite(.serialized) struct OldRunTests {
  /// A run of the fixture.
  struct OldRun: Sendable, CustomTestStringConvertible {
    let name: String
    /// The steps at which it stopped and at which it ends.
    let stop, end: Int
    /// Whether it keeps S and R for each row.
    let hasRowState: Bool
    var testDescription: String { name }
  }

  /// The robust run stands in the middle of an epoch of its second outer iteration.
  static let runs = [
    OldRun(name: "rvae", stop: 27, end: 60, hasRowState: true),
    OldRun(name: "daae", stop: 13, end: 30, hasRowState: false),
    OldRun(name: "ic-affine-em", stop: 5, end: 12, hasRowState: true),
  ]

  @Test(arguments: runs) func itGoesOnWhereItStood(old: OldRun) throws {
    try withCopy(of: old) { run, whole in
      let before = try run.log()
      #expect(
        try Tool.succeed("info \(old.name)", in: run.folder).contains(
          "keeps no digest of the images"))
      let resumed = try Tool.run(
        "train --resume \(old.name) --data digits.h5 --quiet", in: run.folder)
      #expect(resumed.status == 0 && resumed.errors.contains("keeps no digest"), "\(resumed)")
      #expect(try Array(run.log().prefix(before.count)) == before)
      let steps = try run.log("step").map { $0["step"] }
      #expect(steps == (1...old.end).map { .integer($0) })
      for kind in ["step", "epoch", "outer"] {
        let (mine, expected) = (try run.log(kind), whole.filter { $0["kind"] == .string(kind) })
        #expect(mine.count == expected.count, "\(kind)")
        for (line, other) in zip(mine, expected) { expectClose(line, other) }
      }
      let info = try Tool.document("info \(old.name) --verify --json", in: run.folder)
      #expect(info["progress"]?["step"] == .integer(old.end) && info["finished"] == true)
      let checkpoint = "step-000000\(old.end)"
      #expect(run.checkpoints.sorted() == ["latest", checkpoint])
      try expectErrors(of: run, "", "\(old.name)-whole-evaluate.json")
    }
  }

  @Test(arguments: runs) func itAnswersAsItIs(old: OldRun) throws {
    try withCopy(of: old) { run, _ in
      let info = try Tool.document("info \(old.name) --verify --digest --json", in: run.folder)
      #expect(info["progress"]?["step"] == .integer(old.stop) && info["finished"] == false)
      #expect(info["model"] == .string(old.name))
      let names = ["model"] + (old.hasRowState ? ["split"] : [])
      for name in names {
        guard case .string? = info["digests"]?[name] else {
          Issue.record("no digest of \(name) in \(info)")
          continue
        }
      }
      try expectErrors(of: run, "--data digits.h5", "\(old.name)-evaluate.json")
      let (command, dataset) =
        old.hasRowState ? ("denoise", "/L") : ("reconstruct", "/reconstructions")
      try Tool.succeed("\(command) \(old.name) --data digits.h5 --out o.h5 --quiet", in: run.folder)
      let list = try Run.command("h5ls", ["o.h5\(dataset)"], in: run.folder)
      #expect(list.output.contains("{20, 28, 28, 1}"), "\(list)")
    }
  }

  /// A configuration with other lanes than the checkpoint has would take its sums apart wrongly.
  @Test(arguments: [1, 8]) func otherLanesAreRefused(lanes: Int) throws {
    try withCopy(of: Self.runs[1]) { run, _ in
      let path = run.folder.appending(path: "daae/config.json")
      let text = try String(contentsOf: path, encoding: .utf8)
      #expect(text.contains("\"lanes\": 4,") && text.contains("\"batch\": 4,"))
      try text.replacing("\"lanes\": 4,", with: "\"lanes\": \(lanes),")
        .replacing("\"batch\": 4,", with: "\"batch\": 8,")
        .write(to: path, atomically: true, encoding: .utf8)
      for ranks in [nil, 1] {
        let found = try Tool.run(
          "train --resume daae --data digits.h5 --quiet", ranks: ranks, in: run.folder)
        #expect(found.status == 65, "\(found)")
        #expect(
          found.errors.contains("daae/config.json: batch: found 8, expected 4 as step-00000013"),
          "\(found)")
      }
    }
  }

  private static let fixture = URL(filePath: TestData.golden("old-run"))

  /// Calls `body` with a copy of a run, beside its data, and with the log of the whole run.
  private func withCopy(
    of old: OldRun, _ body: (RunFolder, [JSONValue]) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      for name in [old.name, "digits.h5"] {
        try FileManager.default.copyItem(
          at: Self.fixture.appending(path: name), to: folder.appending(path: name))
      }
      let whole = Self.fixture.appending(path: "\(old.name)-whole.jsonl")
      let lines = try String(contentsOf: whole, encoding: .utf8).split(separator: "\n")
      try body(RunFolder(old.name, in: folder), lines.map { try JSONValue(parsing: String($0)) })
    }
  }

  /// Expects the errors in a file of the fixture: of X, of reconstructions and, if the run was
  /// resumed on this data, of L.
  private func expectErrors(of run: RunFolder, _ options: String, _ file: String) throws {
    let answer = try Tool.document(
      "evaluate \(run.name) \(options) --metrics mse --json", in: run.folder)
    let text = try String(contentsOf: Self.fixture.appending(path: file), encoding: .utf8)
    let expected = try JSONValue(parsing: text)
    expectClose(
      try #require(answer["metrics"]?["mse"]), try #require(expected["metrics"]?["mse"]))
  }

  /// Expects the names of an object of the fixture, with its values to rounding.
  ///
  /// Another processor adds in another order, in single precision: the BLAS kernels Haswell, Zen
  /// and Prescott end up to 5e-7 from the fixture's Cooperlake. The tolerance is 1e-5, for other
  /// kernels. `nonzero`, which was called `sparsity`, counts 15,680 entries: a rounding at the
  /// threshold changes it by 6e-5.
  private func expectClose(_ found: JSONValue, _ expected: JSONValue) {
    guard case .object(let members) = expected else {
      Issue.record("\(expected) is no object")
      return
    }
    for member in members where member.name != "images_per_second" {
      let value = found[member.name] ?? (member.name == "sparsity" ? found["nonzero"] : nil)
      if let x = value?.number, let y = member.value.number {
        let tolerance = member.name == "sparsity" ? 1e-3 : 1e-5
        #expect(abs(x - y) <= tolerance * max(abs(x), abs(y)), "\(member.name) in \(expected.line)")
      } else {
        #expect(value == member.value, "\(member.name) in \(expected.line)")
      }
    }
  }
}
