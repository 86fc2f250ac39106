/// A picture that could not be written or read.
public struct ImageError: Error, Equatable, CustomStringConvertible {
  /// The operation that failed.
  public enum Operation: String, Sendable { case read, written }

  /// The format of the file.
  public enum Format: String, Sendable {
    case png = "PNG"
    case jpeg = "JPEG"
    case tiff = "TIFF"
    case bmp = "BMP"
    case gif = "GIF"
    case webp = "WebP"
  }

  /// The file.
  public let path: String
  /// The operation on the file.
  public let operation: Operation
  /// The expected format of the file.
  public let format: Format
  /// The reason, in the words of the codec or the operating system.
  public let reason: String
  /// The operating system's error number; 0 if there was none.
  public let errorNumber: Int32

  /// An error of a PNG file, unless another format is given.
  public init(
    path: String, operation: Operation, format: Format = .png, reason: String,
    errorNumber: Int32 = 0
  ) {
    self.path = path
    self.operation = operation
    self.format = format
    self.reason = reason
    self.errorNumber = errorNumber
  }

  /// One line that names the file and what went wrong.
  public var description: String {
    "\(path): cannot be \(operation) as a \(format.rawValue) file: \(reason)"
  }
}
