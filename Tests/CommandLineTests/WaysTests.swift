import Foundation
import Models
import Support
import TestSupport
import Testing
import Training

/// What a run says about itself while it trains, at its end, and afterwards.
@Suite(.serialized) struct RunWordsTests {
  /// The header has the settings that the model reads and those that differ from the preset; the
  /// end has figures and commands that work.
  @Test(arguments: [nil, 2]) func aRunTellsWhatItDoes(ranks: Int?) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let train = "train mnist-rvae-beta --data d.h5 --out my-run \(tiny) --set lambda=60"
      let run = try Tool.run(train, ranks: ranks, in: folder)
      #expect(run.status == 0, "\(run)")
      let words = run.errors
      #expect(words.contains("  preset mnist-rvae-beta, changed: batch=64 log_every=1 hidden=16"))
      #expect(words.contains("settings that rvae reads: model=rvae rows=300"), "\(words)")
      for unread in ["discriminator_hidden=", "passes=", "data="] {
        #expect(!words.contains(unread), "\(unread) in \(words)")
      }
      #expect(try /lambda=60: threshold 0\.\d+ of 0…1;/.firstMatch(in: words) != nil, "\(words)")
      for line in ["finished: my-run", "  time 0:", "  last: loss ", "  best: step-000000"] {
        #expect(words.contains(line), "\(line) in \(words)")
      }
      let next = words.split(separator: "\n").compactMap { line in
        line.firstRange(of: "cleave ").map { String(line[$0.upperBound...]) }
      }.filter { $0.contains("my-run") }
      // denoise to a file and to a picture, evaluate, sample, info
      #expect(next.count == 5, "\(next)")
      for command in next { try Tool.succeed(command + " --quiet", in: folder) }
    }
  }

  /// `info` has what a run was made from, by which words, how long it took and what came out.
  @Test func aRunIsRemembered() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let settings = "--data d.h5 --out run \(tiny) --set static_noise=gaussian:0.1"
      try Tool.succeed("train mnist-rvae-beta \(settings) --max-steps 3 --quiet", in: folder)
      try Tool.succeed("train --resume run --quiet", ranks: 2, in: folder)
      let info = try Tool.document("info run --json", in: folder)
      #expect(info["preset"] == "mnist-rvae-beta" && info["sessions"] == .integer(2))
      #expect(info["noise"] == "salt-pepper:0.25", "\(info)")
      #expect(
        info["first"]?["command"]?.text
          == "cleave train mnist-rvae-beta \(settings) --max-steps 3 --quiet")
      #expect(info["last"]?["command"] == "cleave train --resume run --quiet")
      #expect(info["last"]?["ranks"] == .integer(2) && info["last"]?["step"] == .integer(3))
      #expect(info["first"]?["program"]?.text == "cleave \(Program.version)")
      #expect(try #require(info["seconds"]?.number) >= 0)
      #expect(info["training"] == .null && info["seconds_left"] == .null)
      #expect(info["latest"]?["step"]?["loss"]?.number != nil)
      #expect(info["latest"]?["outer"]?["c1"]?.number != nil)
      guard case .array(let changed)? = info["changed"] else {
        Issue.record("no changes in \(info)")
        return
      }
      #expect(changed.contains("latent=2") && changed.contains("static_noise=gaussian:0.1"))
      #expect(!changed.contains { $0.text?.hasPrefix("rows=") == true }, "\(changed)")
      let text = try Tool.succeed("info run", in: folder)
      for words in [
        "from mnist-rvae-beta by cleave ", "\n    cleave train --resume run --quiet\n",
        "noise: salt-pepper:0.25 in its file, gaussian:0.1 of the run", "\n  time spent 0:",
        "\n  last outer: outer 2, step ", " of 0…1; where |X - L|",
      ] {
        #expect(text.contains(words), "\(words) in \(text)")
      }
      // A run of an earlier version has no record, and is read all the same.
      let mark = folder.appending(path: "run/run.json")
      let document = try JSONValue(parsing: String(contentsOf: mark, encoding: .utf8))
      let id = try #require(document["id"]?.text)
      try "{\"format\": \"cleave-run\", \"version\": 1, \"id\": \"\(id)\"}\n"
        .write(to: mark, atomically: true, encoding: .utf8)
      let old = try Tool.document("info run --json", in: folder)
      #expect(old["preset"] == .null && old["seconds"] == .null && old["first"] == .null)
      #expect(old["latest"]?["step"]?["loss"]?.number != nil)
      try FileManager.default.removeItem(at: mark)
      #expect(try Tool.succeed("info run", in: folder).contains("made by an earlier version"))
    }
  }

  /// A run in training has an owner and a time to its end.
  @Test func aLiveRunHasATimeToItsEnd() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(600, in: folder)
      let job = try Job.product(
        "cleave",
        ("train mnist-rvae-beta --data d.h5 --out run --quiet --set hidden=16 --set latent=2 "
          + "--set batch=8 --set outer_iterations=100 --set inner_epochs=1000 --set log_every=1")
          .split(separator: " ").map(String.init), in: folder)
      defer {
        kill(job.identifier, SIGTERM)
        _ = try? job.end()
      }
      var info = JSONValue.null
      for _ in 0..<600 {
        usleep(100_000)
        guard let run = try? Tool.run("info run --json", in: folder), run.status == 0 else {
          continue
        }
        info = try JSONValue(parsing: run.output)
        if info["seconds_left"]?.number != nil { break }
      }
      #expect(try #require(info["seconds_left"]?.number, "\(info)") > 0)
      #expect(info["training"]?.text?.contains(", process ") == true, "\(info)")
      #expect(info["seconds"]?.number ?? 0 > 0)
    }
  }

  /// Each line has a moment that jq's fromdate reads, and the rate that the schedule gives.
  @Test func linesHaveTimeAndRate() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let started = Date.now.addingTimeInterval(-2)
      try Tool.succeed(
        "train mnist-vae --data d.h5 --out run --quiet --set hidden=16 --set latent=2 --set batch=64 "
          + "--set lanes=8 --set epochs=3 --set log_every=1 --set learning_rate_decay=0.5",
        in: folder)
      let text = try String(
        contentsOf: folder.appending(path: "run/metrics.jsonl"), encoding: .utf8)
      let lines = try text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
      #expect(lines.count > 15)
      for line in lines {
        let time = try #require(line["time"]?.text)
        #expect(try /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/.wholeMatch(in: time) != nil, "\(time)")
        let moment = try #require(RunMark.moment(time))
        #expect(moment > started && moment < Date.now.addingTimeInterval(2))
        guard line["kind"] == "step" || line["kind"] == "epoch" else { continue }
        let epoch = try #require(line["epoch"]?.integer)
        #expect(line["learning_rate"]?.number == 1e-3 * [1, 0.5, 0.25][epoch - 1], "\(line)")
      }
    }
  }

  /// Limits behind the present step make no step and say so; the present step is one to stop at.
  @Test func limitsThatArePassedAreSaid() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let train = "train mnist-rvae-beta --data d.h5 --out run \(tiny) --quiet"
      let stopped = try Tool.run("\(train) --stop-after-step 4", in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      func expect(_ option: String, _ status: Int32) throws {
        let passed = try Tool.run("train --resume run \(option) 3", in: folder)
        #expect(passed.status == status, "\(passed)")
        #expect(
          passed.errors.contains("\(option) 3: the run has made 4 steps already"), "\(passed)")
      }
      try expect("--stop-after-step", 75)
      let again = try Tool.run("train --resume run --quiet --stop-after-step 4", in: folder)
      #expect(again.status == 75, "\(again)")
      let info = try Tool.document("info run --json", in: folder)
      #expect(info["progress"]?["step"] == .integer(4) && info["finished"] == .boolean(false))
      let finished = try Tool.document(
        "train --resume run --max-steps 4 --json --quiet", in: folder)
      #expect(finished["outcome"] == "finished" && finished["run"] == "run", "\(finished)")
      try expect("--max-steps", 0)
    }
  }

  /// A checkpoint that is damaged is no checkpoint, but something was saved.
  @Test func aDamagedCheckpointWasSaved() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      try Tool.succeed(
        "train mnist-rvae-beta --data d.h5 --out run \(tiny) --max-steps 2 --quiet", in: folder)
      let manifest = folder.appending(path: "run/checkpoints/step-00000002/manifest.json")
      try "{".write(to: manifest, atomically: false, encoding: .utf8)
      let text = try Tool.succeed("info run", in: folder)
      #expect(text.contains("run: run, no checkpoint whose checksums hold\n"), "\(text)")
      #expect(text.contains("DAMAGED: ") && !text.contains("nothing saved yet"), "\(text)")
    }
  }
}

/// Words of the command line that help a user on.
@Suite struct HelpfulWordsTests {
  @Test(arguments: [
    ("train demo --latent 10", "unknown option --latent; it is a setting: --set latent=10"),
    ("plan demo --learning-rate=0.1", "it is a setting: --set learning_rate=0.1"),
    ("train demo --exact --lambda", "it is a setting: --set lambda=VALUE"),
    ("denoise run --lambda 3", "it is a setting of train: --set lambda=3"),
    ("train demo --hidden 5,3 --quiet", "--set hidden=5,3"),
  ]) func aSettingIsNoOption(line: String, words: String) throws {
    try withTemporaryFolder { folder in
      let run = try Tool.run(line, in: folder)
      #expect(run.status == 64 && run.errors.contains(words), "\(run)")
      #expect(run.errors.split(separator: "\n").count == 1)
    }
  }

  @Test func aKeyIsExplained() throws {
    try withTemporaryFolder { folder in
      let text = try Tool.succeed("presets --keys lambda latent", in: folder)
      for words in [
        "lambda: Weight of the sparse part", "values       a number of at least 0, or inf",
        "default      70", "source       D-15: 70", "models       rvae, rda",
        "300.0 in celeba-rvae-faces", "\n\nlatent: Dimensions of the code.", "fixed for the run",
      ] {
        #expect(text.contains(words), "\(words) in \(text)")
      }
      let document = try Tool.document("presets --keys lambda --json", in: folder)
      guard case .object(let members) = document else {
        Issue.record("\(document)")
        return
      }
      #expect(members.map(\.name) == ["lambda"])
      #expect(document["lambda"]?["source"] == "D-15: 70")
      #expect(document["lambda"]?["models"] == ["rvae", "rda"])
      #expect(document["lambda"]?["presets"]?["celeba-rvae"]?.number == 50)
      let wrong = try Tool.run("presets --keys lamda", in: folder)
      #expect(wrong.status == 64 && wrong.errors.contains("did you mean lambda?"), "\(wrong)")
    }
  }

  /// A run or file that is not there is one status, whatever asks for it.
  @Test(arguments: [
    "denoise none --out x.h5", "reconstruct none --out x.h5", "encode none --out x.h5",
    "sample none --out x.h5", "evaluate none", "info none", "verify none", "train --resume none",
    "train none.json --data d.h5 --out r", "train mnist-vae --data none.h5 --out r",
    "plan mnist-vae --data none.h5", "plan none.json --data d.h5",
    "corrupt none.h5 x.h5 --noise gaussian:0.1", "import mnist none --out x.h5",
    "import images none --out x.h5", "import frey none --out x.h5",
    "import omniglot none --out x.h5", "import sprites none --out x.h5",
  ]) func whatIsNotThereIsBadData(line: String) throws {
    try withTemporaryFolder { folder in
      let run = try Tool.run(line, in: folder)
      #expect(run.status == 65 && run.errors.contains("none"), "\(run)")
      #expect(try contents(of: folder).isEmpty)
    }
  }

  @Test func corruptTakesItsOutputByNameToo() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 20 --test 0 --out c.h5 --quiet", in: folder)
      let noise = "--noise salt-pepper:0.25 --quiet"
      try Tool.succeed("corrupt c.h5 a.h5 \(noise)", in: folder)
      try Tool.succeed("corrupt c.h5 --out b.h5 \(noise)", in: folder)
      let same = try Run.command("h5diff", ["a.h5", "b.h5"], in: folder)
      #expect(same.status == 0, "\(same)")
      for (line, words) in [
        ("corrupt c.h5 x.h5 --out y.h5 \(noise)", "found the outputs x.h5 and --out y.h5"),
        ("corrupt c.h5 \(noise)", "missing OUT.h5"),
      ] {
        let run = try Tool.run(line, in: folder)
        #expect(run.status == 64 && run.errors.contains(words), "\(run)")
      }
    }
  }

  /// Every command takes --json; those that write files, too, print one document.
  @Test func everyCommandHasADocument() throws {
    try withTemporaryFolder { folder in
      for command in CommandLineTests.commands {
        let help = try Tool.succeed("\(command) --help", in: folder)
        #expect(help.contains("\n  --json "), "\(command)")
      }
      try prepareDigits(200, in: folder)
      let run = try Tool.document(
        "train mnist-rvae-beta --data d.h5 --out run \(tiny) --json --quiet", in: folder)
      #expect(run["outcome"] == "finished" && run["checkpoint"]?.text?.hasPrefix("step-") == true)
      #expect(run["best"]?["score_of"] == "loss" && run["threshold"]?.number ?? 0 > 0)
      for (line, count) in [
        ("denoise run --out l.h5", 200), ("encode run --out e.h5", 200),
        ("reconstruct run --out r.h5", 200), ("sample run --count 7 --out s.h5", 7),
      ] {
        let document = try Tool.document("\(line) --json --quiet", in: folder)
        #expect(document["checkpoint"] == run["checkpoint"], "\(line): \(document)")
        #expect((document["rows"] ?? document["count"]) == .integer(count), "\(line): \(document)")
      }
      let verified = try Tool.document("verify run --steps 2 --json --quiet", in: folder)
      guard case .array(let steps)? = verified["steps"] else {
        Issue.record("\(verified)")
        return
      }
      #expect(steps.count == 2)
      #expect(try Tool.document("version --json", in: folder)["version"] == "\(Program.version)")
    }
  }

  /// Tables have units; numbers of the same kind have the same digits.
  @Test func tablesHaveUnits() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(200, in: folder)
      try Tool.succeed("train mnist-rvae-beta --data d.h5 --out run \(tiny) --quiet", in: folder)
      let run = try Tool.run("evaluate run --metrics mse,psnr,elbo,kl,spread", in: folder)
      let text = run.output
      #expect(text.contains("unit\n"), "\(text)")
      for pattern in [
        #"mse +L +0\.\d+ +± \S+ +\(0…1\)²\n"#, #"psnr +L +\d+\.\d\d +± \S+ +dB\n"#,
        #"elbo +-\d+\.?\d* +± \S+ +nat\n"#,
        #"kl +\d\S* +± \S+ +nat\n"#, #"spread +\d\S* +± \S+ +of 0…1\n"#,
      ] {
        #expect(text.range(of: pattern, options: .regularExpression) != nil, "\(pattern): \(text)")
      }
      // The rows trained on have grey values, too: their L is X - S.
      #expect(run.errors.contains("elbo: the clean parts X - S"), "\(run)")
    }
  }
}
