import Foundation

/// An error with the exit status of the process that it ends.
///
/// docs/files.md lists the statuses.
public protocol ExitStatusError: Error {
  /// The exit status of a process that this error ends.
  var exitStatus: Int32 { get }
}

/// The exit status of an error that no other mapping knows: its own status if it has one. 74 for an
/// error of Foundation that tells trouble of the machine. Otherwise 1.
public func exitStatus(of error: any Error) -> Int32 {
  if let error = error as? any ExitStatusError { return error.exitStatus }
  return MachineTrouble.status(errorNumber: MachineTrouble.errorNumber(of: error), otherwise: 1)
}

/// Trouble of the machine that may be over when the command is tried again: a full disk, for
/// example.
public enum MachineTrouble {
  /// Disks that are full, read-only, broken or out of reach, and limits of this process.
  private static let errorNumbers: Set<Int32> = [
    ENOSPC, EDQUOT, EFBIG, EROFS, EIO, ESTALE, EREMOTEIO, ETIMEDOUT, ENOTCONN, EMFILE, ENFILE,
    ENOMEM,
  ]

  /// 74 for an error number that tells trouble of the machine.
  public static func status(errorNumber: Int32, otherwise: Int32) -> Int32 {
    errorNumbers.contains(errorNumber) ? 74 : otherwise
  }

  /// The error number behind an error of Foundation; 0 if there is none.
  public static func errorNumber(of error: any Error) -> Int32 {
    switch error {
    case let error as POSIXError: error.code.rawValue
    case let error as CocoaError:
      if let cause = error.underlying {
        errorNumber(of: cause)
      } else if error.code == .fileWriteOutOfSpace {
        ENOSPC
      } else if error.code == .fileWriteVolumeReadOnly {
        EROFS
      } else {
        0
      }
    default: 0
    }
  }
}
