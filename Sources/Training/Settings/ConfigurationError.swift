import MPI
import Support

/// A setting that cannot be used: one line with the key, the value found and the value expected.
public struct ConfigurationError: ExitStatusError, Equatable, CustomStringConvertible {
  /// One line, without the name of the file or option of the setting.
  public let description: String
  /// 64: the command or the configuration file is at fault.
  public var exitStatus: Int32 { 64 }

  /// An error with its own message.
  public init(_ description: String) { self.description = description }

  /// `key: found F, expected E`.
  public init(key: String, found: String, expected: String) {
    description = "\(key): found \(found), expected \(expected)"
  }
}
