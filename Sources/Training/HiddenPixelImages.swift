import Datasets
import Layers
import MPI
import Support

/// The images whose hidden pixels judge the model of a run.
///
/// They are validation images or, where there are none, training rows, of each lane its first ones:
/// a function of the rows alone. Validation images do not get static noise, so training rows serve
/// where a run has some.
struct HiddenPixelImages {
  private let images: ImageSet
  private let blocks: [Range<Int>]
  /// The rank that measures each block.
  private let owners: [Int]
  private let model: any Encoding
  /// What they are, in words.
  let description: String

  /// At most `count` images for a trainer's model; nil for a model without an encoder, or no
  /// images.
  init?(_ trainer: Trainer, validating: ValidationImages?, atMost count: Int) {
    guard count > 0, let model = trainer.model as? any Encoding else { return nil }
    self.model = model
    let world = trainer.world
    if let validating, !trainer.rows.hasStaticNoise {
      images = validating.images
      let rows = validating.rows.prefix(count)
      blocks = HiddenPixels.blocks(rows, of: images.shape)
      owners = blocks.indices.map { $0 % world.size }
      description = "the first \(Quantity.grouped(rows.count)) validation \(images.rowsName)"
    } else {
      images = trainer.rows.images
      let lanes = trainer.rows.lanes
      var (blocks, owners) = ([Range<Int>](), [Int]())
      for rank in 0..<world.size {
        for lane in lanes.lanes(of: rank, of: world.size) {
          let rows = lanes.rows(of: lane).prefix(max(1, count / lanes.count))
          let own = HiddenPixels.blocks(rows, of: images.shape)
          blocks += own
          owners += Array(repeating: rank, count: own.count)
        }
      }
      (self.blocks, self.owners) = (blocks, owners)
      let rows = blocks.reduce(0) { $0 + $1.count }
      description =
        "\(Quantity.grouped(rows)) of the training \(images.isPatches ? "patches" : "rows"), as "
        + "there are no validation images with the same noise"
    }
    if blocks.isEmpty { return nil }
  }

  /// The sums over their hidden pixels.
  ///
  /// **Collective.** The same bit for bit on any number of ranks, if the weights are.
  func measure(
    _ trainer: Trainer, rule: ShrinkageRule, threshold: Double
  ) throws -> BlindSums {
    Activity.begin("filling in hidden pixels")
    let judge = HiddenPixels(
      of: model, shape: images.shape, rule: rule, threshold: Float(threshold),
      rounds: HiddenPixels.roundsInRuns, seed: trainer.settings.seed)
    return try judge.measure(blocks, of: images, on: trainer.world) {
      owners[$0] == trainer.world.rank
    }
    .total
  }
}

extension HiddenPixels {
  /// The largest number of rounds of the split in a run, where it is repeated often.
  static let roundsInRuns = 10

  /// Consecutive rows in blocks that are computed together, for any number of ranks.
  public static func blocks(_ rows: Range<Int>, of shape: ImageShape) -> [Range<Int>] {
    let size = min(125, shape.blockRows)
    return stride(from: rows.lowerBound, to: rows.upperBound, by: size).map {
      $0..<min(rows.upperBound, $0 + size)
    }
  }
}
