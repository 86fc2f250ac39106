import Foundation
import TestSupport
import Testing

/// A command with bad input: what it must say, and the status it must end with.
struct BadInput: Sendable, CustomTestStringConvertible {
  let command: String
  let message: String
  let status: Int32
  /// What is wrong, for the log and the table.
  let title: String
  /// The files that the command finds.
  let given: [Given]
  /// On how many ranks it runs, one after the other; nil is without `mpirun`.
  let ranks: [Int?]

  /// A row of the table in `BadInputTests`.
  init(
    _ title: String, _ command: String, _ given: [Given], _ status: Int32, _ message: String,
    ranks: [Int?] = [nil, 4]
  ) {
    self.title = title
    self.command = command
    self.given = given
    self.status = status
    self.message = message
    self.ranks = ranks
  }

  /// An input of another test, which makes its files and chooses its ranks.
  init(_ command: String, _ message: String, _ status: Int32, title: String? = nil) {
    self.init(title ?? command, command, [], status, message, ranks: [])
  }

  var testDescription: String { title }

  /// With `CLEAVE_TEST_TABLE` set, each input is printed as a row `title | ranks | status | line`.
  private static let printsTable =
    ProcessInfo.processInfo.environment["CLEAVE_TEST_TABLE"] != nil

  /// Runs the command and expects its status and one line that holds the message.
  ///
  /// The folder has to stay as it was.
  func expectFailure(ranks: Int?, in folder: URL) throws {
    let before = try contents(of: folder)
    let run = try Tool.run(command, ranks: ranks, in: folder)
    if Self.printsTable {
      let line = run.errors.split(separator: "\n").first { $0.hasPrefix("cleave") } ?? ""
      print("| \(title) | \(ranks ?? 1) | \(run.status) | \(line) |")
    }
    let what: Comment = "cleave \(command) on \(ranks ?? 1) ranks\n\(run)"
    #expect(run.status == status, what)
    #expect(!run.timedOut, what)
    #expect(run.output.isEmpty, what)
    let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("cleave") }
    #expect(lines.count == 1, what)
    #expect(lines.first?.contains(message) == true, what)
    // A resume names each damaged checkpoint before it gives up; others say what they have read.
    let others = run.errors.split(separator: "\n").filter {
      !$0.hasPrefix("warning: checkpoint ") && !$0.hasPrefix("read ")
    }
    if ranks == nil { #expect(others.count == 1, what) }
    #expect(try contents(of: folder) == before, what)
  }
}
