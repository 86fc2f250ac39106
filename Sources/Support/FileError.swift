import Foundation

/// An operation of the file system that failed: one line that names the path.
public struct FileError: ExitStatusError, Equatable, CustomStringConvertible {
  /// The file or folder.
  public let path: String
  /// The system's message, perhaps after what the failure means.
  public let reason: String
  /// The system's error number; 0 if there was none.
  public let errorNumber: Int32

  /// An error that the operating system did not report.
  public init(_ path: String, _ reason: String) {
    (self.path, self.reason, errorNumber) = (path, reason, 0)
  }

  /// An error that the operating system reported.
  ///
  /// - Parameter meaning: what it means; the system's message follows.
  public init(_ path: String, _ meaning: String? = nil, errorNumber: Int32) {
    let message = String(cString: strerror(errorNumber)).lowercased()
    self.path = path
    reason = (meaning.map { $0 + ": " } ?? "") + message
    self.errorNumber = errorNumber
  }

  /// The error of a C function that has just failed.
  public static func last(_ path: String) -> FileError { FileError(path, errorNumber: errno) }

  /// One line.
  public var description: String { "\(path): \(reason)" }

  /// 74 for trouble of the machine, such as a full disk; 1 for anything else.
  public var exitStatus: Int32 { MachineTrouble.status(errorNumber: errorNumber, otherwise: 1) }

  /// Runs `body`, whose errors of Foundation become errors that name `path` and the cause.
  public static func wrap<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error where error is CocoaError || error is POSIXError {
      let number = MachineTrouble.errorNumber(of: error)
      throw number != 0
        ? FileError(path, errorNumber: number) : FileError(path, error.localizedDescription)
    }
  }
}
