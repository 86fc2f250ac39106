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
  private let terminal: Terminal?
  private var openLine = 0
  private var lostResult: LostResult?

  init(isRoot: Bool, isQuiet: Bool) {
    isSpeaking = isRoot
    self.isQuiet = isQuiet
    let environment = ProcessInfo.processInfo.environment
    let plain = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    terminal = Terminal()
    isLive = isRoot && !isQuiet && !plain && terminal != nil
  }

  /// Prints a result as a line on standard output; ``finish()`` tells whether it was lost.
  func result(_ text: String) {
    guard isSpeaking else { return }
    closeLine()
    keeping { () throws(LostResult) in try StandardStreams.result(text.printableLines + "\n") }
  }

  /// Makes sure that no result was lost.
  ///
  /// - Throws: `LostResult`.
  func finish() throws(LostResult) {
    if isSpeaking { keeping { () throws(LostResult) in try StandardStreams.finishResults() } }
    if let lostResult { throw lostResult }
  }

  private func keeping(_ body: () throws(LostResult) -> Void) {
    do { try body() } catch { lostResult = lostResult ?? error }
  }

  /// Prints a JSON document on standard output.
  func result(_ value: JSONValue) { result(value.document) }

  /// Prints a line on standard error, unless `--quiet` was given.
  func note(_ text: String) {
    guard isSpeaking, !isQuiet else { return }
    closeLine()
    writeError(text.printable + "\n")
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
    let visible = String(text.prefix((terminal?.columns ?? 80) - 1))
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

  private func writeError(_ text: String) { StandardStreams.message(text) }
}
