import MPI

/// A command of the tool: what it is called, what it takes, and what it does.
protocol Subcommand {
  /// The word after `cleave`.
  static var name: String { get }
  /// What it does, in a line that continues "cleave NAME ...".
  static var summary: String { get }
  /// Further paragraphs of the help text; may be empty.
  static var details: String { get }
  /// Its operands, in order.
  static var operands: [Operand] { get }
  /// Its own options, without those that all commands take.
  static var options: [Option] { get }

  /// Takes the arguments apart and checks all that can be checked without looking at a file.
  ///
  /// - Throws: `UsageError`, or another error of status 64.
  init(_ arguments: Arguments) throws

  /// Does the work. **Collective.**
  ///
  /// - Returns: The exit status; 0 but for a run that was stopped (75) or a check that did not hold (1).
  func run(on world: Communicator, _ console: Console) throws -> Int32
}

extension Subcommand {
  static var details: String { "" }

  /// Its own options and the common ones.
  static var allOptions: [Option] { options + Option.common }
}

extension Communicator {
  /// Runs `body` on rank 0 while the others wait; all ranks go on, or fail with the same error, together.
  ///
  /// **Collective.**
  ///
  /// - Returns: On every rank, the status that `body` returned on rank 0.
  /// - Throws: Rank 0's error; on several ranks as an `AgreedError` with its message and status.
  func onRoot(_ body: () throws -> Int32) throws -> Int32 {
    guard size > 1 else { return try body() }
    var outcome = [Int64(0), 0]
    var message = ""
    if isRoot {
      do {
        outcome[0] = Int64(try body())
      } catch {
        outcome = [Int64(exitStatus(error)), 1]
        message = String(describing: error)
      }
    }
    try allReduce(&outcome, .max)
    message = try broadcast(message)
    let status = Int32(truncatingIfNeeded: outcome[0])
    return try agree {
      if outcome[1] != 0 { throw RootFailure(description: message, exitStatus: status) }
      return status
    }
  }
}
