/// An error that knows the status the process should end with: 64 for wrong usage, 65 for bad data,
/// 75 for a temporary failure, 1 otherwise.
public protocol ExitStatusError: Error {
  /// The exit status of a process that this error ends.
  var exitStatus: Int32 { get }
}

/// The exit status of an error that nothing else maps: its own where it has one, otherwise 1.
public func exitStatus(of error: any Error) -> Int32 {
  (error as? any ExitStatusError)?.exitStatus ?? 1
}
