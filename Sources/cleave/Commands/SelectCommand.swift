import Datasets
import MPI
import Support

/// `cleave select`: writes a part of a data set.
struct SelectCommand: Subcommand {
  static let name = "select"
  static let summary = "write a part of a data set"
  static let details = """
    Images of some classes, perhaps with a share of others among them, fewer images, another test split, or an
    attribute for the classes. Images stay in their order; labels, attributes and names go with them.

      cleave select mnist.h5 threes.h5 --classes 3 --outliers 0.2 --count 500
      cleave select faces.h5 split.h5 --test 1000
      cleave select faces.h5 hats.h5 --label Wearing_Hat
    """
  static let operands = [
    Operand("IN.h5", "the data set, not corrupted"),
    Operand("OUT.h5", "what to write"),
  ]
  static let options = [
    Option.value("classes", "LIST", "images of these classes alone, by number or name"),
    Option.value("outliers", "P", "so many of them, 0 to 0.9, from other classes"),
    Option.value("count", "N", "training images at most"),
    Option.value("test", "N", "so many training images become the test split"),
    Option.value("label", "NAME", "classes by an attribute: 1 with it, 0 without"),
    Option.value("seed", "K", "another K draws other images (default 595)"),
    Option.force, Option.json,
  ]

  private let input: String, output: String
  private let selection: SelectImages
  private let isForced: Bool, isJSON: Bool

  init(_ arguments: Arguments) throws {
    (input, output) = (arguments.operands[0], arguments.operands[1])
    var selection = SelectImages()
    if let classes = arguments.value("classes") {
      selection.classes = classes.split(separator: ",", omittingEmptySubsequences: false)
        .map(String.init)
      guard !selection.classes.contains("") else {
        throw UsageError("--classes: found \(classes), expected classes with commas between them")
      }
    }
    if let text = arguments.value("outliers") {
      guard let share = Double(text), share >= 0, share <= 0.9 else {
        throw UsageError("--outliers: found \(text), expected 0 to 0.9")
      }
      guard !selection.classes.isEmpty else {
        throw UsageError("--outliers: found without --classes, beside which others are outliers")
      }
      selection.outliers = share
    }
    selection.count = try arguments.integer("count", in: 1...Int.max)
    selection.test = try arguments.integer("test", in: 1...Int.max)
    selection.attribute = arguments.value("label")
    selection.seed = try arguments.seed()
    self.selection = selection
    isForced = arguments.has("force")
    isJSON = arguments.has("json")
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try world.onRoot {
      try selection.run(input: input, output: output, force: isForced)
      try DatasetReport(of: output).print(on: console, asJSON: isJSON)
      return 0
    }
  }
}
