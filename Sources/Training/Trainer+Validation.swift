import Datasets
import Foundation
import Layers
import MPI

/// Choosing the best checkpoint by the bound on images that are not trained on (systems.md, section 6.1).
extension Trainer {
  /// With the epochs' means, the name of the negative bounds in the history.
  static let validationBound = "validation/bound"

  /// Whether this run measures the bound on validation images.
  var validates: Bool { configuration.validateEvery > 0 && noValidation == nil }

  /// Whether it is time to, after an epoch is counted.
  var isValidationDue: Bool {
    let c = configuration
    return validates && progress.totalEpochs % c.validateEvery == 0
      && Double(progress.totalEpochs) >= firstValidation
  }

  /// Epochs before the first validation.
  private var firstValidation: Double { configuration.validateAfter * Double(totalEpochs) }

  /// Why no best checkpoint will be chosen by the bound, where that is asked for; nil where one will be.
  public var noValidation: String? {
    guard configuration.validateEvery > 0 else { return nil }
    if !(model is any LatentVariableModel) {
      return "\(configuration.model) has no bound to choose the best checkpoint by"
    }
    if validation == nil {
      return
        "no images to validate on, so no best checkpoint is chosen by the bound: the data set has no "
        + "validation split, and rows leaves none over"
    }
    let last = totalEpochs - totalEpochs % configuration.validateEvery
    if last == 0 || Double(last) < firstValidation {
      return "no best checkpoint is chosen by the bound: none of the run's \(totalEpochs) epochs "
        + "is due (validate_after)"
    }
    return nil
  }

  /// Measures the bound and takes note of it.
  ///
  /// **Collective.**
  ///
  /// - Returns: the bound in nats an image as `evaluate` has it, negative for binary images alone (D-26), and whether it is
  ///   the best so far.
  func validate() throws -> (reported: Double, isBest: Bool)? {
    guard let validation, let model = model as? any LatentVariableModel else { return nil }
    let bound = try BoundPass(
      model, rows: validation.rows, dimensions: dimensions, seed: configuration.seed, on: world
    ) { rows, pixels in validation.images.gather(rows, into: pixels) }
    .negativeBound()
    let earlier = history.metrics[Self.validationBound] ?? []
    history.append(Self.validationBound, bound, step: progress.step)
    return (model.isDensity ? -bound : bound, earlier.allSatisfy { $0.value > bound })
  }

  /// The bound that was measured at this very step.
  var boundOfThisStep: Double? {
    let last = history.metrics[Self.validationBound]?.last
    return last?.step == progress.step ? last?.value : nil
  }
}

/// Images to choose the best checkpoint by.
public struct ValidationImages {
  /// The set they are in.
  public let images: ImageSet
  /// The rows they are.
  public let rows: Range<Int>

  /// The validation split of the training set's file; without one, the rows of the training set beyond those that are
  /// trained on.
  ///
  /// - Returns: nil where there are neither.
  /// - Throws: errors of reading the file.
  public init?(_ c: Configuration, beside data: ImageSet) throws {
    let trained = c.rows ?? data.count
    if c.images.isEmpty, data.shape.count > 0,
      let split = try ImageSet.openIfPresent(data.path, split: Split.validation.rawValue),
      split.shape == data.shape
    {
      (images, rows) = (Self.binary(split, c, 0..<split.count), 0..<split.count)
    } else if trained < data.count {
      rows = trained..<data.count
      images = Self.binary(data, c, rows)
    } else {
      return nil
    }
  }

  private static func binary(_ images: ImageSet, _ c: Configuration, _ rows: Range<Int>) -> ImageSet
  {
    c.binarize == .none ? images : images.binarized(seed: c.seed, rows: rows)
  }
}
