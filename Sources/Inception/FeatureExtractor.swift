import Support

/// A frozen network that describes an image by a row of features.
///
/// Distances between sets of images, such as FID, compare the features of one extractor only. Name
/// and digest tell which extractor it was.
public protocol FeatureExtractor {
  /// The network in a word, `inception-v3-2015-12-05` for example.
  var name: String { get }
  /// The checksum of its weights, 32 hexadecimal digits.
  var digest: String { get }
  /// F, the number of features of an image.
  var width: Int { get }

  /// The features of some images, [count, F].
  ///
  /// The features of an image do not depend on the other images of the call.
  ///
  /// - Parameters:
  ///   - images: [count, height, width, channels] in [0, 1].
  ///   - channels: 1 or 3; an extractor of colours repeats grey three times.
  /// - Throws: If images of this shape cannot be taken, or a feature is not a finite number.
  func features(
    of images: UnsafePointer<Float>, count: Int, height: Int, width: Int, channels: Int
  ) throws -> [Float]
}

/// Images without usable features, in one line.
public struct FeatureError: ExitStatusError, Equatable, CustomStringConvertible {
  /// The name of the extractor.
  public let extractor: String
  /// What was found and what was expected.
  public let problem: String

  /// An error of an extractor.
  public init(_ extractor: String, _ problem: String) {
    (self.extractor, self.problem) = (extractor, problem)
  }

  /// One line.
  public var description: String { "features by \(extractor): \(problem)" }

  /// 65: wrong data.
  public var exitStatus: Int32 { 65 }
}
