import Datasets
import Images
import Layers

/// Judges how well a model repairs damage of larger parts, without clean images (docs/systems.md,
/// 8.13).
///
/// Blotches are planted on a tenth of each image's pixels. The model repairs the image without being
/// told where they are, and the result is compared with the image before, at all its values, by
/// Huber's measure as in `HiddenPixels`. What was damaged before counts against a model that repairs
/// it, but it is little beside what was planted, and bounded. A model without S is judged by its L.
public final class PlantedRepair: BlindMeasure {
  /// The name of the criterion in tables.
  public static let name = "planted"
  /// How far the median has to be from a pixel to take its place, in the comparison.
  static let medianDistance: Float = 0.25

  private let split: WholeSplit
  private let shrinkage: Shrinkage?
  private let seed: UInt64

  /// A judge of a model of rows of a shape.
  ///
  /// - Parameters:
  ///   - source: the images of which rows are patches; nil where rows are whole images.
  ///   - rule: how S comes from X - L.
  ///   - threshold: its threshold; 0 for a model without a sparse part.
  ///   - rounds: the largest number of rounds of the split.
  ///   - seed: of what is planted.
  public init(
    of model: any Encoding, shape: ImageShape, patchesOf source: PatchSource?,
    rule: ShrinkageRule, threshold: Float, rounds: Int = FrozenSplit.usualRounds, seed: UInt64
  ) {
    let own = Shrinkage(
      rule, threshold: threshold > 0 ? threshold : .infinity, shape: shape)
    shrinkage = threshold > 0 ? own : nil
    split = WholeSplit(
      FrozenSplit(
        by: model, dimensions: shape.count, shrinkage: own, rounds: rounds, seed: seed),
      of: shape, patchesOf: source)
    self.seed = seed
  }

  /// Consecutive images in blocks that are measured together.
  public func blocks(_ images: Range<Int>) -> [Range<Int>] { split.blocks(images) }

  /// Plants damage on the images, repairs them, and compares with X; one result an image.
  ///
  /// `BlindSums.median` is of the 5x5 median where it differs.
  public func measure(_ images: Range<Int>, _ x: [Float]) -> [BlindSums] {
    var planted: [Float] = []
    planted.reserveCapacity(x.count)
    for image in images {
      let shape = split.shape(of: image)
      var values = Array(x[planted.count..<planted.count + shape.count])
      PlantedDamage.plant(on: &values, shape: shape, row: image, seed: seed)
      planted += values
    }
    let l = split.l(images, planted)
    let repaired = shrinkage?.repair(planted, l) ?? l
    var first = 0
    return images.map { image in
      let shape = split.shape(of: image)
      defer { first += shape.count }
      let own = first..<first + shape.count
      let median = Self.median(Array(planted[own]), shape)
      var sums = BlindSums()
      sums.count = Double(shape.count)
      for (i, j) in own.enumerated() {
        sums.model += HiddenPixels.Measure.huber(x[j], repaired[j])
        sums.median += HiddenPixels.Measure.huber(x[j], median[i])
      }
      return sums
    }
  }

  /// The 5x5 median of the pixels that differ from it, other pixels as they are, [H, W, C].
  private static func median(_ values: [Float], _ shape: ImageShape) -> [Float] {
    var result = values
    MedianFilter.apply(
      values, to: &result, height: shape.height, width: shape.width, channels: shape.channels,
      side: 5)
    for first in stride(from: 0, to: values.count, by: shape.channels) {
      let pixel = first..<first + shape.channels
      if pixel.allSatisfy({ abs(values[$0] - result[$0]) <= medianDistance }) {
        result.replaceSubrange(pixel, with: values[pixel])
      }
    }
    return result
  }
}
