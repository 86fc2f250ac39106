import MPI
import Support

/// A check that all ranks run together; it throws where it does not hold.
typealias RankCheck = @Sendable (_ world: Communicator, _ arguments: [String]) throws -> Void

/// A check that does not hold on this rank.
struct CheckFailure: ExitStatusError, CustomStringConvertible {
  let description: String
  let exitStatus: Int32

  init(_ description: String, exitStatus: Int32 = 1) {
    self.description = description
    self.exitStatus = exitStatus
  }
}

/// Throws unless the condition holds.
func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws {
  if !condition { throw CheckFailure(message()) }
}

/// Throws unless both are equal.
func expectEqual<Value: Equatable>(_ found: Value, _ expected: Value, _ what: String) throws {
  try expect(found == expected, "\(what): found \(found), expected \(expected)")
}
