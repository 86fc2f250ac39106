import MPI
import Models
import Support
import Training

/// `cleave presets`: the list of named configurations, or one of them in full.
struct PresetsCommand: Subcommand {
  static let name = "presets"
  static let summary = "list the presets, or print one as JSON"
  static let details = """
    The JSON of a preset is a configuration file for cleave train. With --explain, each setting
    comes with its source: a section or decision (D-..) of docs/systems.md and docs/decisions.md;
    [P] is what the paper states, [C] what its authors' code does, "own" a choice of this program.
    --keys lists every setting there is, with its default, the values it may have, and what it
    does.
    """
  static let operands = [Operand("NAME", "the preset to print", count: 0...1)]
  static let options = [
    Option.flag("explain", "where each value of the preset comes from"),
    Option.flag("keys", "what can be set, instead of presets"), Option.json,
  ]

  private let preset: Preset?
  private let isExplained: Bool
  private let listsKeys: Bool
  private let isJSON: Bool

  init(_ arguments: Arguments) throws {
    preset = try arguments.operands.first.map(Preset.named)
    isExplained = arguments.has("explain")
    listsKeys = arguments.has("keys")
    isJSON = arguments.has("json")
    if isExplained && preset == nil { throw UsageError("--explain needs the name of a preset") }
    if listsKeys && preset != nil { throw UsageError("--keys goes without a preset") }
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try world.onRoot {
      switch preset {
      case .some(let preset) where isExplained: try explain(preset, on: console)
      case .some(let preset): console.result(try preset.configuration().json)
      case nil where listsKeys: listKeys(on: console)
      case nil: list(on: console)
      }
      return 0
    }
  }

  private func list(on console: Console) {
    if isJSON {
      let presets = Preset.all.map { JSONValue.Member($0.name, .string($0.summary)) }
      console.result(["presets": .object(presets)])
    } else {
      let rows = Preset.all.map { (left: $0.name, right: $0.summary) }
      console.result(String(Help.table(rows).dropLast()))
    }
  }

  private func listKeys(on console: Console) {
    if isJSON {
      let members = Configuration.keys.map { key in
        JSONValue.Member(
          key.name,
          [
            "default": key.defaultValue, "expected": .string(key.expected),
            "summary": .string(key.summary),
            "models": Configuration.readers(of: key).map { .array($0.map { .string($0) }) }
              ?? .null,
          ])
      }
      return console.result(.object(members))
    }
    let lines = Configuration.keys.map { key in
      "\(key.name)=\(key.defaultValue.line)  \(key.expected)\n    \(key.summary)"
        + (Configuration.readers(of: key).map { "\n    for " + $0.joined(separator: ", ") } ?? "")
    }
    console.result(lines.joined(separator: "\n"))
  }

  private func explain(_ preset: Preset, on console: Console) throws {
    let configuration = try preset.configuration()
    if isJSON {
      let members = Configuration.keys.map { key in
        JSONValue.Member(
          key.name, ["value": configuration[key], "source": .string(preset.source(of: key))])
      }
      return console.result(.object(members))
    }
    let rows = Configuration.keys.map { key in
      [key.name, configuration[key].line, preset.source(of: key)]
    }
    console.result(
      Columns.text(["key", "value", "source"], rows) + """
        \n Numbers are sections of docs/systems.md, D-.. of docs/decisions.md; words name other
        pages of docs/, or "own". [P]: the paper states it. [C]: its authors' code has it. [R]:
        neither does.
        """)
  }
}
