import Checkpoints
import Datasets
import Layers
import Support

/// The progress of a run when a checkpoint was written.
///
/// Checkpoints keep it as numbers by name; only this type knows the names.
public struct SavedProgress: Equatable, Sendable {
  /// The steps, epochs and iterations done.
  public var progress = TrainingProgress()
  /// Sums over the epoch so far.
  public var epoch = EpochSums()
  /// The shape of the training images.
  public var imageShape: ImageShape
  /// The threshold with which S is shrunk; 0 without a sparse part.
  public var threshold = 0.0

  /// The progress from its parts.
  init(
    _ progress: TrainingProgress, epoch: EpochSums, imageShape: ImageShape, threshold: Double
  ) {
    self.progress = progress
    self.epoch = epoch
    self.imageShape = imageShape
    self.threshold = threshold
  }

  private enum Name {
    static let epoch = "epoch_in_outer", step = "step_in_epoch", finished = "finished"
    static let height = "image_height", width = "image_width", channels = "image_channels"
    static let features = "features"
    static let threshold = "threshold", skipped = "skipped_steps"
    static let sum = "epoch_sum_", part = "epoch_term_", sumsOfLane = "epoch_width"
    static func warning(_ warning: CollapseWarning) -> String { "warning_\(warning.rawValue)" }
  }

  /// Sums of a lane, in checkpoints that do not store their number.
  private static let usualWidth = 8

  /// More terms than any loss has.
  private static let mostTerms = 64

  /// The progress in a checkpoint.
  ///
  /// - Parameter place: the name of the file, for errors.
  /// - Throws: `RunError.data` for a number that no run counts, or a shape that no image has.
  public init(_ saved: Checkpoints.Progress, in place: String) throws {
    let values = saved.values
    // A sum over an epoch, or a threshold with lambda=inf, may be infinite.
    if let name = values.keys.sorted().first(where: { values[$0]?.isNaN == true }) {
      throw RunError.data(place, "/progress/values: \(name): found nan, expected a number")
    }
    func refuse(_ name: String, _ expected: String) -> RunError {
      let found = values[name].map { "\($0)" } ?? "nothing"
      return .data(place, "/progress/values: \(name): found \(found), expected \(expected)")
    }
    func integer(_ name: String, default absent: Int? = 0, in range: ClosedRange<Int>) throws -> Int
    {
      guard let number = values[name].map({ Int(exactly: $0) }) ?? absent, range.contains(number)
      else {
        throw refuse(name, Quantity.integers(range))
      }
      return number
    }
    let counts = 0...Int(Int32.max)
    progress.outer = saved.outer
    progress.totalEpochs = saved.epoch
    progress.step = saved.step
    progress.imagesSeen = saved.imagesSeen
    progress.epoch = try integer(Name.epoch, in: counts)
    progress.stepInEpoch = try integer(Name.step, in: counts)
    progress.skippedSteps = try integer(Name.skipped, in: counts)
    progress.finished = try integer(Name.finished, in: 0...1) == 1
    progress.warnings = Set(
      try CollapseWarning.allCases.filter { try integer(Name.warning($0), in: 0...1) == 1 })
    let sides = 1...1 << 16
    let image = ImageShape(
      height: try integer(Name.height, default: nil, in: sides),
      width: try integer(Name.width, default: nil, in: sides),
      channels: try integer(Name.channels, default: nil, in: sides))
    let isFeatures = try integer(Name.features, in: 0...1) == 1
    guard !isFeatures || image.height == 1 && image.channels == 1 else {
      throw refuse(Name.features, "0, as images have \(image)")
    }
    imageShape = isFeatures ? ImageShape(features: image.width) : image
    guard imageShape.count <= 1 << 30 else {
      throw RunError.data(
        place, "/progress/values: found images of \(imageShape), expected 2^30 values at most")
    }
    threshold = values[Name.threshold] ?? 0
    // With an infinite lambda nothing enters S.
    guard threshold >= 0 else {
      throw refuse(Name.threshold, "a number of at least 0")
    }

    let names = values.filter { $0.key.hasPrefix(Name.part) }
      .sorted { ($0.value, $0.key) < ($1.value, $1.key) }
      .map { String($0.key.dropFirst(Name.part.count)) }
    epoch.parts = names.dropFirst().map { LossPart($0) }
    epoch.steps = try integer(Name.sum + "0", in: counts)
    for (place, name) in names.enumerated() where values[Name.part + name] != Double(place) {
      throw refuse(Name.part + name, "\(place), as the \(names.count) terms are numbered from 0")
    }
    guard names.count <= Self.mostTerms else {
      throw RunError.data(
        place, "/progress/values: found \(names.count) terms, expected \(Self.mostTerms) at most")
    }
    let width = try integer(
      Name.sumsOfLane, default: Self.usualWidth, in: 1...1 + Self.mostTerms)
    epoch.sums = (0...epoch.parts.count).map { term in
      (0..<saved.lanes).map { lane in values["\(Name.sum)\(1 + lane * width + term)"] ?? 0 }
    }
  }

  /// The progress as numbers by name.
  var values: [String: Double] {
    var values: [String: Double] = [
      Name.epoch: Double(progress.epoch), Name.step: Double(progress.stepInEpoch),
      Name.finished: progress.finished ? 1 : 0, Name.height: Double(imageShape.height),
      Name.width: Double(imageShape.width), Name.channels: Double(imageShape.channels),
      Name.threshold: threshold,
    ]
    if imageShape.isFeatures { values[Name.features] = 1 }
    if progress.skippedSteps > 0 { values[Name.skipped] = Double(progress.skippedSteps) }
    for warning in progress.warnings { values[Name.warning(warning)] = 1 }
    let width = max(Self.usualWidth, 1 + epoch.parts.count)
    if width != Self.usualWidth { values[Name.sumsOfLane] = Double(width) }
    values[Name.part + "loss"] = 0
    for (i, part) in epoch.parts.enumerated() { values["\(Name.part)\(part)"] = Double(i + 1) }
    if epoch.steps > 0 { values[Name.sum + "0"] = Double(epoch.steps) }
    for (term, sums) in epoch.sums.enumerated() {
      for (lane, sum) in sums.enumerated() where sum != 0 {
        values["\(Name.sum)\(1 + lane * width + term)"] = sum
      }
    }
    return values
  }
}
