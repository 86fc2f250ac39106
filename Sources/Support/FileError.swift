import Foundation

/// An operation of the file system that failed: one line that names the path.
public struct FileError: ExitStatusError, Equatable, CustomStringConvertible {
  /// The file or folder.
  public let path: String
  /// The system's message.
  public let reason: String

  /// An error from its parts.
  public init(_ path: String, _ reason: String) {
    self.path = path
    self.reason = reason
  }

  /// The error of a C function that has just failed.
  public static func last(_ path: String) -> FileError {
    FileError(path, String(cString: strerror(errno)).lowercased())
  }

  /// One line.
  public var description: String { "\(path): \(reason)" }

  /// 1: trouble of the machine.
  public var exitStatus: Int32 { 1 }

  /// Runs `body`, whose errors of Foundation become errors that name `path` and the cause.
  public static func wrap<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as CocoaError {
      let cause = error.underlying as? POSIXError
      throw FileError(
        path,
        cause.map { String(cString: strerror($0.code.rawValue)).lowercased() }
          ?? error.localizedDescription)
    }
  }
}
