import Foundation
import Support

/// The process that writes a run, as `owner.json` names it.
public struct RunOwner: Equatable, Sendable {
  /// What tells this ownership from all others.
  public let id: String
  /// The process of rank 0.
  public let process: ProcessIdentity
  /// When it began.
  public let since: String
  /// How often it has renewed the file.
  public var renewals = 0

  /// This process, from now on.
  init() {
    id = RunMark.newID()
    process = .own
    since = RunMark.now()
  }

  /// Reads the file's text; nil for any other text.
  init?(_ text: String) {
    guard let document = try? JSONValue(parsing: text), let id = document["id"]?.text,
      let host = document["host"]?.text, let machine = document["machine"]?.text,
      let since = document["since"]?.text, let process = document["process"]?.integer,
      let started = document["process_start"]?.integer, let renewals = document["renewals"]?.integer
    else { return nil }
    self.id = id
    self.process = ProcessIdentity(
      host: host, machine: machine, process: process, started: started)
    self.since = since
    self.renewals = renewals
  }

  /// Whether a text may be what a crash has left of such a file.
  static func isTorn(_ text: String) -> Bool {
    let (whole, text) = (RunOwner().text, text.drop { $0 == "\0" })
    let start = whole.prefix { $0 != "," }
    return text.isEmpty || text.hasPrefix(start) || start.hasPrefix(text)
  }

  /// The file's text, of the same length whatever the number of renewals is.
  var text: String {
    let document: JSONValue = [
      "format": "cleave-owner", "id": .string(id), "host": .string(process.host),
      "process": .integer(process.process), "since": .string(since),
      "machine": .string(process.machine), "process_start": .integer(process.started),
      "renewals": .integer(renewals),
    ]
    let digits = String(renewals).count
    return document.line + String(repeating: " ", count: max(0, 12 - digits)) + "\n"
  }

  /// `node3, process 1234, since 2026-11-29T17:45:59Z`, without control characters.
  public var words: String { "\(process.words), since \(since)".printable }
}
