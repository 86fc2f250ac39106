import Support

/// An experiment that cannot be read, planned, run or shown: one line.
public struct ExperimentError: ExitStatusError, Equatable, CustomStringConvertible {
  /// One line.
  public let description: String
  /// 64 for words of the command line, 65 for a file.
  public let exitStatus: Int32

  /// An error of words on the command line.
  static func usage(_ text: String) -> ExperimentError {
    ExperimentError(description: text, exitStatus: 64)
  }

  /// An error of a file or a definition.
  static func data(_ text: String) -> ExperimentError {
    ExperimentError(description: text, exitStatus: 65)
  }
}
