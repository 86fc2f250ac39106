import MPI
import Support

/// A setting that cannot be: one line that names the key, what was found and what was expected.
public struct ConfigurationError: ExitStatusError, Equatable, CustomStringConvertible {
  /// One line, without the name of the file or option the setting came from.
  public let description: String
  /// 64: the command or the configuration file is at fault.
  public var exitStatus: Int32 { 64 }

  /// An error with a message of its own.
  public init(_ description: String) { self.description = description }

  /// `key: found F, expected E`.
  public init(key: String, found: String, expected: String) {
    description = "\(key): found \(found), expected \(expected)"
  }
}
