import Datasets
import MPI
import Support
import Training

/// `cleave synthesize`: draws a data set of built-in images.
struct SynthesizeCommand: Subcommand {
  static let name = "synthesize"
  static let summary = "make a built-in data set"
  static var details: String {
    let kinds = SyntheticCatalogue.kinds.map { kind in
      let lines = kind.help.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
      return "\(kind.kind)\n\(lines)"
    }
    return """
      The KINDs; an image is a function of the seed and its row alone:

      \(kinds.joined(separator: "\n\n"))
      """
  }
  static var operands: [Operand] {
    [Operand("KIND", "one of " + SyntheticCatalogue.names.joined(separator: ", "))]
  }
  static let options = [
    Option.out,
    Option.value("count", "N", "training images (default 60000)"),
    Option.value("test", "N", "test images (default a sixth of the others, at most 10000)"),
    Option.value("seed", "K", "another K makes other images (default 595)"),
    Option.force, Option.json,
  ]

  private let kind: any SyntheticImages.Type
  private let output: String
  private let count: Int
  private let testCount: Int
  private let seed: UInt64
  private let isForced: Bool
  private let isJSON: Bool

  init(_ arguments: Arguments) throws {
    let name = arguments.operands[0]
    guard let kind = SyntheticCatalogue.kind(named: name) else {
      throw UsageError(
        "unknown kind \(name)" + Spelling.hint(for: name, in: SyntheticCatalogue.names))
    }
    self.kind = kind
    output = try arguments.required("out")
    count = try arguments.integer("count", in: 1...100_000_000) ?? 60_000
    testCount = try arguments.integer("test", in: 0...100_000_000) ?? min(count / 6, 10_000)
    seed = try arguments.seed()
    isForced = arguments.has("force")
    isJSON = arguments.has("json")
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try world.onRoot {
      let display = WorkDisplay(console)
      try kind.write(
        count: count, test: testCount, seed: seed, to: output, force: isForced,
        monitor: display.monitor)
      display.finish()
      try DatasetReport(of: output).print(on: console, asJSON: isJSON)
      return 0
    }
  }
}
