import Benchmarks
import Datasets
import Evaluation
import Models
import Training

/// The words that a shell may complete, from the catalogues, as a script for each shell.
struct CompletionWords {
  /// The words that may follow a command's name; none where files follow.
  private func operands(of command: any Subcommand.Type) -> [String] {
    switch command.name {
    case TrainCommand.name, PlanCommand.name, PresetsCommand.name: Preset.all.map(\.name)
    case ImportCommand.name: ImporterCatalogue.formats
    case SynthesizeCommand.name: SyntheticCatalogue.names
    case BenchCommand.name: BenchmarkCatalogue.all.map(\.name)
    case CompletionCommand.name: CompletionCommand.Shell.allCases.map(\.rawValue)
    default: []
    }
  }

  /// The words that may follow an option; nil for an option whose values are not listed, and then
  /// files are offered where its value is a file.
  private func values(of option: Option) -> [String]? {
    switch option.name {
    case "set": keys.map { $0.name + "=" }
    case "metrics": MetricCatalogue.names
    case "noise": Corruption.kinds.map { String($0.spec.prefix { $0 != ":" }) }
    case "split": Split.allCases.map(\.rawValue)
    case "as": Outputs.Shown.allCases.map(\.rawValue)
    case "layout": ImageSetOptions.Layout.allCases.map(\.rawValue)
    case "on-nonfinite": OptimizerSettings.NonFiniteRule.allCases.map(\.rawValue)
    default: Self.isFile(option) ? nil : []
    }
  }

  private static func isFile(_ option: Option) -> Bool {
    let places = ["FILE", "RUN", "DIR", "FOLDER", "LIST.txt", "CSV"]
    return option.placeholder.map { text in places.contains { text.hasPrefix($0) } } ?? false
  }

  private var commands: [any Subcommand.Type] { Invocation.commands }
  private var keys: [KeyDescription] { Configuration.keys }

  private func options(of command: any Subcommand.Type) -> [Option] {
    command.allOptions.filter { !$0.isHidden }
  }

  /// The words of a key whose values are words.
  private static func words(of key: KeyDescription) -> [String] {
    let lead = "one of "
    if key.expected == "true or false" { return ["true", "false"] }
    guard key.expected.hasPrefix(lead) else { return [] }
    return key.expected.dropFirst(lead.count).replacing(" or ", with: ", ")
      .split(separator: ",").map { $0.trimmed }
      .filter { word in word.allSatisfy { $0.isLetter || $0.isNumber || "_-".contains($0) } }
  }

  // MARK: - bash

  /// The script for bash.
  var bash: String {
    let names = commands.map { $0.name }.joined(separator: " ")
    let cases = commands.map { command -> String in
      let typed = options(of: command).map(\.typed).joined(separator: " ")
      return "    \(command.name)) options='\(typed)'; operands='"
        + operands(of: command).joined(separator: " ") + "' ;;"
    }
    var seen: Set<String> = []
    let all = commands.flatMap { options(of: $0) }.filter {
      $0.placeholder != nil && seen.insert($0.typed).inserted
    }
    let lists = all.compactMap { option -> String? in
      guard let words = values(of: option) else { return nil }
      return "    \(option.typed)) listed=1; values='\(words.joined(separator: " "))' ;;"
    }
    let files = all.filter { values(of: $0) == nil }.map(\.typed).joined(separator: "|")
    let keyWords = keys.compactMap { key -> String? in
      let words = Self.words(of: key)
      return words.isEmpty ? nil : "    \(key.name)) values='\(words.joined(separator: " "))' ;;"
    }
    return """
      # Completes the words of cleave: source <(cleave completion bash)
      _cleave() {
        local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
        local command=${COMP_WORDS[1]} options= operands= values= listed= key=
        COMPREPLY=()
        if [ "$COMP_CWORD" -eq 1 ]; then
          COMPREPLY=($(compgen -W '\(names) --help --version' -- "$current"))
          return
        fi
        # A shell that breaks words at = gives "--set key = value" as four words.
        if [ "$current" = = ]; then
          key=$previous current=
          [ "${COMP_WORDS[COMP_CWORD-2]}" = --set ] || return
        elif [ "$previous" = = ]; then
          key=${COMP_WORDS[COMP_CWORD-2]}
          [ "${COMP_WORDS[COMP_CWORD-3]}" = --set ] || return
        fi
        if [ -n "$key" ]; then
          case $key in
      \(keyWords.map { "  " + $0 }.joined(separator: "\n"))
          esac
          COMPREPLY=($(compgen -W "$values" -- "$current"))
          return
        fi
        case $command in
      \(cases.joined(separator: "\n"))
        esac
        case $previous in
      \(lists.joined(separator: "\n"))
          \(files)) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames 2>/dev/null; return ;;
        esac
        if [ -n "$listed" ]; then
          if [ "$previous" = --metrics ] && [ "${current%,*}" != "$current" ]; then
            # A list of metrics goes on after each comma.
            COMPREPLY=($(compgen -P "${current%,*}," -W "$values" -- "${current##*,}"))
          else
            COMPREPLY=($(compgen -W "$values" -- "$current"))
          fi
          [ "$previous" = --set ] && compopt -o nospace 2>/dev/null
          return
        fi
        case $current in
          -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
          *)
            case " ${COMP_WORDS[*]} " in
              *" presets "*"--keys "*) operands='\(keys.map(\.name).joined(separator: " "))' ;;
            esac
            if [ -n "$operands" ] && { [ "$COMP_CWORD" -eq 2 ] || [ "$command" = presets ]; }; then
              COMPREPLY=($(compgen -W "$operands" -- "$current"))
            fi
            if [ "${#COMPREPLY[@]}" -eq 0 ]; then
              COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames 2>/dev/null
            fi ;;
        esac
      }
      complete -F _cleave cleave launch/cleave
      """
  }

  /// The script for zsh, which takes that of bash.
  var zsh: String {
    """
    # Completes the words of cleave: source <(cleave completion zsh)
    autoload -U +X bashcompinit && bashcompinit
    \(bash)
    """
  }

  // MARK: - fish

  /// The script for fish.
  var fish: String {
    func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "\\'") + "'" }
    var lines = ["# Completes the words of cleave.", "complete -c cleave -f"]
    for command in commands {
      lines.append(
        "complete -c cleave -n __fish_use_subcommand -a \(command.name) -d \(quoted(command.summary))"
      )
      let condition = "-n '__fish_seen_subcommand_from \(command.name)'"
      let words = operands(of: command)
      lines.append(
        "complete -c cleave \(condition) "
          + (words.isEmpty ? "-F" : "-a \(quoted(words.joined(separator: " ")))"))
      for option in options(of: command) {
        let name = option.name.count == 1 ? "-s \(option.name)" : "-l \(option.name)"
        var value = ""
        if option.placeholder != nil {
          value =
            values(of: option).map {
              $0.isEmpty ? " -x" : " -x -a \(quoted($0.joined(separator: " ")))"
            } ?? " -r -F"
        }
        lines.append("complete -c cleave \(condition) \(name)\(value) -d \(quoted(option.help))")
      }
    }
    return lines.joined(separator: "\n")
  }
}

extension Substring {
  /// The text without spaces at its ends.
  fileprivate var trimmed: String {
    String(String(drop { $0 == " " }).reversed().drop { $0 == " " }.reversed())
  }
}
