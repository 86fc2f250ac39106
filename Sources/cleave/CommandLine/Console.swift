import Foundation
import Support
import Training

/// Prints results to standard output, and progress and diagnostics to standard error.
///
/// Only rank 0 prints. Texts may hold names from files: what could steer a terminal is replaced.
final class Console {
  /// Whether this process prints.
  let isSpeaking: Bool
  /// Whether `--quiet` was given.
  let isQuiet: Bool
  /// Whether standard error is a terminal where a line can be rewritten.
  let isLive: Bool
  private var openLine = 0

  init(isRoot: Bool, isQuiet: Bool) {
    isSpeaking = isRoot
    self.isQuiet = isQuiet
    let environment = ProcessInfo.processInfo.environment
    let plain = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    isLive = isRoot && !isQuiet && !plain && isatty(2) != 0
  }

  /// Prints a result as a line on standard output.
  func result(_ text: String) {
    guard isSpeaking else { return }
    closeLine()
    FileHandle.standardOutput.write(Data((text.printableLines + "\n").utf8))
  }

  /// Prints a JSON document on standard output.
  func result(_ value: JSONValue) { result(value.document) }

  /// Prints a line on standard error, unless `--quiet` was given.
  func note(_ text: String) {
    guard isSpeaking, !isQuiet else { return }
    closeLine()
    writeError(text.printableLines + "\n")
  }

  /// Prints a warning on standard error, even with `--quiet`.
  func warning(_ text: String) {
    guard isSpeaking else { return }
    closeLine()
    writeError("warning: \(text.printable)\n")
  }

  /// Shows progress: on a terminal, the next progress line replaces this line.
  ///
  /// Elsewhere each call prints a line.
  func progress(_ text: String) {
    guard isSpeaking, !isQuiet else { return }
    let text = text.printable
    guard isLive else { return writeError(text + "\n") }
    let visible = String(text.prefix(terminalWidth - 1))
    let padding = String(repeating: " ", count: max(0, openLine - visible.count))
    writeError("\r" + visible + padding)
    openLine = visible.count
  }

  /// Ends the progress line, so that other text starts on a new line.
  func closeLine() {
    guard openLine > 0 else { return }
    writeError("\n")
    openLine = 0
  }

  /// Columns of the terminal; a longer progress line could not be replaced.
  private var terminalWidth: Int {
    var size = winsize()
    guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else { return 80 }
    return Int(size.ws_col)
  }

  private func writeError(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
