import CKernels
import Datasets
import Foundation
import Layers
import MPI

/// Chooses the best checkpoint by the bound on images outside the training rows (docs/systems.md,
/// 6.1).
struct Validation {
  /// The name of the negative bounds in the history.
  static let bound = "validation/bound"

  /// The reason why the bound will not choose a checkpoint, if the settings ask for that; otherwise
  /// nil.
  let obstacle: String?
  private let every: Int
  private let first: Double
  private let images: ValidationImages?
  private let model: (any LatentVariableModel)?

  /// The validation of a run.
  ///
  /// - Parameters:
  ///   - system: the name of the system, for the obstacle.
  ///   - epochs: of the whole run.
  init(
    _ settings: RecordingSettings, of model: any Module, _ system: String,
    on images: ValidationImages?,
    epochs: Int
  ) {
    self.model = model as? any LatentVariableModel
    self.images = images
    every = settings.validateEvery
    first = settings.validateAfter * Double(epochs)
    let last = every > 0 ? epochs - epochs % every : 0
    if every == 0 {
      obstacle = nil
    } else if self.model == nil {
      obstacle = "\(system) has no bound to choose the best checkpoint by"
    } else if images == nil {
      obstacle =
        "no images to validate on, so no best checkpoint is chosen by the bound: the data set has "
        + "no validation split, and rows leaves none over"
    } else if last == 0 || Double(last) < first {
      obstacle =
        "no best checkpoint is chosen by the bound: none of the run's \(epochs) epochs is due "
        + "(validate_after)"
    } else {
      obstacle = nil
    }
  }

  /// Whether this run measures the bound on validation images.
  var isOn: Bool { every > 0 && obstacle == nil }

  /// Whether the run measures the bound after this epoch, counted over the run from 1.
  func isDue(epoch: Int) -> Bool { isOn && isTime(epoch: epoch) }

  /// Whether measurements are due after this epoch, whatever can be measured.
  func isTime(epoch: Int) -> Bool {
    every > 0 && epoch % every == 0 && Double(epoch) >= first
  }

  /// Measures the bound, of X - S where the run has split its own images.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - rule: how S comes from X - L.
  ///   - threshold: its threshold; 0 for no S.
  /// - Returns: the negative bound in nats an image, and the bound as `evaluate` prints it:
  ///   negative for binary images alone (D-26).
  func measure(
    seed: UInt64, rule: ShrinkageRule, threshold: Float, on world: Communicator
  ) throws -> (negative: Double, reported: Double)? {
    guard let images, let model else { return nil }
    let d = images.images.shape.count
    let shrinkage = Shrinkage(rule, threshold: threshold, shape: images.images.shape)
    let split = FrozenSplit(by: model, dimensions: d, shrinkage: shrinkage, seed: seed)
    let bound = try BoundEstimate(
      model, rows: images.rows, dimensions: d, seed: seed, on: world
    ) { rows, pixels in
      images.images.gather(rows, into: pixels)
      if threshold == 0 { return }
      var (l, s) = ([Float](repeating: 0, count: rows.count * d), [Float]())
      s = l
      split.run(rows, pixels, l: &l, s: &s)
      ck_axpy(pixels, s, -1, s.count)
    }
    .negativeBound().mean
    return (bound, model.isDensity ? -bound : bound)
  }
}

/// Images whose bound chooses the best checkpoint.
public struct ValidationImages {
  /// The image set.
  public let images: ImageSet
  /// The rows of the set.
  public let rows: Range<Int>

  /// The validation split of the training set's file; otherwise the rows of the training set beyond
  /// the training rows, of patches those of other images.
  ///
  /// - Returns: nil where there are neither.
  /// - Throws: errors of reading the file.
  public init?(_ common: CommonSettings, beside data: ImageSet) throws {
    let trained = common.data.modelRows ?? data.count
    // A group of the training rows may have none of the others.
    if common.data.images.isEmpty, common.data.group.isEmpty, data.shape.count > 0,
      let split = try ImageSet.openIfPresent(
        data.path, split: Split.validation.rawValue, options: common.data.imageSetOptions)?
        .rows(by: common.data),
      split.shape == data.shape
    {
      (images, rows) = (Self.binary(split, common, 0..<split.count), 0..<split.count)
    } else if let all = data.patching?.all, all.count > data.whole.count,
      all.heldRows.upperBound == all.count
    {
      // Patches of one image overlap, so other images validate.
      let others = try all.rows(by: common.data)
      rows = others.rows(ofFirst: data.whole.count)..<others.count
      images = Self.binary(others, common, rows)
    } else if trained < data.count, data.heldRows.upperBound == data.count {
      rows = trained..<data.count
      images = Self.binary(data, common, rows)
    } else {
      return nil
    }
  }

  /// The test split of the training set's file.
  ///
  /// - Returns: nil where there is none of this shape.
  /// - Throws: errors of reading the file.
  public init?(test common: CommonSettings, beside data: ImageSet) throws {
    guard common.data.images.isEmpty, data.split != .test,
      let split = try ImageSet.openIfPresent(
        data.path, split: Split.test.rawValue, options: common.data.imageSetOptions)?
        .rows(by: common.data),
      split.shape == data.shape
    else { return nil }
    (images, rows) = (Self.binary(split, common, 0..<split.count), 0..<split.count)
  }

  private static func binary(
    _ images: ImageSet, _ common: CommonSettings, _ rows: Range<Int>
  ) -> ImageSet {
    common.data.binarize == .none
      ? images : images.binarized(seed: common.lanes.seed, rows: rows)
  }
}
