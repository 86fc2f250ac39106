/// Words as a shell takes them.
public enum ShellWords {
  /// A word that needs no quotes stays as it is; any other gets single quotes.
  public static func quoted(_ word: String) -> String {
    let plain = word.unicodeScalars.allSatisfy {
      $0.isASCII
        && ($0.properties.isAlphabetic || "0123456789_./:=,+@%-".unicodeScalars.contains($0))
    }
    if plain && !word.isEmpty { return word }
    return "'" + word.replacing("'", with: "'\\''") + "'"
  }

  /// The command line of this process, as a user would type it again.
  public static var ownCommand: String {
    (["cleave"] + CommandLine.arguments.dropFirst().map(quoted)).joined(separator: " ")
  }
}
