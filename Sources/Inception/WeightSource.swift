import Checkpoints
import Support

/// Where the arrays of a network come from, by the names of a state dict of PyTorch.
protocol WeightSource: AnyObject {
  /// The elements of an array, row-major; all are finite.
  ///
  /// - Throws: `WeightsError` if there is no such array of this shape.
  func values(_ name: String, _ shape: [Int]) throws -> [Float]

  /// An error about an array.
  func error(_ name: String, _ problem: String) -> WeightsError
}

/// A file that does not have the weights of the network: one line that names the remedy.
public struct WeightsError: ExitStatusError, Equatable, CustomStringConvertible {
  /// The file.
  public let file: String
  /// The dataset or attribute; nil if the file itself is wrong.
  public let item: String?
  /// What was found and what was expected.
  public let problem: String

  /// One line.
  public var description: String {
    let place = item.map { "\($0): " } ?? ""
    return "\(file): \(place)\(problem) "
      + "(launch/inception-weights makes this file of pytorch-fid's weights)"
  }

  /// 65: wrong data.
  public var exitStatus: Int32 { 65 }
}

/// The checksum of the arrays of a network.
///
/// It is the XXH3-128 of a line `NAME CHECKSUM` for each array, in the order of the names. The
/// checksum of an array is the XXH3-128 of its floats, little-endian and row-major.
struct WeightDigest {
  private var digests: [String: String] = [:]

  mutating func add(_ name: String, _ values: [Float]) {
    let digest = Digest()
    digest.update(values)
    digests[name] = digest.text
  }

  /// 32 hexadecimal digits.
  var text: String {
    let whole = Digest()
    for (name, digest) in digests.sorted(by: { $0.key < $1.key }) {
      whole.update(Array("\(name) \(digest)\n".utf8))
    }
    return whole.text
  }
}
