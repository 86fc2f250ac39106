import Training

/// The texts of `--help`.
enum Help {
  /// The help text of one command: names, usage and options.
  static func text(of command: any Subcommand.Type) -> String {
    var usage = "usage: cleave \(command.name)"
    for operand in command.operands { usage += " " + operand.usage }
    usage += " [options]"
    var text = "\(usage)\n\n\(sentence(command.summary))\n"
    if !command.details.isEmpty { text += "\n\(command.details)\n" }
    if !command.operands.isEmpty {
      text += "\n" + table(command.operands.map { ($0.usage, $0.help) })
    }
    text +=
      "\noptions:\n" + table(command.allOptions.filter { !$0.isHidden }.map { ($0.usage, $0.help) })
    return String(text.dropLast())
  }

  /// The help text with all commands.
  static func overview(of commands: [any Subcommand.Type]) -> String {
    let text = """
      usage: cleave COMMAND [arguments], alone or under mpirun -n P

      Trains robust and denoising autoencoders on corrupted images.

      commands:
      \(table(commands.map { ($0.name, $0.summary) }))
      cleave COMMAND --help tells what each one takes. Exit status: 0 done, 1 failed, 64 wrong
      usage, 65 wrong data, 75 stopped on a signal and ready to be resumed.
      """
    return text
  }

  /// Lines of two columns, indented; after a long left column the right column starts a new line.
  static func table(_ rows: [(left: String, right: String)]) -> String {
    let limit = 26
    let width = min(limit, rows.map(\.left.count).max() ?? 0)
    return rows.map { row in
      let gap =
        row.left.count > width
        ? "\n" + String(repeating: " ", count: width + 4)
        : String(repeating: " ", count: width + 2 - row.left.count)
      return "  \(row.left)\(gap)\(row.right)\n"
    }.joined()
  }

  private static func sentence(_ summary: String) -> String {
    summary.prefix(1).uppercased() + summary.dropFirst() + "."
  }
}
