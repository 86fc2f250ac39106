import Datasets
import MPI
import Support
import Training

/// `cleave import`: makes a data set from image files of other programs.
struct ImportCommand: Subcommand {
  static let name = "import"
  static let summary = "turn image files from elsewhere into a data set"
  static var details: String {
    let formats = ImporterCatalogue.importers.map { importer in
      let lines = importer.help.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
      let options = importer.options.map { "--\($0.name)" }
      let some = options.prefix(6).joined(separator: " ")
      let more = options.dropFirst(6).joined(separator: " ")
      return "\(importer.format)\n\(lines)" + (some.isEmpty ? "" : "\n  Options: \(some)")
        + (more.isEmpty ? "" : "\n           \(more)")
    }
    return "The FORMATs and their SOURCEs:\n\n" + formats.joined(separator: "\n\n")
  }
  static var operands: [Operand] {
    [
      Operand("FORMAT", "one of " + ImporterCatalogue.formats.joined(separator: ", ")),
      Operand("SOURCE", "files or a folder, as the format has it", count: 1...64),
    ]
  }
  static var options: [Option] {
    [
      Option.out,
      Option.value("name", "NAME", "what the data set is called (default: from the source)"),
    ]
      + formatOptions.map {
        Option(name: $0.name, placeholder: $0.placeholder, help: $0.help, isRepeatable: false)
      }
      + [Option.force, Option.json]
  }

  /// The options of all formats, each option once.
  private static var formatOptions: [ImportOption] {
    ImporterCatalogue.importers.flatMap { $0.options }.reduce(into: []) { all, option in
      if !all.contains(where: { $0.name == option.name }) { all.append(option) }
    }
  }

  private let importer: any Importer.Type
  private let sources: [String]
  private let values: [String: String]
  private let output: String
  private let title: String?
  private let isForced: Bool
  private let isJSON: Bool

  init(_ arguments: Arguments) throws {
    let format = arguments.operands[0]
    guard let importer = ImporterCatalogue.importer(of: format) else {
      throw UsageError(
        "unknown format \(format)" + Spelling.hint(for: format, in: ImporterCatalogue.formats))
    }
    var values: [String: String] = [:]
    for option in Self.formatOptions {
      guard let value = arguments.value(option.name) else { continue }
      guard importer.options.contains(where: { $0.name == option.name }) else {
        throw UsageError("--\(option.name) does not go with \(format)")
      }
      values[option.name] = value
    }
    self.importer = importer
    self.values = values
    sources = Array(arguments.operands.dropFirst())
    output = try arguments.required("out")
    title = arguments.value("name")
    isForced = arguments.has("force")
    isJSON = arguments.has("json")
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try world.onRoot {
      let display = WorkDisplay(console)
      let report = try importer.run(
        sources: sources, options: values, to: output, name: title, force: isForced,
        monitor: display.monitor)
      display.finish()
      for note in report.notes { console.note(note) }
      for image in report.skipped { console.warning("left out: \(image.reason)") }
      if !report.skipped.isEmpty {
        console.warning("\(Quantity.count(report.skipped.count, "broken image")) left out")
      }
      try DatasetReport(of: output).print(on: console, asJSON: isJSON)
      return 0
    }
  }
}
