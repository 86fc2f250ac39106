import Datasets
import MPI
import Training

/// `cleave synthesize`: a data set made up on the spot.
struct SynthesizeCommand: Subcommand {
  static let name = "synthesize"
  static let summary = "make a built-in data set"
  static let details = """
    KIND is digits: 28x28 grey images of hand-like digits with their labels, drawn from strokes of
    varied slant, thickness and position. An image is a function of the seed and its row alone.
    """
  static let operands = [Operand("KIND", "digits")]
  static let options = [
    Option.out,
    Option.value("count", "N", "training images (default 60000)"),
    Option.value("test", "N", "test images (default a sixth of the training images)"),
    Option.value("seed", "K", "another K makes other images (default 595)"),
    Option.force, Option.json,
  ]

  /// The kinds it makes.
  private enum Kind: String, CaseIterable {
    case digits
  }

  private let output: String
  private let count: Int
  private let testCount: Int
  private let seed: UInt64
  private let isForced: Bool
  private let isJSON: Bool

  init(_ arguments: Arguments) throws {
    let kind = arguments.operands[0]
    guard Kind(rawValue: kind) != nil else {
      let names = Kind.allCases.map(\.rawValue)
      throw UsageError("unknown kind \(kind)" + Spelling.hint(for: kind, in: names))
    }
    output = try arguments.required("out")
    count = try arguments.integer("count", in: 1...100_000_000) ?? 60_000
    testCount = try arguments.integer("test", in: 0...100_000_000) ?? count / 6
    seed = try arguments.seed()
    isForced = arguments.has("force")
    isJSON = arguments.has("json")
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try world.onRoot {
      try SyntheticDigits.write(
        count: count, test: testCount, seed: seed, to: output, force: isForced)
      try DatasetReport(of: output).print(on: console, asJSON: isJSON)
      return 0
    }
  }
}
