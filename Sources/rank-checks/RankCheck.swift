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

/// A small generator of repeatable numbers for the checks: splitmix64.
struct CheckNumbers {
  private var state: UInt64

  init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// A whole number in 0 ..< bound.
  mutating func next(below bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// A float in -1 ..< 1 with all its bits in use.
  mutating func nextFloat() -> Float { Float(next() >> 40) / Float(1 << 23) - 1 }
}
