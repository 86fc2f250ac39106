import Experiments
import Foundation
import MPI
import Report
import Support
import Tensors

/// `cleave experiment`: tables and figures that are made by training and measuring models.
struct ExperimentCommand: Subcommand {
  /// What to do.
  enum Action: String, CaseIterable {
    case list, show, run, table
  }

  static let name = "experiment"
  static let summary = "make the papers' tables and figures, ours beside the published"
  static let details = """
    list             the experiments, a line each
    show NAME        what it shows, its scales, and the commands of one scale; --json its definition
    run NAME         makes images, trains, measures, writes NAME.json, .md and .svg into --out
    table FOLDER     makes pages and drawings of all results (.json) in a folder anew

    NAME is one of the list, or a definition in a FILE.json (docs/experiments.md). run starts ordinary runs,
    goes on where it was stopped, and takes what lies in the folder already: experiments in one folder share
    images, runs and readings. Several processes may work in one folder, such as a Slurm array.
    """
  static let operands = [
    Operand("ACTION", "list, show, run or table"),
    Operand("NAME|FOLDER", "the experiment, or a folder of results", count: 0...1),
  ]
  static let options = [
    Option.value("out", "FOLDER", "the folder to work in"),
    Option.value("scale", "SIZE", "1 as in the paper, 0.1 (default), or smoke: seconds"),
    Option.value("n", "P", "jobs at once (default the processors)"),
    Option.value("ranks", "R", "ranks of each run, on this host (default 1)"),
    Option.value("data", "FOLDER", "real images, as show tells them (default CLEAVE_DATA)"),
    Option.flag("dry-run", "tell runs, images, core hours and disk, and stop"), Option.json,
  ]

  private let action: Action
  private let word: String
  private let scale: Experiment.Scale
  private let out: String?
  private let jobs: Int, ranks: Int
  private let root: String
  private let isDry: Bool, isJSON: Bool

  init(_ arguments: Arguments) throws {
    guard let action = Action(rawValue: arguments.operands[0]) else {
      let names = Action.allCases.map(\.rawValue)
      throw UsageError(
        "unknown action \(arguments.operands[0])"
          + (Spelling.hint(for: arguments.operands[0], in: names)))
    }
    self.action = action
    word = arguments.operands.dropFirst().first ?? ""
    if word.isEmpty && action != .list {
      throw UsageError("missing \(action == .table ? "FOLDER" : "NAME") of \(action.rawValue)")
    }
    scale = try arguments.choice("scale", as: Experiment.Scale.self) ?? .tenth
    out = arguments.value("out")
    ranks = try arguments.integer("ranks", in: 1...4096) ?? 1
    let processors = max(1, ProcessInfo.processInfo.activeProcessorCount / ranks)
    jobs = try arguments.integer("n", in: 1...4096) ?? processors
    root =
      arguments.value("data") ?? ProcessInfo.processInfo.environment["CLEAVE_DATA"] ?? "data"
    isDry = arguments.has("dry-run")
    isJSON = arguments.has("json")
    if action == .run, out == nil { throw UsageError("missing --out FOLDER") }
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    if world.size > 1 {
      try world.agree {
        throw UsageError(
          "found \(world.size) ranks, expected one process, which starts runs of its own: -n P at "
            + "once, --ranks R each")
      }
    }
    switch action {
    case .list: return try list(console)
    case .show: return try show(console)
    case .run: return try work(console)
    case .table: return try draw(console)
    }
  }

  private var absoluteRoot: String { URL(filePath: root).standardizedFileURL.path }

  private func list(_ console: Console) throws -> Int32 {
    let all = try ExperimentCatalogue.names.map { try ExperimentCatalogue.experiment($0) }
    if isJSON {
      console.result(
        .array(
          all.map {
            [
              "name": .string($0.name), "title": .string($0.title),
              "source": .string($0.source),
            ]
          }))
    } else {
      console.result(
        Columns.text(["name", "source", "title"], all.map { [$0.name, $0.source, $0.title] }))
    }
    return 0
  }

  private func show(_ console: Console) throws -> Int32 {
    let experiment = try ExperimentCatalogue.experiment(word)
    if isJSON {
      console.result(experiment.definition)
      return 0
    }
    let list = try ExperimentJobs(experiment, at: scale, root: absoluteRoot).list
    let scales = Experiment.Scale.allCases.map { scale in
      "  \(scale.rawValue.padding(toLength: 7, withPad: " ", startingAt: 0))"
        + experiment.meaning(scale)
    }
    let commands = list.jobs.map { "  " + $0.command }
    console.result(
      """
      \(experiment.title)
      \(experiment.source). \(experiment.claim)

      scales
      \(scales.joined(separator: "\n"))

      commands at scale \(scale.rawValue), in the folder of --out (--scale for others)
      \(commands.joined(separator: "\n"))
      """)
    return 0
  }

  private func work(_ console: Console) throws -> Int32 {
    Workers.start(1)
    let experiment = try ExperimentCatalogue.experiment(word)
    let plan = try ExperimentJobs(experiment, at: scale, root: absoluteRoot)
    let folder = ExperimentFolder(URL(filePath: out ?? ".").standardizedFileURL.path)
    if isDry {
      let needs = try ExperimentPlan(plan.list, in: folder, isSmoke: scale == .smoke) {
        console.progress($0)
      }
      console.closeLine()
      console.result(isJSON ? Self.document(needs).document : Self.text(needs, experiment, scale))
      return 0
    }
    let target = "\(folder.path)/\(experiment.name).json"
    if FileManager.default.fileExists(atPath: target) {
      // What a result of that name holds is made again; anything else stays.
      let existing = try? ExperimentCatalogue.result(target)
      guard let existing, existing.scale == scale else {
        let found = existing.map { "a result of scale \($0.scale.rawValue)" } ?? "another file"
        throw UsageError(
          "\(target): found \(found), which the result would replace; move it away, or name another --out"
        )
      }
    }
    console.note("scale \(scale.rawValue): \(experiment.meaning(scale))")
    let outcome = try Crew(folder, plan.list, atOnce: jobs, ranks: ranks) { console.note($0) }
      .work()
    if outcome.isInterrupted {
      console.note("stopped; the same command goes on")
      return 75
    }
    let result = try ExperimentResult(
      experiment, scale, in: folder, plan, failures: outcome.failures, machine: Self.machine)
    try TemporaryFile.write(
      result.json.document + "\n", to: target)
    try Self.write(result, named: experiment.name, to: folder.path, console)
    console.result(isJSON ? result.json.document : try result.page())
    return outcome.failures.isEmpty ? 0 : 1
  }

  /// The processor, and the kernel of matrix products.
  private static var machine: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model =
      text.split(separator: "\n").first { $0.hasPrefix("model name") }?
      .split(separator: ":").last?.drop { $0 == " " } ?? "unknown processor"
    let count = ProcessInfo.processInfo.activeProcessorCount
    return "\(count) x \(model), \(BLAS.kernelName)"
  }

  private func draw(_ console: Console) throws -> Int32 {
    let names = try FileError.wrap(word) {
      try FileManager.default.contentsOfDirectory(atPath: word)
    }.filter { $0.hasSuffix(".json") }.sorted()
    guard !names.isEmpty else {
      throw UsageError("\(word): found no result, expected NAME.json of cleave experiment run")
    }
    for name in names {
      let result = try ExperimentCatalogue.result("\(word)/\(name)")
      try Self.write(result, named: String(name.dropLast(".json".count)), to: word, console)
      if !isJSON { console.result(try result.page()) }
    }
    return 0
  }

  /// Writes page and drawings.
  private static func write(
    _ result: ExperimentResult, named name: String, to folder: String, _ console: Console
  ) throws {
    let drawings = try result.drawings()
    let pictures = drawings.indices.map {
      drawings.count == 1 ? "\(name).svg" : "\(name)-\($0 + 1).svg"
    }
    for (drawing, file) in zip(drawings, pictures) { try drawing.write(to: "\(folder)/\(file)") }
    try TemporaryFile.write(try result.page(pictures: pictures), to: "\(folder)/\(name).md")
    for file in pictures + ["\(name).md"] { console.note("written: \(folder)/\(file)") }
  }

  private static func document(_ plan: ExperimentPlan) -> JSONValue {
    [
      "runs": .integer(plan.runs), "sets": .integer(plan.sets), "readings": .integer(plan.readings),
      "rows": .integer(plan.rows), "core_hours": .real(plan.coreHours),
      "disk_bytes": .integer(plan.diskBytes),
      "unplanned": .array(plan.unplanned.map { .string($0) }),
    ]
  }

  private static func text(
    _ plan: ExperimentPlan, _ experiment: Experiment, _ scale: Experiment.Scale
  ) -> String {
    var lines = [
      "scale \(scale.rawValue): \(experiment.meaning(scale))",
      "runs        \(Quantity.grouped(plan.runs)); "
        + "\(Quantity.count(plan.sets, "set")) of images; "
        + "\(Quantity.count(plan.readings, "reading"))",
      "images      \(Quantity.grouped(plan.rows)) seen in all epochs",
      "core hours  \(Quantity.significant(plan.coreHours, 3)) of training at most",
      "disk        \(Quantity.bytes(plan.diskBytes)), images and one checkpoint of each run",
    ]
    if let first = plan.unplanned.first {
      lines.append("not in these sums: \(Quantity.count(plan.unplanned.count, "run")): \(first)")
    }
    return lines.joined(separator: "\n")
  }
}
