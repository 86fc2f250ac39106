extension String {
  /// The text with a sign in the place of everything that could steer a terminal: control
  /// characters, line ends, marks of direction.
  ///
  /// For names and messages that come from a file.
  public var printable: String {
    let steering: Set<Unicode.GeneralCategory> = [
      .control, .format, .lineSeparator, .paragraphSeparator,
    ]
    return String(
      String.UnicodeScalarView(
        unicodeScalars.map { steering.contains($0.properties.generalCategory) ? "\u{FFFD}" : $0 }))
  }
}
