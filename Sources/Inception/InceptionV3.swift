import Tensors

/// The features of pool3 of Inception-v3 2015-12-05, by which FID is defined.
///
/// Images are resized bilinearly to 299x299 and scaled to [-1, 1], as in the public PyTorch port.
/// Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
/// Equilibrium", NIPS 2017.
public final class InceptionV3: FeatureExtractor {
  /// `inception-v3-2015-12-05`; with weights by rule `inception-v3-random`.
  public let name: String
  /// The checksum of the weights; docs/files.md says of what.
  public let digest: String
  /// Where the weights come from, in words.
  public let source: String
  /// 2048.
  public var width: Int { InceptionNetwork.width }

  private let network: InceptionNetwork
  private var memories: [NetworkMemory] = []

  /// Images that share a look at the large weights; more would not fit into a cache.
  private static let group = 8

  /// Reads the weights from a file that `launch/inception-weights` made.
  ///
  /// - Throws: `WeightsError` for another file; `HDF5Error` if the machine fails.
  public convenience init(path: String) throws {
    let file = try WeightsFile(path)
    try self.init(file, source: file.source) { file.digest.text }
  }

  /// A network with random weights, for tests and measurements of speed.
  ///
  /// They are those of `launch/inception-weights --random SEED`.
  public convenience init(randomWeights seed: Int) throws {
    let weights = RandomWeights(seed: seed)
    try self.init(weights, source: Self.source(random: seed)) { weights.digest.text }
  }

  /// The attribute `source` of a file of random weights.
  static func source(random seed: Int) -> String { "random \(seed)" }

  private init(_ weights: any WeightSource, source: String, digest: () -> String) throws {
    network = try InceptionNetwork(weights)
    self.digest = digest()
    self.source = source
    name = source.hasPrefix("random ") ? "inception-v3-random" : "inception-v3-2015-12-05"
  }

  /// The features of some images, [count, 2048].
  ///
  /// `Workers` share the images. Memory does not grow with their number.
  ///
  /// - Parameters:
  ///   - images: [count, height, width, channels] in [0, 1].
  ///   - channels: 1 or 3; traps for other numbers.
  /// - Throws: `FeatureError` if a value or a feature is not finite.
  public func features(
    of images: UnsafePointer<Float>, count: Int, height: Int, width: Int, channels: Int
  ) throws -> [Float] {
    try check(images, count: count, of: height * width * channels, "value")
    let threads = Workers.count
    while memories.count < threads {
      memories.append(NetworkMemory(network.network, group: Self.group))
    }
    let features = self.width
    var values = [Float](repeating: 0, count: count * features)
    values.withUnsafeMutableBufferPointer { values in
      guard let first = values.baseAddress else { return }
      Workers.share(threads, grain: 1) { parts in
        for part in parts {
          let own = part * count / threads..<(part + 1) * count / threads
          let resize = TorchResize(
            height: height, width: width, channels: channels,
            to: (InceptionNetwork.side, InceptionNetwork.side))
          run(own, in: memories[part], into: first) { image, place in
            resize(images + image * height * width * channels, into: place)
          }
        }
      }
    }
    try check(values, count: count, of: features, "feature")
    return values
  }

  /// Refuses numbers that are not finite: max(0, y) would take them for zeros.
  private func check(
    _ values: UnsafePointer<Float>, count: Int, of width: Int, _ noun: String
  ) throws(FeatureError) {
    for i in 0..<count * width where !values[i].isFinite {
      throw FeatureError(
        name,
        "image \(i / width): found \(values[i]) as \(noun) \(i % width), expected finite values")
    }
  }

  /// The features of a range of images, group by group.
  private func run(
    _ images: Range<Int>, in memory: NetworkMemory, into values: UnsafeMutablePointer<Float>,
    load: (Int, UnsafeMutablePointer<Float>) -> Void
  ) {
    for start in stride(from: images.lowerBound, to: images.upperBound, by: memory.group) {
      let count = min(memory.group, images.upperBound - start)
      memory.run(count) { load(start + $0, $1) }
      for image in 0..<count {
        memory.read(network.features, image: image, into: values + (start + image) * width)
      }
    }
  }
}
