import Datasets
import MPI
import Training

/// `cleave import`: image files from elsewhere into a data set.
struct ImportCommand: Subcommand {
  static let name = "import"
  static let summary = "turn image files from elsewhere into a data set"
  static let details = """
    FORMAT is mnist: the four IDX files, plain or .gz (also Fashion-MNIST). SOURCE is the folder that
    holds them under their usual names, or single files; those with t10k or test in their name make
    the test split.
    """
  static let operands = [
    Operand("FORMAT", "mnist"), Operand("SOURCE", "a folder or files", count: 1...64),
  ]
  static let options = [
    Option.out,
    Option.value("name", "NAME", "what the data set is called (default: the folder's name)"),
    Option.force, Option.json,
  ]

  /// The formats it reads.
  private enum Format: String, CaseIterable {
    case mnist
  }

  private let sources: [String]
  private let output: String
  private let title: String?
  private let isForced: Bool
  private let isJSON: Bool

  init(_ arguments: Arguments) throws {
    let format = arguments.operands[0]
    guard Format(rawValue: format) != nil else {
      let names = Format.allCases.map(\.rawValue)
      throw UsageError("unknown format \(format)" + Spelling.hint(for: format, in: names))
    }
    sources = Array(arguments.operands.dropFirst())
    output = try arguments.required("out")
    title = arguments.value("name")
    isForced = arguments.has("force")
    isJSON = arguments.has("json")
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try world.onRoot {
      try MNISTImporter.run(sources: sources, to: output, name: title, force: isForced)
      try DatasetReport(of: output).print(on: console, asJSON: isJSON)
      return 0
    }
  }
}
