import CHDF5
import Foundation

/// Why an HDF5 file could not be read or written: one line that names the file and the object.
public struct HDF5Error: Error, Equatable, Sendable, CustomStringConvertible {
  /// The path of the file as the caller gave it.
  public let file: String
  /// The dataset, group or attribute inside the file; nil if the file itself is wrong.
  public let object: String?
  /// What was found and what was expected.
  public let message: String
  /// The HDF5 function that failed; nil if the file is sound but is not the expected file.
  public let call: String?
  /// The status that `call` returned.
  public let status: Int
  /// The operating system's error number of the failure; 0 if there was none.
  public let errorNumber: Int32

  /// An error found without a failing HDF5 call: a missing dataset, a wrong type or shape.
  public init(file: String, object: String? = nil, message: String) {
    self.init(
      file: file, object: object, message: message, call: nil, status: 0, errorNumber: 0)
  }

  init(
    file: String, object: String?, message: String, call: String?, status: Int, errorNumber: Int32
  ) {
    self.file = file
    self.object = object
    self.message = message
    self.call = call
    self.status = status
    self.errorNumber = errorNumber
  }

  /// The same error under another path: the final path of a temporary file.
  public func renamed(_ path: String) -> HDF5Error {
    HDF5Error(
      file: path, object: object, message: message, call: call, status: status,
      errorNumber: errorNumber)
  }

  /// "file: object: message".
  public var description: String {
    guard let object else { return "\(file): \(message)" }
    return "\(file): \(object): \(message)"
  }
}

extension HDF5Error {
  /// The error of the last, failed HDF5 call, explained by HDF5's error stack.
  static func last(
    _ call: String, status: Int, file: String, object: String? = nil
  ) -> HDF5Error {
    let reason = innermostReason()
    let number = errorNumber(in: reason)
    let message =
      if [ENOSYS, ENOLCK, EOPNOTSUPP].contains(number), reason.contains("lock file") {
        "no file locks on this file system: set HDF5_USE_FILE_LOCKING=FALSE"
      } else if number != 0 {
        String(cString: strerror(number)).lowercased()
      } else if let sizes = truncatedSizes(in: reason) {
        "truncated: found \(sizes.found) bytes, expected \(sizes.expected)"
      } else if reason.contains("file close degree doesn't match") {
        "found a part that leads back to this file, expected parts that do not show each other"
      } else if reason.contains("file signature not found") {
        "not an HDF5 file"
      } else {
        "\(call) failed: \(reason.isEmpty ? "no reason given" : reason)"
      }
    return HDF5Error(
      file: file, object: object, message: message, call: call, status: status, errorNumber: number)
  }

  /// The deepest description in this thread's error stack: the first failure.
  private static func innermostReason() -> String {
    var reason = ""
    let status = withUnsafeMutablePointer(to: &reason) { destination in
      H5Ewalk2(
        chdf5_default_error_stack(), H5E_WALK_UPWARD,
        { index, record, context in
          guard index == 0, let record, let text = record.pointee.desc else { return 0 }
          context?.assumingMemoryBound(to: String.self).pointee = String(cString: text)
          return 0
        }, destination)
    }
    guard status >= 0 else { return "" }
    return reason.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  /// The error number of a failed system call; HDF5 writes "…, errno = 28, error message = '…', …".
  private static func errorNumber(in reason: String) -> Int32 {
    guard let start = reason.range(of: "errno = ")?.upperBound else { return 0 }
    return Int32(reason[start...].prefix(while: \.isNumber)) ?? 0
  }

  /// The sizes of a truncated file, as HDF5 reports them.
  ///
  /// HDF5 writes "truncated file: eof = 100, sblock->base_addr = 0, stored_eof = 2048".
  private static func truncatedSizes(in reason: String) -> (found: Int, expected: Int)? {
    guard reason.hasPrefix("truncated file") else { return nil }
    let numbers = reason.split { !$0.isNumber }.compactMap { Int($0) }
    guard let found = numbers.first, let expected = numbers.last else { return nil }
    return (found, expected)
  }
}

/// Prepares HDF5 for the calling thread, before its first call.
func prepareLibrary() {
  _ = noCleaningAtExit
  // Errors carry the text that HDF5 would print. This call fails only for an invalid error stack;
  // the default error stack always exists.
  _ = H5Eset_auto2(chdf5_default_error_stack(), nil, nil)
}

/// Keeps HDF5 from writing unwritten data of open files at exit.
///
/// After a failed write, on a full disk for example, such writing crashes. The owner of each file
/// closes it.
private let noCleaningAtExit: Bool = H5dont_atexit() >= 0
