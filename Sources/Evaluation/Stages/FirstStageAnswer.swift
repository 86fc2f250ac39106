import CKernels
import Datasets
import MPI
import Models
import Runs
import Training

/// What the first stage of a run makes of images: what the model of the second sees.
///
/// Of the rows trained on it is the L that the second stage was trained with. Of others it is what
/// the frozen first stage answers, as `denoise` writes it, kept within [0, 1] where the run does
/// that.
final class FirstStageAnswer {
  /// Where it comes from.
  let words: String
  private let rows: ImageSet?
  private let explainer: Explainer?
  private let clips: Bool
  private let dimensions: Int
  /// The block that was asked last, since several parts of a measurement ask for the same.
  private var last: (rows: Range<Int>, l: [Float]) = (0..<0, [])

  /// - Parameters:
  ///   - images: X.
  ///   - isOfRun: whether they are the rows trained on.
  ///   - rounds: the largest number of rounds that split an image without S.
  /// - Throws: errors of reading what the first stage has left.
  init(_ trained: TrainedModel, images: ImageSet, isOfRun: Bool, rounds: Int) throws {
    clips = trained.configuration.firstStageSettings.range == .clip
    dimensions = images.shape.count
    if isOfRun {
      (rows, explainer) = (try trained.firstRows(), nil)
      words = "that of the rows trained on"
    } else {
      let model = try trained.firstModel()
      let explainer = try Explainer(model, images: images, usesSparsePart: false, rounds: rounds)
      (rows, self.explainer) = (nil, explainer)
      words = explainer.cleanPart.description
    }
  }

  /// L of the rows, [rows, D].
  func gather(_ rows: Range<Int>, into pixels: UnsafeMutablePointer<Float>) {
    if let known = self.rows { return known.gather(rows, into: pixels) }
    guard let explainer else { return }
    if last.rows != rows { last = (rows, explainer.splitUnknown(rows).l) }
    let count = rows.count * dimensions
    if clips {
      ck_clamp(pixels, last.l, count, 0, 1)
    } else {
      ck_copy(pixels, last.l, count)
    }
  }
}

extension Evaluation {
  /// Refuses a measure that asks the model alone, of which the first stage is no part.
  ///
  /// **Collective.**
  ///
  /// - Throws: `ConfigurationError` for a run with two stages.
  func requireOneStage(_ metric: String) throws {
    guard trained.hasFirstStage else { return }
    try world.agree {
      throw ConfigurationError(
        "\(metric): found a run with two stages, \(trained.directory.path), expected one with one "
          + "stage, such as \(trained.directory.first.path)")
    }
  }
}
