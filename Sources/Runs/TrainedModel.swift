import Autodiff
import Checkpoints
import Datasets
import Foundation
import Layers
import MPI
import Models
import Tensors
import Training

/// A model with the weights of a run's newest checkpoint, for evaluation.
public final class TrainedModel {
  /// The run.
  public let directory: RunDirectory
  /// The checkpoint of the weights.
  public let checkpoint: Checkpoint
  /// The run's configuration.
  public let configuration: Configuration
  /// The model.
  public let model: any Module
  /// Shape of the training images.
  public let imageShape: ImageShape
  /// Damaged checkpoints that were skipped, a line each.
  public let skipped: [String]
  /// The threshold with which the run shrinks S; 0 for a run without a sparse part.
  public let threshold: Float
  /// Whether a fit had converged at the checkpoint.
  public let hasConverged: Bool
  /// How often the run has split X into L + S: the outer iterations that are done.
  public let splits: Int
  /// The images that the weights were trained on; nil for checkpoints of earlier versions.
  public let trainedData: DataIdentity?
  /// A set that was compared with the images trained on, and whether it holds them.
  var recognized: (data: ImageSet, isTrained: Bool)?
  /// What is open of the first stage of a run with two.
  var firstStage: (rows: ImageSet?, model: TrainedModel?) = (nil, nil)
  private let storage: Storage

  /// Reads the newest checkpoint whose checksums hold, or the best checkpoint.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - isBest: whether to read the checkpoint of the lowest score, to which the link `best`
  ///     leads.
  ///   - step: the last step that will do; nil for any.
  ///   - adjust: changes settings of the evaluation in the configuration, such as `test_passes`.
  /// - Throws: `RunError` where there is no run or no valid checkpoint; errors of reading it;
  ///   errors of `adjust`.
  public init(
    run: RunDirectory, isBest: Bool = false, upTo step: Int? = nil, on world: Communicator,
    adjust: (inout Configuration) throws -> Void = { _ in }
  ) throws {
    try world.agree { try run.checkReadable() }
    directory = run
    var store = CheckpointStore(run: run.path)
    let selection =
      try isBest
      ? store.best(on: world) : store.newestValid(on: world, upTo: step ?? .max)
    skipped = selection.skipped
    let checkpoint = try world.agree {
      guard let checkpoint = selection.checkpoint else {
        if isBest && selection.skipped.isEmpty {
          throw RunError.data(run.path, "found no best checkpoint, expected one; leave --best out")
        }
        guard let first = selection.skipped.first else { throw run.withoutCheckpoint }
        throw RunError.data(
          run.path,
          "found no checkpoint whose checksums hold, expected at least one; the newest: \(first)")
      }
      return checkpoint
    }
    self.checkpoint = checkpoint
    let (recorded, contents) = try world.agree {
      let recorded = try RecordedRun(checkpoint)
      _ = try recorded.makeModel()
      return (recorded, try checkpoint.contents())
    }
    var adjusted = recorded.configuration
    try world.agree { try adjust(&adjusted) }
    let c = adjusted
    configuration = c
    threshold = Float(recorded.progress.threshold)
    trainedData = contents.data
    hasConverged =
      contents.history[Session.convergence]?.last?.step == recorded.progress.progress.step
    splits = recorded.progress.progress.outer
    imageShape = recorded.progress.imageShape
    model = try c.makeModel(of: imageShape)
    let parameters = model.collectParameters()
    var offsets: [Int] = []
    var total = 0
    for parameter in parameters.parameters {
      offsets.append(total)
      total += (parameter.shape.count + 15) & ~15
    }
    storage = Storage(count: total)
    parameters.attach(storage.pointer) { offsets[$0] }
    let values = storage.pointer
    try world.agree { try parameters.fill(values, from: contents.model, of: checkpoint) }
  }

  /// The model as a model with an encoder.
  ///
  /// - Throws: `ConfigurationError` where it has no encoder.
  public func encoder() throws(ConfigurationError) -> any Encoding {
    guard let model = model as? any Encoding else {
      throw ConfigurationError(
        "\(directory.path): found model=\(configuration.model), which has no encoder, expected a "
          + "model that has one; "
          + (model is any Classifying
            ? "evaluate tells how often this one is right"
            : "sample draws images from this one"))
    }
    return model
  }

  /// A noise, with the facts about the training rows that it needs.
  ///
  /// - Parameter training: the training set before this noise.
  private func noise(
    _ noise: Corruption, of training: () throws -> ImageSet
  ) throws -> Corruption {
    guard noise.needsMeanImage else { return noise }
    let images = try training()
    return noise.knowing(meanImage: images.meanImage(of: trainedRows(of: images)))
  }

  /// The number of whole images of the training set that the run used.
  public func trainedImages(of data: ImageSet) -> Int {
    min(configuration.common.data.rows ?? data.whole.count, data.whole.count)
  }

  /// The rows of the training set that the run used: images, or all patches of these images.
  public func trainedRows(of data: ImageSet) -> Range<Int> {
    0..<data.rows(ofFirst: trainedImages(of: data))
  }

  /// Training images as the model saw them: with the run's static noise, and binary if the run made
  /// them binary.
  public func seen(_ data: ImageSet) throws -> ImageSet {
    let c = configuration.common
    let data = data.asPart(of: .train)  // their draws are those of training, wherever they lie
    let noise = try noise(c.data.staticNoise) { data }
    return binary(data.corrupted(by: noise, seed: c.lanes.seed, rows: data.heldRows))
  }

  /// Images as the model takes them: binary if the run made them binary.
  public func binary(_ images: ImageSet) -> ImageSet {
    let common = configuration.common
    return common.data.binarize == .none
      ? images : images.binarized(seed: common.lanes.seed, rows: images.heldRows)
  }

  /// The noise of the inputs in training.
  ///
  /// - Throws: errors of reading the training set, where the noise depends on it.
  public func trainingNoise() throws -> Corruption {
    let data = configuration.common.data
    return try noise(data.noise) { try hasFirstStage ? firstRows() : seen(trainingSet()) }
  }

  /// The files that an answer of this run must never replace: its training set, and its own files.
  public var inputs: [String] {
    let data = configuration.common.data
    let images = try? ImageFile(data.data, options: data.imageSetOptions)
    return (images?.files ?? [data.data]) + directory.ownFiles
  }
}
