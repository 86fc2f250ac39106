import Foundation
import Support
import Training

/// Where the tool prints: results to standard output, progress and diagnostics to standard error, and
/// nothing at all from a rank other than 0.
final class Console {
  /// Whether this process prints.
  let isSpeaking: Bool
  /// Whether `--quiet` was given.
  let isQuiet: Bool
  /// Whether standard error is a terminal that takes a line being rewritten.
  let isLive: Bool
  private var openLine = 0

  init(isRoot: Bool, isQuiet: Bool) {
    isSpeaking = isRoot
    self.isQuiet = isQuiet
    let environment = ProcessInfo.processInfo.environment
    let plain = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    isLive = isRoot && !isQuiet && !plain && isatty(2) != 0
  }

  /// A result, as a line on standard output.
  func result(_ text: String) {
    guard isSpeaking else { return }
    closeLine()
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// A JSON document on standard output.
  func result(_ value: JSONValue) { result(value.document) }

  /// A line on standard error, unless quiet.
  func note(_ text: String) {
    guard isSpeaking, !isQuiet else { return }
    closeLine()
    writeError(text + "\n")
  }

  /// A warning on standard error, quiet or not.
  func warning(_ text: String) {
    guard isSpeaking else { return }
    closeLine()
    writeError("warning: \(text)\n")
  }

  /// Progress: on a terminal a line that the next one replaces, else a line of its own.
  func progress(_ text: String) {
    guard isSpeaking, !isQuiet else { return }
    guard isLive else { return writeError(text + "\n") }
    let text = String(text.prefix(terminalWidth - 1))
    let padding = String(repeating: " ", count: max(0, openLine - text.count))
    writeError("\r" + text + padding)
    openLine = text.count
  }

  /// Ends the progress line, so that other text starts on a line of its own.
  func closeLine() {
    guard openLine > 0 else { return }
    writeError("\n")
    openLine = 0
  }

  /// Columns of the terminal; a longer line would not be replaced by the next one.
  private var terminalWidth: Int {
    var size = winsize()
    guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else { return 80 }
    return Int(size.ws_col)
  }

  private func writeError(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
