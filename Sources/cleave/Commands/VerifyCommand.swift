import Datasets
import Foundation
import Guard
import MPI
import Models
import Runs
import Support
import Training

/// `cleave verify`: checks that a run gives the same weights on other numbers of ranks.
struct VerifyCommand: Subcommand {
  static let name = "verify"
  static let summary = "replay steps of a run on several numbers of ranks and compare"
  static let details = """
    Goes on from the newest checkpoint that has so many steps after it, or else the oldest, on
    each number of ranks, leaves the run as it is, and compares the digests of every tensor after
    every step. Runs trained with --exact have to be equal; others agree to rounding, so theirs
    differ from the first steps on. Status 1 where something differs.

    Without --ranks it replays on the ranks it was started with and prints the digests, a line a
    step.
    """
  static let operands = [Operand("RUN", "the directory of a run")]
  static let options = [
    Option.value("ranks", "LIST", "the numbers of ranks to compare, such as 1,2,4"),
    Option.value("steps", "N", "how many steps to replay (default 20)"),
    Option.inject, Option.json,
  ]

  private let isJSON: Bool
  private let run: RunDirectory
  private let ranks: [Int]
  private let steps: Int
  private let faults: [Fault]

  init(_ arguments: Arguments) throws {
    isJSON = arguments.has("json")
    run = RunDirectory(arguments.operands[0])
    steps = try arguments.integer("steps", in: 1...1_000_000) ?? 20
    faults = try arguments.all("inject").map { try Fault(parsing: $0) }
    ranks = try (arguments.value("ranks") ?? "").split(separator: ",").map { word in
      guard let count = Int(word), (1...4096).contains(count) else {
        throw UsageError("--ranks: found \(word), expected numbers of ranks such as 1,2,4")
      }
      return count
    }
    if arguments.has("ranks") && ranks.count < 2 {
      throw UsageError("--ranks: expected two numbers of ranks at least, such as 1,2")
    }
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try world.agree {
      try run.checkReadable()
      if world.size > 1 && !ranks.isEmpty {
        throw UsageError("--ranks starts ranks itself; start this alone, without mpirun")
      }
    }
    return ranks.isEmpty ? try replay(on: world, console) : try compare(console)
  }

  // MARK: - One replay

  private func replay(on world: Communicator, _ console: Console) throws -> Int32 {
    console.startWorkers(1)
    let configuration = try ConfigurationSource.run(run).configuration(on: world, console)
    let data = configuration.common.data
    let whole = try ImageSet.open(
      data.data, split: Split.train.rawValue, options: data.imageSetOptions,
      rows: data.patch == nil ? data.rows : nil, on: world
    ).images
    let images = try world.agree { try whole.trainingRows(by: data) }
    var lines: [JSONValue] = []
    let start = try TrainingRun.replay(
      configuration, on: images, in: run, steps: steps, faults: faults, world: world
    ) {
      guard world.isRoot else { return }
      let digests = $0.tensorDigests().map { JSONValue.Member($0.name, .string($0.digest)) }
      let line: JSONValue = ["step": .integer($0.progress.step), "tensors": .object(digests)]
      isJSON ? lines.append(line) : console.result(line.line)
    }
    if isJSON {
      console.result([
        "run": .string(run.path), "checkpoint": .string(start), "ranks": .integer(world.size),
        "steps": .array(lines),
      ])
    }
    return 0
  }

  // MARK: - Several replays

  /// The digests of all tensors after a step, in checkpoint order.
  private struct Trace {
    let step: Int
    let tensors: [(name: String, digest: String)]

    init?(_ line: Substring) throws {
      let value = try JSONValue(parsing: String(line))
      guard let step = value["step"]?.integer, case .object(let members)? = value["tensors"] else {
        return nil
      }
      self.step = step
      tensors = members.compactMap { member -> (name: String, digest: String)? in
        guard case .string(let digest) = member.value else { return nil }
        return (name: member.name, digest: digest)
      }
    }
  }

  private func compare(_ console: Console) throws -> Int32 {
    var first: [Trace] = []
    for (index, count) in ranks.enumerated() {
      console.progress("\(steps) steps on \(Quantity.count(count, "rank"))")
      // A fault in one replay is a difference that the comparison must find.
      let found = try traces(ranks: count, faults: index == ranks.count - 1 ? faults : [])
      if index == 0 { first = found }
      if let difference = Self.difference(first, found) {
        if isJSON {
          printDocument(of: Array(ranks[...index]), first, difference: difference, console)
          return 1
        }
        console.result(
          "\(run.path): \(ranks[0]) and \(Quantity.count(count, "rank")) differ: \(difference)")
        return 1
      }
    }
    if isJSON {
      printDocument(of: ranks, first, difference: nil, console)
      return 0
    }
    guard !first.isEmpty else {
      throw RunError.data(
        run.path, "found no step after its checkpoints, expected one to replay")
    }
    let counts = ranks.map(String.init).joined(separator: ", ")
    let start = (first.first?.step ?? 1) - 1
    console.result(
      "\(run.path): \(first.count) steps from step \(start) on are equal on \(counts) ranks")
    return 0
  }

  private func printDocument(
    of ranks: [Int], _ first: [Trace], difference: String?, _ console: Console
  ) {
    console.result([
      "run": .string(run.path), "ranks": .array(ranks.map { .integer($0) }),
      "from_step": .integer((first.first?.step ?? 1) - 1), "steps": .integer(first.count),
      "equal": .boolean(difference == nil), "difference": difference.map { .string($0) } ?? .null,
    ])
  }

  private static func difference(_ a: [Trace], _ b: [Trace]) -> String? {
    for (one, other) in zip(a, b) {
      for (x, y) in zip(one.tensors, other.tensors) where x != y {
        return "step \(one.step), \(x.name): \(x.digest) and \(y.digest)"
      }
    }
    return a.count == b.count ? nil : "\(a.count) and \(b.count) steps"
  }

  /// Replays in a separate job.
  private func traces(ranks count: Int, faults: [Fault]) throws -> [Trace] {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    // The ranks end with this process, however it ends.
    process.arguments =
      [
        "setpriv", "--pdeathsig", "TERM", "mpirun", "--oversubscribe", "--bind-to", "none", "--mca",
        "mpi_yield_when_idle", "1",
      ]
      + (getuid() == 0 ? ["--allow-run-as-root"] : [])
      + ["-n", "\(count)", "/proc/\(getpid())/exe", "verify", run.path, "--steps", "\(steps)"]
      + faults.flatMap { ["--inject", "\($0)"] }
    process.environment = ProcessInfo.processInfo.environment
      .merging(["OPENBLAS_NUM_THREADS": "1"]) { $1 }
    process.standardInput = FileHandle.nullDevice
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ReplayError(ranks: count, exitStatus: process.terminationStatus)
    }
    return try String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap {
      try Trace($0)
    }
  }
}

/// A replay that failed, after it printed the reason.
private struct ReplayError: ExitStatusError, CustomStringConvertible {
  let ranks: Int
  let exitStatus: Int32
  var description: String { "the replay on \(ranks) rank(s) ended with status \(exitStatus)" }
}
