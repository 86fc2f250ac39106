import Foundation
import Support

/// The mark of a run, `run.json`: who made the folder.
public struct RunMark: Equatable, Sendable {
  /// What tells the run from all others, 32 hexadecimal digits.
  public let id: String
  /// The program that made it.
  public let program: String
  /// When it was made, such as `2026-11-29T17:45:59Z`.
  public let created: String

  static let format = "cleave-run"
  static let version = 1

  /// The mark of a new run.
  init() {
    id = Self.newID()
    program = "cleave \(Program.version)"
    created = Self.now()
  }

  /// Reads a mark; nil for a text that is none.
  init?(_ text: String) {
    guard let document = try? JSONValue(parsing: text), document["format"] == .string(Self.format),
      let id = document["id"]?.text
    else { return nil }
    self.id = id
    program = document["program"]?.text ?? ""
    created = document["created"]?.text ?? ""
  }

  var text: String {
    let document: JSONValue = [
      "format": .string(Self.format), "version": .integer(Self.version), "id": .string(id),
      "program": .string(program), "created": .string(created),
    ]
    return document.document + "\n"
  }

  /// 128 random bits.
  static func newID() -> String {
    (0..<16).map { _ in
      let digits = String(UInt8.random(in: 0...255), radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  /// The present time in UTC.
  static func now() -> String { Date.now.formatted(.iso8601) }
}
