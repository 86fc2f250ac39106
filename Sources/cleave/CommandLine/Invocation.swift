import Datasets
import Doctor
import Support
import Training

/// The request in the words of the command line.
struct Invocation {
  /// The action to take.
  enum Action {
    /// Print a text.
    case text(String)
    /// Run a command.
    case command(any Subcommand)
  }

  /// The start of an error line: `cleave` or `cleave COMMAND`.
  private(set) var program = "cleave"
  /// Whether `--quiet` was given.
  private(set) var isQuiet = false
  /// The action, or the error in the words.
  private(set) var action: Result<Action, any Error> = .success(.text(""))

  /// The commands in the order of the help text.
  static var commands: [any Subcommand.Type] {
    [
      ImportCommand.self, SynthesizeCommand.self, SelectCommand.self, CorruptCommand.self,
      AdviseCommand.self,
      TrainCommand.self,
      DenoiseCommand.self, ReconstructCommand.self, EncodeCommand.self, SampleCommand.self,
      ScoreCommand.self, EvaluateCommand.self, CompareCommand.self, ExperimentCommand.self,
      InfoCommand.self,
      VerifyCommand.self, PlanCommand.self, BenchCommand.self, PresetsCommand.self,
      DoctorCommand.self,
      CompletionCommand.self, VersionCommand.self,
    ]
  }

  /// Parses the words after `cleave`.
  init(_ words: [String]) {
    action = Result { try understand(words) }
  }

  private mutating func understand(_ words: [String]) throws -> Action {
    guard let first = words.first else {
      throw UsageError("missing command; cleave --help lists them")
    }
    switch first {
    case "--help", "-h": return .text(Help.overview(of: Self.commands))
    case "--version": return .text(VersionCommand.text)
    case "help":
      guard words.count > 1 else { return .text(Help.overview(of: Self.commands)) }
      return .text(Help.text(of: try Self.command(words[1])))
    default: return try understand(Self.command(first), Array(words.dropFirst()))
    }
  }

  private mutating func understand(
    _ type: any Subcommand.Type, _ words: [String]
  ) throws -> Action {
    program = "cleave \(type.name)"
    let arguments = try Arguments(words, options: type.allOptions)
    if arguments.has("help") { return .text(Help.text(of: type)) }
    try arguments.check(operands: type.operands)
    isQuiet = arguments.has("quiet")
    let command = try type.init(arguments)
    if let kernel = arguments.value("blas-core") { try BLASCore.use(kernel) }
    return .command(command)
  }

  private static func command(_ name: String) throws(UsageError) -> any Subcommand.Type {
    guard let command = commands.first(where: { $0.name == name }) else {
      let kind = name.hasPrefix("-") ? "option" : "command"
      throw UsageError(
        "unknown \(kind) \(name)" + Spelling.hint(for: name, in: commands.map { $0.name }))
    }
    return command
  }
}
