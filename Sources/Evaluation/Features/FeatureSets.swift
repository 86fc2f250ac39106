import Checkpoints
import Datasets
import Foundation
import Inception
import Layers
import Runs
import Statistics
import Support
import Tensors
import Training

/// The sets of images whose features are compared with those of clean images.
///
/// Beside the new images stand doing nothing (X), the model's clean part of the same images (L),
/// and other clean images: no model can be nearer than these but by chance.
enum FeatureSet: String, CaseIterable {
  case samples, x = "X", l = "L", real
}

extension MetricOption {
  /// The frozen network.
  static let net = MetricOption(
    "net", "RUN|FILE",
    "the frozen network: a run of feature-net, or a file of Inception's weights",
    .text)
  /// The clean images.
  static let against = MetricOption(
    "against", "SPLIT", "the clean images: the first of train (default; D-40) or of test",
    .word(["train", "test"]))
}

extension Evaluation {
  /// The frozen network of `--net`.
  ///
  /// **Collective.**
  ///
  /// - Throws: `ConfigurationError` without `--net`; errors of the network's file or run.
  func extractor() throws -> any FeatureExtractor {
    try once("extractor") {
      let path = try world.agree {
        guard let path = options.metrics.text(.net) else {
          throw ConfigurationError(
            "--net: found none, expected a run of feature-net or a file of Inception's weights; cleave "
              + "train feature-net --data LABELLED.h5 makes a run")
        }
        return path
      }
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      if isFolder.boolValue { return try FrozenNet(run: RunDirectory(path), on: world) }
      return try world.agree { try InceptionV3(path: path) }
    }
  }

  /// The split of the clean images, and the other one.
  var againstSplit: Split { options.metrics.text(.against) == "test" ? .test : .train }
  private var otherSplit: Split { againstSplit == .test ? .train : .test }

  /// The first clean images that others are compared with.
  ///
  /// - Throws: `RunError.data` for fewer than as many as there are new images.
  func referenceImages(for metric: String) throws -> ImageSet {
    let images = try required(againstSplit, for: metric)
    guard images.count >= generatedCount else {
      throw RunError.data(
        images.path,
        "\(images.split.rawValue): found \(Quantity.count(images.count, "image")), expected "
          + "\(Quantity.grouped(generatedCount)), as many as new images; --generated \(images.count) "
          + "compares fewer")
    }
    return images
  }

  /// Pixels [rows, D] in [0, 1] of some images of a set, block by block; nil where there is no such
  /// set, or it has fewer images than are compared.
  ///
  /// **Collective.**
  func pixels(of set: FeatureSet) throws -> ((Range<Int>) throws -> [Float])? {
    let count = generatedCount
    switch set {
    case .samples:
      guard let sampler = try world.agree({ try sampler() }) else { return nil }
      return { sampler.samples($0).values }
    case .real:
      guard let images = try world.agree({ try cleanPart(otherSplit) }), images.count >= count,
        images.shape == trained.imageShape
      else { return nil }
      return { images.values($0) }
    case .x, .l:
      guard !source.images.isPatches, source.rows >= count else { return nil }
      if set == .x {
        guard source.hasClean else { return nil }
        return { self.source.images.values($0) }
      }
      guard hasSplit || trained.hasFirstStage, trained.model is any Encoding else { return nil }
      let rows = try SplitRows(trained, data, rounds: options.rounds, on: world)
      return { try rows.split($0).l }
    }
  }

  /// Moments of features of the clean images, [F] and [F, F].
  ///
  /// **Collective.**
  func moments(
    of pixels: @escaping (Range<Int>) throws -> [Float], _ extractor: any FeatureExtractor,
    groups: Int = 1
  ) throws -> [FeatureMoments] {
    let empty = FeatureMoments(dimensions: extractor.width)
    let size = empty.sums.count
    let sums = try RowBlocks(rows: generatedCount, of: trained.imageShape, on: world).sum(
      groups * size
    ) { block in
      let features = try features(pixels(block), block.count, extractor)
      var parts = [FeatureMoments](repeating: empty, count: groups)
      // A row's group depends on its number alone.
      for group in 0..<groups {
        let rows = block.filter { $0 % groups == group }
        guard !rows.isEmpty else { continue }
        let chosen = rows.flatMap {
          features.rows($0 - block.lowerBound..<$0 - block.lowerBound + 1).values
        }
        try parts[group].add(Tensor(Shape(rows.count, extractor.width), chosen))
      }
      return parts.flatMap(\.sums)
    }
    return (0..<groups).map {
      var moments = empty
      moments.sums = Array(sums[$0 * size..<($0 + 1) * size])
      return moments
    }
  }

  /// All features of a set, [N, F] on all ranks.
  ///
  /// **Collective.**
  func features(
    of pixels: (Range<Int>) throws -> [Float], _ extractor: any FeatureExtractor
  ) throws -> Tensor {
    try rows(generatedCount, width: extractor.width, of: trained.imageShape) {
      try features(pixels($0), $0.count, extractor).values
    }
  }

  private func features(
    _ pixels: [Float], _ count: Int, _ extractor: any FeatureExtractor
  ) throws -> Tensor {
    let shape = trained.imageShape
    let clipped = pixels.map { min(max($0, 0), 1) }
    let features = try extractor.features(
      of: clipped, count: count, height: shape.height, width: shape.width, channels: shape.channels)
    return Tensor(Shape(count, extractor.width), features)
  }

  /// What a score by features belongs to: scores of unlike texts are not comparable.
  ///
  /// **Collective.**
  func featureFingerprint(for metric: String) throws -> String {
    try once("fingerprint \(metric)") {
      let extractor = try extractor()
      let images = try world.agree { try referenceImages(for: metric) }
      let identity = try DataIdentity(of: images, rows: generatedCount, on: world)
      return "\(extractor.name) \(extractor.digest.prefix(8)), \(Quantity.grouped(generatedCount)) "
        + "images against the first \(Quantity.grouped(generatedCount)) clean ones of "
        + "\(againstSplit.rawValue) (\(identity.digest.prefix(8)), \(images.shape))"
    }
  }
}

extension FrozenNet: FeatureExtractor {}
