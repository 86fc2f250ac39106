import Datasets
import Layers
import MPI
import Support
import Tensors

/// How often a classifier is right about some images.
public struct ClassAccuracy: Equatable, Sendable {
  /// The number of images.
  public let images: Int
  /// Images whose class it tells.
  public let right: Int
  /// Images of the most frequent class: how often one answer for all is right.
  public let majority: Int
  /// Images of classes that it does not know, about which it is always wrong.
  public let unknown: Int

  /// From sums over the images: how many are right, how many are of unknown classes, and how many
  /// are of each class.
  public init(_ sums: [Double]) {
    (right, unknown) = (Int(sums[0]), Int(sums[1]))
    let known = sums.dropFirst(2)
    majority = Int(known.max() ?? 0)
    images = unknown + Int(known.reduce(0, +))
  }

  /// The share of images about which it is right.
  public var share: Double { Double(right) / Double(max(1, images)) }
  /// The share of the most frequent class.
  public var majorityShare: Double { Double(majority) / Double(max(1, images)) }
  /// The standard error of the share, for images drawn at random.
  public var standardError: Double {
    (share * (1 - share) / Double(max(1, images))).squareRoot()
  }
}

/// Counts the images about which a classifier is right.
public struct ClassCounter {
  private let model: any Classifying
  private let images: ImageSet
  private let labels: [Int32]
  private let step = Step(seed: 0)  // nothing is drawn

  /// A counter for images with labels, as they are.
  ///
  /// - Throws: `DatasetError.mismatch` for images without labels.
  public init(_ model: any Classifying, _ images: ImageSet) throws(DatasetError) {
    guard let labels = images.labels else {
      throw .mismatch(
        file: images.path, item: "/\(images.split.rawValue)/labels", found: "none",
        expected: "the class of each image, with which the model's answer is compared")
    }
    (self.model, self.images, self.labels) = (model, images, labels)
  }

  /// The number of sums.
  public var width: Int { 2 + model.classes }

  /// The sums of `ClassAccuracy` over consecutive rows.
  public func count(_ rows: Range<Int>) -> [Double] {
    var sums = [Double](repeating: 0, count: width)
    rows.map(Int32.init).withUnsafeBufferPointer {
      step.begin(
        rows: $0, dimensions: images.shape.count, purpose: .evaluation, time: 0, labels: labels
      ) { images.gather(rows, into: $0) }
    }
    let logits = model.logits(ofFeatures: model.features(step.target))
    sums[0] = Double(logits.count(ofRight: step.labels))
    for label in step.labels {
      let isKnown = label >= 0 && Int(label) < model.classes
      sums[isKnown ? 2 + Int(label) : 1] += 1
    }
    return sums
  }

  /// The accuracy over blocks of rows.
  ///
  /// **Collective.** Counts do not depend on the number of ranks.
  ///
  /// - Parameter own: the blocks that this rank counts.
  public func accuracy(_ own: [Range<Int>], on world: Communicator) throws -> ClassAccuracy {
    var sums = [Double](repeating: 0, count: width)
    for block in own {
      Activity.begin("counting right answers")
      for (i, value) in count(block).enumerated() { sums[i] += value }
    }
    try world.allReduce(&sums, .sum)
    return ClassAccuracy(sums)
  }
}
