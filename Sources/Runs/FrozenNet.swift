import Autodiff
import Datasets
import Layers
import MPI
import Training

/// The features of a trained classifier, for distances between sets of images.
///
/// Distances are comparable where the digest is the same alone.
public struct FrozenNet {
  /// The name of its system: `feature-net`.
  public let name: String
  /// XXH3-128 of its weights, as `cleave info RUN --digest` prints it for the model.
  public let digest: String
  /// The number of features, J.
  public let width: Int
  /// The images that it takes.
  public let shape: ImageShape
  private let trained: TrainedModel
  private let model: any Classifying
  private let step = Step(seed: 0)  // nothing is drawn

  /// The net of a run's newest whole checkpoint.
  ///
  /// **Collective.**
  ///
  /// - Throws: `RunError.data` for a run of a model that is no classifier; errors of reading it.
  public init(run: RunDirectory, on world: Communicator) throws {
    let trained = try TrainedModel(run: run, on: world)
    let model = try world.agree {
      guard let model = trained.model as? any Classifying else {
        throw RunError.data(
          run.path,
          "found model=\(trained.configuration.model), expected a classifier, whose features measure "
            + "images (cleave train feature-net)")
      }
      return model
    }
    (self.trained, self.model) = (trained, model)
    digest = try world.agree { try trained.checkpoint.digests().model }
    name = trained.configuration.model
    (width, shape) = (model.featureCount, trained.imageShape)
  }

  /// The features of images, [count, J]: what the last layer reads, not negative.
  ///
  /// Images are taken in blocks, so that memory does not grow with their number. A block's sums may
  /// round in another way in a block of another length: for the same result on any number of ranks,
  /// ask for the same images together.
  ///
  /// - Parameter pixels: values in [0, 1], [count, height, width, channels].
  /// - Throws: `RunError.data` for images of other sides than those of its training.
  public func features(
    of pixels: UnsafePointer<Float>, count: Int, height: Int, width: Int, channels: Int
  ) throws -> [Float] {
    let given = ImageShape(height: height, width: width, channels: channels)
    guard given == shape else {
      throw RunError.data(
        trained.directory.path,
        "found images of \(given), expected \(shape), as \(name) was trained")
    }
    var result: [Float] = []
    result.reserveCapacity(count * self.width)
    for first in stride(from: 0, to: count, by: shape.blockRows) {
      let rows = first..<min(count, first + shape.blockRows)
      rows.map(Int32.init).withUnsafeBufferPointer {
        step.begin(rows: $0, dimensions: shape.count, purpose: .evaluation, time: 0) {
          $0.update(from: pixels + first * shape.count, count: rows.count * shape.count)
        }
      }
      let features = model.features(step.target)
      result += UnsafeBufferPointer(start: features.pointer, count: rows.count * self.width)
    }
    return result
  }
}
