import Foundation
import Support
import TestSupport
import Testing
import Training

/// Jobs of a real Slurm, which `cluster/local-slurm` starts on this machine.
@Suite(.serialized, .enabled(if: canStartSlurm, "Slurm needs root, slurm-wlm and munge"))
struct SlurmTests {
  /// A job that is requeued, cancelled later and submitted again gets the weights, moments and
  /// split of an undisturbed run.
  @Test func aJobGoesOnWhereItWasStopped() throws {
    try withSlurm { folder in
      try prepareDigits(1203, in: folder)
      let train = "demo \(small) --set inner_epochs=2 --set outer_iterations=100"
      try Tool.succeed("train \(train) --out whole", ranks: 2, in: folder)
      let run = RunFolder("run", in: folder)
      let options = train.split(separator: " ").map(String.init)
      // "demo", "--data", the file, and the rest.
      let words = [options[0], options[2], "run"] + options[3...]
      let job = try submit(words, in: folder)
      try #require(waits { run.checkpoints.contains("latest") })
      try slurm(["scontrol", "requeue", job], in: folder)
      try #require(waits { try state(of: job, in: folder).contains("Restarts=1") })
      let reached = try reachedStep(run)
      try #require(waits { try reachedStep(run) > reached })
      try slurm(["scancel", job], in: folder)
      try #require(waits { try state(of: job, in: folder).contains("JobState=CANCELLED") })
      try Tool.succeed("info run --verify", in: folder)

      let next = try submit(words, in: folder)
      try #require(
        waits { try state(of: next, in: folder).contains("JobState=COMPLETED") }, "\(log(folder))")
      let whole = RunFolder("whole", in: folder)
      #expect(try run.digests() == whole.digests(), "\(log(folder))")
      #expect(try run.log() == whole.log())
    }
  }

  /// One run for each setting, on data copied to the node's own disk.
  @Test func anArraySweepsASetting() throws {
    try withSlurm { folder in
      try prepareDigits(300, in: folder)
      let scratch = folder.appending(path: "scratch")
      try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
      let line = "demo d.h5 runs --set hidden=16 --set latent=2 --set batch=64 --max-steps 3"
      let words = line.split(separator: " ").map(String.init)
      let job = try submit(
        words, options: ["--array=0-1", "--ntasks=1"],
        environment: ["SWEEP": "beta=0.5 beta=2", "SCRATCH": scratch.path], in: folder)
      for (task, beta) in [(0, 0.5), (1, 2.0)] {
        try #require(
          waits { try state(of: "\(job)_\(task)", in: folder).contains("JobState=COMPLETED") },
          "\(log(folder))")
        let file = folder.appending(path: "runs/beta=\(task == 0 ? "0.5" : "2")/config.json")
        let configuration = try JSONValue(
          parsing: String(decoding: Data(contentsOf: file), as: UTF8.self))
        #expect(configuration["beta"]?.number == beta)
        #expect(configuration["data"] == .string(scratch.path + "/d.h5"))
      }
    }
  }

  /// The tasks of an array share the jobs of an experiment, and each ends with its table.
  @Test func anArrayMakesAnExperiment() throws {
    try withSlurm { folder in
      let job = try submit(
        ["fair-baseline", "work", "--scale", "smoke"], to: "experiment",
        options: ["--array=0-1", "--ntasks=1"], in: folder)
      for task in 0...1 {
        try #require(
          waits { try state(of: "\(job)_\(task)", in: folder).contains("JobState=COMPLETED") },
          "\(log(folder))")
      }
      let result = folder.appending(path: "work/fair-baseline.json")
      let document = try JSONValue(
        parsing: String(decoding: Data(contentsOf: result), as: UTF8.self))
      #expect(document["facts"]?["runs"] == "4", "\(document)")
      // Each job was begun once: by one task or the other.
      let begun = log(folder).split(separator: "\n").filter { $0.hasPrefix("[") }
        .compactMap { $0.split(separator: " ").dropFirst().first }
      #expect(begun.count == Set(begun).count && begun.count > 10, "\(log(folder))")
    }
  }

  // MARK: Slurm

  private func withSlurm(_ body: (URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let up = try Run.command(slurmScript, ["up"], environment: slurmSettings)
      try #require(up.status == 0, "\(up)")
      defer { _ = try? Run.command(slurmScript, ["down"], environment: slurmSettings) }
      try body(folder)
    }
  }

  @discardableResult private func slurm(
    _ words: [String], environment: [String: String?] = [:], in folder: URL
  ) throws -> String {
    let settings = slurmSettings.merging(environment) { $1 }
    let run = try Run.command(slurmScript, ["run"] + words, environment: settings, in: folder)
    #expect(run.status == 0, "\(words)\n\(run)")
    return run.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The number of the job that trains with these words.
  private func submit(
    _ words: [String], to script: String = "slurm", options: [String] = [],
    environment: [String: String?] = [:], in folder: URL
  ) throws -> String {
    let root = TestData.packageRoot
    let settings = environment.merging(["CLEAVE": root.path]) { $1 }
    return try slurm(
      ["sbatch", "--parsable", "--output=log", "--time=10"] + options
        + [root.appending(path: "cluster/\(script).sbatch").path] + words,
      environment: settings, in: folder)
  }

  private func state(of job: String, in folder: URL) throws -> String {
    try slurm(["scontrol", "show", "job", "--oneliner", job], in: folder)
  }

  private func reachedStep(_ run: RunFolder) throws -> Int {
    try run.log("step").last?["step"]?.number.map { Int($0) } ?? 0
  }

  /// The output of the jobs, for a failed expectation's comment.
  private func log(_ folder: URL) -> String {
    // Before the first job begins, the file does not exist.
    (try? String(contentsOf: folder.appending(path: "log"), encoding: .utf8)) ?? ""
  }

  private func waits(until condition: () throws -> Bool) rethrows -> Bool {
    let limit = Date(timeIntervalSinceNow: 60)
    while Date() < limit {
      if try condition() { return true }
      usleep(100_000)
    }
    return false
  }
}

private let slurmScript = TestData.packageRoot.appending(path: "cluster/local-slurm").path
private let slurmSettings: [String: String?] = [
  "CLEAVE_LOCAL_SLURM": "/tmp/cleave-test-slurm-\(getpid())"
]

/// Whether Slurm can be started here.
private let canStartSlurm: Bool = {
  let run = try? Run.command(slurmScript, ["up"], environment: slurmSettings)
  _ = try? Run.command(slurmScript, ["down"], environment: slurmSettings)
  return run?.status == 0
}()
