import Runs
import Support
import Training

/// The runs of the groups of a data set, as `cleave info` prints them.
struct GroupReport {
  private let runs: GroupRuns
  private let states: [GroupRuns.State]

  /// Reads the runs of a folder and how far each is.
  ///
  /// - Throws: errors of reading them.
  init(of path: String) throws {
    runs = try GroupRuns(at: path)
    states = try runs.groups.map { [runs] in try runs.state(of: $0) }
  }

  /// Prints the content as text, or as the document of `cleave info --json`.
  func print(on console: Console, asJSON: Bool) {
    console.result(asJSON ? json.document : text)
  }

  private static func word(_ state: GroupRuns.State) -> String {
    switch state {
    case .waiting: "waiting"
    case .begun: "begun"
    case .finished: "finished"
    }
  }

  private var json: JSONValue {
    let groups = zip(runs.groups, states).map { group, state -> JSONValue in
      [
        "name": .string(group.name), "run": .string(runs.run(of: group).path),
        "rows": .integer(group.rows), "state": .string(Self.word(state)),
        "step": state.step.map { .integer($0) } ?? .null,
      ]
    }
    return [
      "format": "cleave-groups", "model": .string(runs.configuration.model),
      "preset": runs.request.map { .string($0.preset) } ?? .null,
      "data": .string(runs.configuration.common.data.data), "groups": .array(groups),
    ]
  }

  private var text: String {
    let finished = zip(runs.groups, states).count { Self.word($0.1) == "finished" }
    let preset = runs.request.map { " from \($0.preset)" } ?? ""
    let lines = [
      "\(runs.path): runs of \(runs.configuration.model)\(preset), one for each of "
        + "\(Quantity.count(runs.groups.count, "group")) of \(runs.configuration.common.data.data)",
      "  \(finished) finished",
    ]
    let table = Columns.text(
      ["group", "rows", "state", "step", "run"],
      zip(runs.groups, states).map { group, state in
        [
          group.name, Quantity.grouped(group.rows), Self.word(state),
          state.step.map { Quantity.grouped($0) } ?? "", runs.run(of: group).path,
        ]
      })
    return (lines + [table]).joined(separator: "\n").printableLines
  }
}
