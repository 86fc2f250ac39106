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
    does; --keys lambda latent explains these alone, with their sources and the presets that have
    another value.
    """
  static let operands = [
    Operand("NAME", "the preset to print, or with --keys the settings", count: 0...100)
  ]
  static let options = [
    Option.flag("explain", "where each value of the preset comes from"),
    Option.flag("keys", "what can be set, instead of presets; all of it, or the settings named"),
    Option.json,
  ]

  private let preset: Preset?
  private let isExplained: Bool
  private let listsKeys: Bool
  private let keys: [KeyDescription]
  private let isJSON: Bool

  init(_ arguments: Arguments) throws {
    isExplained = arguments.has("explain")
    listsKeys = arguments.has("keys")
    let names = arguments.operands
    if !listsKeys && names.count > 1 { throw UsageError("unexpected argument \(names[1])") }
    if listsKeys, let name = names.first, Preset.all.contains(where: { $0.name == name }) {
      throw UsageError("--keys goes without a preset, or with names of settings; found \(name)")
    }
    keys = listsKeys ? try names.map { try Configuration.key($0) } : []
    preset = listsKeys ? nil : try names.first.map(Preset.named)
    isJSON = arguments.has("json")
    if isExplained && preset == nil { throw UsageError("--explain needs the name of a preset") }
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try world.onRoot {
      switch preset {
      case .some(let preset) where isExplained: try explain(preset, on: console)
      case .some(let preset): console.result(try preset.configuration().json)
      case nil where listsKeys: try listKeys(on: console)
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

  private func listKeys(on console: Console) throws {
    let shown = keys.isEmpty ? Configuration.keys : keys
    if isJSON {
      let members = try shown.map { key in
        JSONValue.Member(
          key.name,
          [
            "default": key.defaultValue, "expected": .string(key.expected),
            "summary": .string(key.summary),
            "models": Configuration.readers(of: key).map { .array($0.map { .string($0) }) }
              ?? .null,
            "source": .string(key.source), "fixed": .boolean(key.isFixed),
            "presets": .object(
              try Self.presets(with: key).map { JSONValue.Member($0.name, $0.value) }),
          ])
      }
      return console.result(.object(members))
    }
    if !keys.isEmpty {
      return console.result(try keys.map(Self.explanation).joined(separator: "\n\n"))
    }
    let lines = Configuration.keys.map { key in
      "\(key.name)=\(key.defaultValue.line)  \(key.expected)\n    \(key.summary)"
        + (Configuration.readers(of: key).map { "\n    for " + $0.joined(separator: ", ") } ?? "")
    }
    console.result(lines.joined(separator: "\n"))
  }

  /// All that is known of a key, in lines.
  private static func explanation(of key: KeyDescription) throws -> String {
    let readers = Configuration.readers(of: key)?.joined(separator: ", ") ?? "all"
    let others = Dictionary(grouping: try presets(with: key)) { $0.value.line }
      .sorted { $0.value[0].name < $1.value[0].name }
      .map { "\(shown($0.value[0].value)) in \(Quantity.list($0.value.map(\.name), atMost: 5))" }
    let rows: [(left: String, right: String)] =
      [
        ("values", key.expected), ("default", shown(key.defaultValue)), ("source", key.source),
        ("models", readers), ("given as", "--set \(key.name)=VALUE"),
        ("on a resume", key.isFixed ? "fixed for the run" : "may change"),
      ] + others.map { ("presets", $0) }
    return "\(key.name): \(key.summary)\n" + Help.table(rows).dropLast()
  }

  /// The presets that have another value than the default.
  private static func presets(
    with key: KeyDescription
  ) throws -> [(name: String, value: JSONValue)] {
    try Preset.all.compactMap { preset in
      let configuration = try preset.configuration()
      guard configuration.keysRead.contains(where: { $0.name == key.name }) else { return nil }
      let value = configuration[key]
      return value == key.defaultValue ? nil : (preset.name, value)
    }
  }

  /// A value as it is given; nothing and an empty text as words.
  private static func shown(_ value: JSONValue) -> String {
    let text = KeyDescription.assignment(of: value)
    return text.isEmpty ? "empty" : text
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
