import MPI
import Support

/// `cleave completion`: prints a script by which a shell completes the words of a command.
struct CompletionCommand: Subcommand {
  static let name = "completion"
  static let summary = "print a script with which a shell completes commands"
  static let details = """
    bash   source <(cleave completion bash)                   in ~/.bashrc
    zsh    source <(cleave completion zsh)                    in ~/.zshrc, after compinit
    fish   cleave completion fish > ~/.config/fish/completions/cleave.fish

    It completes commands, options, presets, formats, keys after --set with their words, metrics
    after --metrics and noises after --noise, and files elsewhere.
    """
  static let operands = [Operand("SHELL", "bash, zsh or fish")]
  static let options = [Option.json]

  /// A shell that completes words.
  enum Shell: String, CaseIterable {
    case bash, zsh, fish
  }

  private let shell: Shell
  private let isJSON: Bool

  init(_ arguments: Arguments) throws {
    let word = arguments.operands[0]
    guard let shell = Shell(rawValue: word) else {
      throw UsageError(
        "found \(word), expected one of "
          + Shell.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self.shell = shell
    isJSON = arguments.has("json")
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try world.onRoot {
      let words = CompletionWords()
      let script =
        switch shell {
        case .bash: words.bash
        case .zsh: words.zsh
        case .fish: words.fish
        }
      if isJSON {
        console.result(["shell": .string(shell.rawValue), "script": .string(script)])
      } else {
        console.result(script)
      }
      return 0
    }
  }
}
