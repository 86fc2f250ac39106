import MPI
import Support

/// Why a checkpoint could not be written or read: one line that names it.
public struct CheckpointError: ExitStatusError, Equatable, Sendable, CustomStringConvertible {
  /// The file or directory at fault.
  public let path: String
  /// The found and the expected state of it.
  public let message: String
  /// The failing C function; empty where none failed.
  public let call: String
  /// The error number of the operating system; 0 where no call failed.
  public let errorNumber: Int32

  /// "path: message".
  public var description: String { "\(path): \(message)" }

  /// 65 for bad data, 74 for trouble of the machine such as a full disk, 1 where the system failed
  /// for another reason.
  public var exitStatus: Int32 {
    errorNumber == 0 ? 65 : MachineTrouble.status(errorNumber: errorNumber, otherwise: 1)
  }

  init(path: String, message: String, call: String = "", errorNumber: Int32 = 0) {
    self.path = path
    self.message = message
    self.call = call
    self.errorNumber = errorNumber
  }
}
