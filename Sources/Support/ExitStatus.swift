import Foundation

/// An error with the exit status of the process that it ends.
///
/// docs/files.md lists the statuses.
public protocol ExitStatusError: Error {
  /// The exit status of a process that this error ends.
  var exitStatus: Int32 { get }
}

/// The exit status of an error that no other mapping knows.
///
/// Its own status if it has one; 74 for an error of Foundation that tells trouble of the machine;
/// otherwise 1.
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
    let error = error as NSError
    if error.domain == NSPOSIXErrorDomain { return Int32(truncatingIfNeeded: error.code) }
    if let cause = error.userInfo[NSUnderlyingErrorKey] as? any Error {
      return errorNumber(of: cause)
    }
    guard error.domain == NSCocoaErrorDomain else { return 0 }
    // Foundation tells the cause of a failed write by its own code alone.
    switch CocoaError.Code(rawValue: error.code) {
    case .fileWriteOutOfSpace: return ENOSPC
    case .fileWriteVolumeReadOnly: return EROFS
    case .fileWriteNoPermission, .fileReadNoPermission: return EACCES
    case .fileNoSuchFile, .fileReadNoSuchFile: return ENOENT
    default: return 0
    }
  }
}
