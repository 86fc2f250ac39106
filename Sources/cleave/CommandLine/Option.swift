import Training

/// One option of a command, for parsing and for `--help`.
struct Option: Sendable {
  /// The name after `--`; a name of one letter follows a single `-`.
  let name: String
  /// The placeholder of the value in the help text; nil for a flag.
  let placeholder: String?
  /// The effect, in a line.
  let help: String
  /// Whether it may be given more than once.
  let isRepeatable: Bool
  /// Whether `--help` leaves it out.
  var isHidden = false

  /// An option without a value.
  static func flag(_ name: String, _ help: String) -> Option {
    Option(name: name, placeholder: nil, help: help, isRepeatable: false)
  }

  /// An option with a value: `--name VALUE` or `--name=VALUE`.
  static func value(
    _ name: String, _ placeholder: String, _ help: String, repeatable: Bool = false
  ) -> Option {
    Option(name: name, placeholder: placeholder, help: help, isRepeatable: repeatable)
  }

  /// An option with a value, for tests: it is repeatable, and `--help` leaves it out.
  static func hidden(_ name: String, _ placeholder: String, _ help: String) -> Option {
    Option(name: name, placeholder: placeholder, help: help, isRepeatable: true, isHidden: true)
  }

  /// The option as users type it: `--out` or `-n`.
  var typed: String { (name.count == 1 ? "-" : "--") + name }

  /// The left column of the help text.
  var usage: String { placeholder.map { "\(typed) \($0)" } ?? typed }
}

/// An operand of a command: an argument that is not an option.
struct Operand: Sendable {
  /// The placeholder in the help text.
  let placeholder: String
  /// The meaning, in a line.
  let help: String
  /// The allowed number of words for the operand.
  let count: ClosedRange<Int>

  /// An operand; it must be given once, unless `count` says otherwise.
  init(_ placeholder: String, _ help: String, count: ClosedRange<Int> = 1...1) {
    self.placeholder = placeholder
    self.help = help
    self.count = count
  }

  /// The operand in a usage line: `FILE`, `[FILE]`, `FILE...`.
  var usage: String {
    let name = placeholder + (count.upperBound > 1 ? "..." : "")
    return count.lowerBound == 0 ? "[\(name)]" : name
  }
}

extension Option {
  /// Options of several commands, so that each has one meaning everywhere.
  static let json = flag("json", "print one JSON document instead of text")
  static let force = flag("force", "replace what exists already")
  static let data = value(
    "data", "FILE", "the data set (HDF5); without, the one a run is trained on")
  static let acceptData = flag(
    "accept-data", "take images that are not those trained on, where the run's own are expected")
  static let group = value(
    "group", "NAME", "the rows of this group alone, where the data set has groups")
  static let split = value("split", "NAME", "its part: train (default), validation or test")
  static let best = flag("best", "the checkpoint of the lowest score, not the newest")
  static let rounds = value(
    "rounds", "N",
    "rounds at most that split an image the run was not trained on "
      + "(default \(FrozenSplit.usualRounds))")
  static let out = value("out", "FILE", "what to write")

  /// A fault to inject, for tests.
  static let inject = hidden("inject", "FAULT", "kind@step[:rank], as docs/cluster.md lists them")

  /// Options that describe images of a file that Cleave did not write.
  static let layout = [
    value("images", "PATH", "the images' dataset inside the file, for files from elsewhere"),
    value("layout", "ORDER", "the order of its dimensions: nhwc (default) or nchw"),
    value(
      "shape", "H,W,C",
      "the sides of an image, where the dataset is [N, D]; C,H,W with --layout nchw"),
    value("scale", "V", "the stored value that stands for 1 (255 in bytes, 1 in floats)"),
    flag("external", "follow the file's links and parts to files outside its folder"),
  ]

  /// The options of every command.
  static let common = [
    flag("quiet", "only results and errors"),
    value("blas-core", "NAME", "the matrix kernel OpenBLAS shall use; auto for its own choice"),
    flag("help", "this text"),
  ]
}
