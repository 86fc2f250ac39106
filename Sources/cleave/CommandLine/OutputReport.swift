import Evaluation
import Support

/// The content of what a command wrote about a run, as `cleave info` prints it.
struct OutputReport {
  private let path: String
  private let summary: OutputSummary

  /// Reads the summary; nil for a path that is no such output.
  ///
  /// - Throws: errors of reading it.
  init?(of path: String) throws {
    guard let summary = try OutputSummary(of: path) else { return nil }
    self.path = path
    self.summary = summary
  }

  /// Prints the content as text, or as the document of `cleave info --json`.
  func print(on console: Console, asJSON: Bool) {
    console.result(asJSON ? json.document : text)
  }

  private var json: JSONValue {
    var members = [
      JSONValue.Member("format", .string(summary.format)),
      JSONValue.Member("command", summary.command.map { .string($0) } ?? .null),
    ]
    members += summary.origin.map { JSONValue.Member($0.name, .string($0.value)) }
    if !summary.datasets.isEmpty {
      members.append(
        JSONValue.Member(
          "datasets",
          .object(
            summary.datasets.map {
              JSONValue.Member(
                $0.name,
                ["type": .string($0.type), "shape": .array($0.shape.map { .integer($0) })])
            })))
    }
    return .object(members + summary.facts)
  }

  private var text: String {
    let what =
      switch summary.format {
      case "cleave-pictures": "a folder of pictures"
      case "cleave-picture": "a picture"
      case "cleave-scores": "scores of images"
      default: "a file of results"
      }
    var lines = [path + ": " + what + (summary.command.map { ", by cleave \($0)" } ?? "")]
    lines += summary.origin.map { "  \($0.name) \($0.value)" }
    if summary.format == "cleave-scores" {
      lines.append("  run not named: a table has no place for it, score --out FILE.h5 has")
    }
    lines += summary.datasets.map { dataset in
      let shape = dataset.shape.map(String.init).joined(separator: "x")
      return "  /\(dataset.name): \(dataset.type) \(shape)"
    }
    lines += summary.facts.map { "  \($0.name) \(Self.words($0.value))" }
    return lines.map(\.printable).joined(separator: "\n")
  }

  private static func words(_ value: JSONValue) -> String {
    switch value {
    case .string(let text): text
    case .integer(let count): Quantity.grouped(count)
    case .real(let number): Quantity.significant(number, 6)
    case .array(let values): values.map(words).joined(separator: ", ")
    default: value.line
    }
  }
}
