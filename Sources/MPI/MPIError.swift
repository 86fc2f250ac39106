import CMPI
import Support

/// A call to the MPI library that failed.
public struct MPIError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The C function that was called.
  public let call: String
  /// The raw code it returned.
  public let code: Int32
  /// What the library says about the code.
  public let message: String

  init(call: String, code: Int32, message: String) {
    self.call = call
    self.code = code
    self.message = message
  }

  /// The call and the library's explanation on one line.
  public var description: String { "\(call): \(message) (code \(code))" }
}

/// Throws an error for a status other than `MPI_SUCCESS` of the C function `call`.
@inline(__always)
func check(_ call: StaticString, _ status: Int32) throws(MPIError) {
  if status != MPI_SUCCESS { throw failure(of: call, status) }
}

/// Like `check`, for a call that returns after other ranks make the same call.
func checkWaiting(_ call: StaticString, _ status: @autoclosure () -> Int32) throws(MPIError) {
  try check(call, Activity.waiting(for: call) { status() })
}

/// The error for a status other than `MPI_SUCCESS`.
///
/// The C function is `MPI_Error_string`.
@inline(never)
private func failure(of call: StaticString, _ status: Int32) -> MPIError {
  var length: Int32 = 0
  let text = String(unsafeUninitializedCapacity: Int(MPI_MAX_ERROR_STRING)) { buffer in
    buffer.withMemoryRebound(to: CChar.self) {
      MPI_Error_string(status, $0.baseAddress, &length) == MPI_SUCCESS ? Int(length) : 0
    }
  }
  return MPIError(call: "\(call)", code: status, message: text.isEmpty ? "unknown error" : text)
}

/// An error that every rank throws because at least one rank threw in ``Communicator/agree(_:)``.
public struct AgreedError: ExitStatusError, CustomStringConvertible {
  /// The lowest rank that failed.
  public let rank: Int
  /// The host of that rank.
  public let host: String
  /// The message of that rank's error.
  public let message: String
  /// The exit status of that rank's error.
  public let exitStatus: Int32
  /// Whether every rank failed with the same message.
  public let isEverywhere: Bool
  /// The number of ranks that agreed.
  public let rankCount: Int
  /// This rank's own error; nil if this rank had no error.
  public let underlying: (any Error)?

  /// The message, after the rank and its host unless all ranks have the same message.
  public var description: String {
    isEverywhere ? message : "rank \(rank) (\(host)): \(message)"
  }
}
