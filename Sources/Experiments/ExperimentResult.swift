import Checkpoints
import Evaluation
import Foundation
import Runs
import Support
import Training

/// What an experiment found: a small JSON document from which tables and drawings are made.
public struct ExperimentResult: Sendable {
  /// The numbers of one place of the tables.
  struct Entry: Sendable {
    /// One number for each choice of the axes that are averaged over, by its words.
    var values: [String: Double] = [:]
    /// In place of numbers, how they went over the checkpoints.
    var courses: [String: Course] = [:]
    /// What the runs' last checkpoints warn of.
    var warnings: Set<String> = []
    /// Why there is no number; nil where there is one.
    var failure: String?
    /// Seconds of training, of the longest run.
    var seconds = 0.0
  }

  /// The experiment.
  public let experiment: Experiment
  /// Its scale.
  public let scale: Experiment.Scale
  /// Where and when, by whom, and how long: names and texts for people.
  let facts: [(name: String, text: String)]
  /// Each distinct choice of the axes of tables, rows and columns, with its numbers.
  private(set) var entries: [[String: String]: Entry]

  private static let format = "cleave-experiment"

  // MARK: - Collecting

  /// Collects what lies in a folder.
  ///
  /// - Parameters:
  ///   - failures: why jobs failed, by their outputs.
  ///   - machine: the processor and matrix kernel, for people.
  /// - Throws: `ExperimentError` for a reading that has not the number that a cell names.
  public init(
    _ experiment: Experiment, _ scale: Experiment.Scale, in folder: ExperimentFolder,
    _ plan: ExperimentJobs, failures: [String: String], machine: String
  ) throws {
    (self.experiment, self.scale) = (experiment, scale)
    var entries: [[String: String]: Entry] = [:]
    var runs: [String: (seconds: Double, warnings: Set<String>)] = [:]
    for (index, cell) in plan.cells.enumerated() {
      let (run, output) = (plan.list.runs[index], plan.list.readings[index])
      let shown = experiment.layout.shown(cell.at)
      var entry = entries[shown] ?? Entry()
      if let failure = failures[output] {
        entry.failure = failures[run] ?? failure
      } else {
        let averaged = experiment.layout.averaged(cell.at)
        do throws(ExperimentError) {
          let found = try folder.reading(output)
          if cell.reading.isCourse {
            entry.courses[averaged] = try Self.course(found, run, output)
          } else {
            entry.values[averaged] = try cell.reading.number(in: found, output)
          }
        } catch { entry.failure = error.description }
        let about = try runs[run] ?? folder.facts(ofRun: run)
        runs[run] = about
        entry.seconds = max(entry.seconds, about.seconds)
        entry.warnings.formUnion(about.warnings)
      }
      entries[shown] = entry
    }
    self.entries = entries
    let seconds = plan.list.trainings.keys.sorted().reduce(0.0) { sum, run in
      sum + (runs[run]?.seconds ?? (try? folder.facts(ofRun: run).seconds) ?? 0)
    }
    facts = [
      ("runs", "\(plan.list.trainings.count)"), ("training", Quantity.clock(seconds)),
      ("program", "cleave \(Program.version)"), ("machine", machine),
      ("date", String(RunMark.now().prefix(10))),
    ]
  }

  private static func course(
    _ document: JSONValue, _ run: String, _ place: String
  ) throws(ExperimentError) -> Course {
    guard case .array(let runs)? = document["runs"], let first = runs.first,
      case .array(let points)? = first["checkpoints"]
    else { throw .data("\(place): found no checkpoints of a run") }
    return Course(
      run: run,
      points: points.compactMap { point in
        guard let step = point["step"]?.integer, let value = point["value"]?.number else {
          return nil
        }
        return Course.Point(step: step, seconds: point["seconds"]?.number, value: value)
      })
  }

  // MARK: - Reading and writing

  /// The document.
  public var json: JSONValue {
    let cells = entries.keys.sorted { Self.order($0) < Self.order($1) }.map { at -> JSONValue in
      let entry = entries[at] ?? Entry()
      var members: [JSONValue.Member] = [
        .init(
          "at",
          .object(at.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) }))
      ]
      if !entry.values.isEmpty {
        members.append(
          .init(
            "values",
            .object(
              entry.values.sorted { $0.key < $1.key }.map { .init($0.key, .real($0.value)) })))
      }
      if !entry.courses.isEmpty {
        members.append(
          .init(
            "courses",
            .object(
              entry.courses.sorted { $0.key < $1.key }.map { .init($0.key, Self.json($0.value)) })))
      }
      if !entry.warnings.isEmpty {
        members.append(.init("warnings", .array(entry.warnings.sorted().map { .string($0) })))
      }
      if let failure = entry.failure { members.append(.init("failure", .string(failure))) }
      members.append(.init("seconds", .real(entry.seconds.rounded())))
      return JSONValue.object(members)
    }
    return .object([
      .init("format", .string(Self.format)), .init("version", .integer(1)),
      .init("experiment", .string(experiment.name)), .init("scale", .string(scale.rawValue)),
      .init("facts", .object(facts.map { .init($0.name, .string($0.text)) })),
      .init("cells", .array(cells)), .init("definition", experiment.definition),
    ])
  }

  private static func json(_ course: Course) -> JSONValue {
    .array(
      course.points.map { point in
        [
          .integer(point.step), point.seconds.map { .real($0) } ?? .null, .real(point.value),
        ]
      })
  }

  private static func order(_ at: [String: String]) -> String {
    at.sorted { $0.key < $1.key }.map(\.value).joined(separator: "\n")
  }

  /// Reads a document.
  ///
  /// - Throws: `ExperimentError` for anything else.
  public init(_ document: JSONValue, _ place: String) throws(ExperimentError) {
    guard document["format"] == .string(Self.format) else {
      throw .data(
        "\(place): format: found \(document["format"]?.line.shortened ?? "nothing"), expected "
          + "\(Self.format), a result of cleave experiment run")
    }
    guard let definition = document["definition"], let name = document["experiment"]?.text,
      let scale = (document["scale"]?.text).flatMap({ Experiment.Scale(rawValue: $0) })
    else { throw .data("\(place): found no definition, experiment or scale") }
    self.scale = scale
    experiment = try Experiment(definition, name: name, place: place) {
      _ throws(ExperimentError) in throw .data("\(place): like: expected a whole definition")
    }
    var fields = try Fields(document["facts"] ?? .null, "\(place): facts")
    facts = ["runs", "training", "program", "machine", "date"].map {
      ($0, fields.take($0)?.text ?? "")
    }
    entries = [:]
    guard case .array(let cells)? = document["cells"] else {
      throw .data("\(place): found no cells")
    }
    for cell in cells {
      var fields = try Fields(cell, "\(place): cells")
      let at = try fields.object("at").mapValues { $0.text ?? "" }
      var entry = Entry()
      entry.values = try fields.object("values").compactMapValues(\.number)
      entry.courses = try fields.object("courses").mapValues { course in
        guard case .array(let points) = course else { return Course(run: "", points: []) }
        return Course(
          run: "",
          points: points.compactMap { point in
            guard case .array(let parts) = point, parts.count == 3, let step = parts[0].integer,
              let value = parts[2].number
            else { return nil }
            return Course.Point(step: step, seconds: parts[1].number, value: value)
          })
      }
      entry.warnings = Set(try fields.words("warnings"))
      entry.failure = fields.take("failure")?.text
      entry.seconds = fields.take("seconds")?.number ?? 0
      try fields.end()
      entries[at] = entry
    }
  }
}

extension Cell.Reading {
  /// The number in what a command has found.
  func number(in document: JSONValue, _ place: String) throws(ExperimentError) -> Double {
    guard let found = document["metrics"]?[value] else {
      throw .data("\(place): metrics: found no \(value)")
    }
    if let number = found.number { return number }
    let usual = MetricNames.headline(of: metric)
    for name in of.isEmpty ? usual : of {
      if let number = found[name]?.number { return number }
    }
    throw .data(
      "\(place): \(value): found \(found.line.shortened), expected "
        + (of.isEmpty ? usual : of).filter { !$0.isEmpty }.joined(separator: " or "))
  }
}

extension ExperimentFolder {
  /// Seconds that a run was trained, and what its last checkpoint warns of.
  func facts(ofRun run: String) throws -> (seconds: Double, warnings: Set<String>) {
    let directory = RunDirectory("\(path)/\(run)")
    var seconds = RunProgress(directory, directory.identity).seconds ?? 0
    if directory.stage != nil {
      seconds += RunProgress(directory.first, directory.first.identity).seconds ?? 0
    }
    guard let newest = try RunSummary(run: directory.path).newest else { return (seconds, []) }
    let progress = try SavedProgress(newest.progress(), in: newest.contentsPath).progress
    return (seconds, Set(progress.warnings.map(\.rawValue)))
  }
}

extension Layout {
  /// The choices of a cell that tables show.
  func shown(_ at: [String: String]) -> [String: String] {
    at.filter { (tables + rows + columns).contains($0.key) }
  }

  /// The other choices of a cell, in words; `all` where there are none.
  func averaged(_ at: [String: String]) -> String {
    let others = at.filter { !(tables + rows + columns).contains($0.key) }
    return others.isEmpty
      ? "all" : others.sorted { $0.key < $1.key }.map(\.value).joined(separator: ", ")
  }
}
