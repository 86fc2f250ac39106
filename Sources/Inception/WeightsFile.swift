import HDF5
import Support

/// A file of `launch/inception-weights`: a float32 dataset for each array of the state dict.
///
/// Attributes of the file: format = "cleave-inception", version = 1, source.
final class WeightsFile: WeightSource {
  static let format = "cleave-inception"
  static let version = 1

  /// Where the weights come from, in words.
  let source: String
  private let file: File
  private(set) var digest = WeightDigest()

  /// Opens a file and checks its attributes.
  ///
  /// - Throws: `WeightsError` if it is another file; `HDF5Error` for trouble of the machine.
  init(_ path: String) throws {
    file = try Self.reading(path) { () throws(HDF5Error) in try File.open(path, reach: .itself) }
    let attributes = try Self.reading(path) { [file] () throws(HDF5Error) in
      (
        format: try file.stringAttribute("format", on: "/"),
        version: try file.intAttribute("version", on: "/"),
        source: try file.stringAttribute("source", on: "/")
      )
    }
    func expect(_ name: String, _ found: String?, _ expected: String) throws {
      guard found != expected else { return }
      let found = found.map { "found \($0.printable.shortened)" } ?? "not found"
      throw WeightsError(file: path, item: "/@\(name)", problem: "\(found), expected \(expected)")
    }
    try expect("format", attributes.format, Self.format)
    try expect("version", attributes.version.map(String.init), String(Self.version))
    guard let source = attributes.source else {
      throw WeightsError(
        file: path, item: "/@source", problem: "not found, expected where the weights come from")
    }
    self.source = source.printable.shortened
  }

  func values(_ name: String, _ shape: [Int]) throws -> [Float] {
    let values = try Self.reading(file.path, bytes: 4 * shape.reduce(1, *)) {
      [file] () throws(HDF5Error) in
      let dataset = try file.dataset(name)
      try dataset.expect(.float32, shape: shape)
      guard dataset.allocation == .whole else {
        throw HDF5Error(
          file: file.path, object: name,
          message: "found a dataset that was never written, expected values")
      }
      return try dataset.readAll(as: Float.self)
    }
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw error(name, "found \(values[index]) at element \(index), expected finite values")
    }
    digest.add(name, values)
    return values
  }

  func error(_ name: String, _ problem: String) -> WeightsError {
    WeightsError(file: file.path, item: name, problem: problem)
  }

  /// Runs a read of a file that somebody else may have made.
  private static func reading<Result>(
    _ path: String, bytes: Int = 0, _ read: () throws(HDF5Error) -> Result
  ) throws -> Result {
    do throws(HDF5Error) {
      return try UntrustedRead.guarded(path, bytes: bytes, read)
    } catch {
      if MachineTrouble.status(errorNumber: error.errorNumber, otherwise: 0) != 0 { throw error }
      throw WeightsError(file: path, item: error.object, problem: error.message)
    }
  }
}
