import MPI
import Support

/// A command with wrong words: status 64.
struct UsageError: ExitStatusError, CustomStringConvertible {
  /// The mistake, in one line.
  let description: String
  var exitStatus: Int32 { 64 }

  init(_ description: String) { self.description = description }
}

/// The failure of rank 0, as every rank reports it.
struct RootFailure: ExitStatusError, CustomStringConvertible {
  let description: String
  let exitStatus: Int32
}
