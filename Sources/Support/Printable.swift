extension String {
  /// The text with a sign in the place of everything that could steer a terminal: control
  /// characters, line ends, marks of direction.
  ///
  /// For names and messages that come from a file.
  public var printable: String { replacingSteering { _ in false } }

  /// The same for a text of several lines, whose line ends and tabulators stay.
  public var printableLines: String { replacingSteering { $0 == "\n" || $0 == "\t" } }

  /// The beginning of a long text, for messages: a value from a file may have any length.
  public var shortened: String {
    let limit = 200
    return utf8.count <= limit ? self : String(prefix(limit)) + "… (\(utf8.count) bytes)"
  }

  private func replacingSteering(except stays: (Unicode.Scalar) -> Bool) -> String {
    guard unicodeScalars.contains(where: { $0.isSteering && !stays($0) }) else { return self }
    return String(
      String.UnicodeScalarView(
        unicodeScalars.map { $0.isSteering && !stays($0) ? "\u{FFFD}" : $0 }))
  }
}

extension Unicode.Scalar {
  /// Whether the character could steer a terminal.
  var isSteering: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
