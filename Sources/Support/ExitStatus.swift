/// An error with the exit status of the process that it ends.
///
/// 64 is wrong usage, 65 bad data, 75 a temporary failure, 1 anything else.
public protocol ExitStatusError: Error {
  /// The exit status of a process that this error ends.
  var exitStatus: Int32 { get }
}

/// The exit status of an error that no other mapping knows: its own status if it has one, otherwise
/// 1.
public func exitStatus(of error: any Error) -> Int32 {
  (error as? any ExitStatusError)?.exitStatus ?? 1
}
