import MPI

/// A command of the tool, with its name, arguments and work.
protocol Subcommand {
  /// The word after `cleave`.
  static var name: String { get }
  /// The work, in a line that continues "cleave NAME ...".
  static var summary: String { get }
  /// Further paragraphs of the help text; may be empty.
  static var details: String { get }
  /// The operands, in order.
  static var operands: [Operand] { get }
  /// The command's own options, without the options of all commands.
  static var options: [Option] { get }

  /// Parses the arguments and checks everything that needs no file.
  ///
  /// - Throws: `UsageError`, or another error of status 64.
  init(_ arguments: Arguments) throws

  /// Does the work. **Collective.**
  ///
  /// - Returns: The exit status: 0; 75 for a stopped run; 1 for a failed check.
  func run(on world: Communicator, _ console: Console) throws -> Int32
}

extension Subcommand {
  static var details: String { "" }

  /// The command's own options and the options of all commands.
  static var allOptions: [Option] { options + Option.common }
}

extension Communicator {
  /// Runs `body` on rank 0 while other ranks wait.
  ///
  /// All ranks go on together, or fail together with the same error.
  ///
  /// **Collective.**
  ///
  /// - Returns: On every rank, the status that `body` returned on rank 0.
  /// - Throws: Rank 0's error. With several ranks, it is an `AgreedError` with the same message and
  ///   status.
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
