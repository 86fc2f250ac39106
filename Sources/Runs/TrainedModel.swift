import Autodiff
import Checkpoints
import Datasets
import Layers
import MPI
import Models
import Tensors
import Training

/// A model with the weights of a run's newest checkpoint, ready to be asked.
public final class TrainedModel {
  /// The run.
  public let directory: RunDirectory
  /// The checkpoint the weights come from.
  public let checkpoint: Checkpoint
  /// What the run was trained with.
  public let configuration: Configuration
  /// The model.
  public let model: any Module
  /// Shape of the images it was trained on.
  public let imageShape: ImageShape
  /// Damaged checkpoints that were passed over, a line each.
  public let skipped: [String]
  /// The threshold that the run shrinks S with; 0 for a run without a split.
  public let threshold: Float
  private let storage: Storage

  /// Reads the newest checkpoint whose checksums hold, or the best one.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - isBest: whether it is to be the one of the lowest score, which the link `best` leads to.
  ///   - adjust: changes how the model is asked, where its configuration says so: `test_passes` for example.
  /// - Throws: `RunError` where there is no run or no valid checkpoint; errors of reading it; what
  ///   `adjust` throws.
  public init(
    run: RunDirectory, isBest: Bool = false, on world: Communicator,
    adjust: (inout Configuration) throws -> Void = { _ in }
  ) throws {
    try world.agree { if !run.isRun { throw RunError.noRun(run.path) } }
    directory = run
    var store = CheckpointStore(run: run.path)
    let selection = try isBest ? store.best(on: world) : store.newestValid(on: world)
    skipped = selection.skipped
    let checkpoint = try world.agree {
      guard let checkpoint = selection.checkpoint else {
        throw isBest && selection.skipped.isEmpty
          ? RunError.data(run.path, "found no best checkpoint, expected one; leave --best out")
          : RunError.noCheckpoint(run.path)
      }
      return checkpoint
    }
    self.checkpoint = checkpoint
    let contents = try world.agree { try checkpoint.contents() }
    var adjusted = try Configuration.load(json: contents.configuration)
    try world.agree { try adjust(&adjusted) }
    let c = adjusted
    configuration = c
    let progress = SavedProgress(contents.progress)
    threshold = Float(progress.threshold)
    imageShape = progress.imageShape
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

  /// The model as one that has an encoder.
  ///
  /// - Throws: `ConfigurationError` where it has none.
  public func encoder() throws(ConfigurationError) -> any Encoding {
    guard let model = model as? any Encoding else {
      throw ConfigurationError(
        "\(directory.path): found model=\(configuration.model), which has no encoder, expected a model "
          + "that has one; sample draws images from this one")
    }
    return model
  }

  /// A noise which knows of the rows trained on what it needs to know.
  ///
  /// - Parameter training: the training set as it was when the noise came upon it.
  private func noise(
    _ noise: Corruption, of training: () throws -> ImageSet
  ) throws -> Corruption {
    guard noise.needsMeanImage else { return noise }
    let images = try training()
    return noise.knowing(meanImage: images.meanImage(of: trainedRows(of: images)))
  }

  /// The rows of the training set that were trained on.
  public func trainedRows(of data: ImageSet) -> Range<Int> {
    0..<min(configuration.common.data.rows ?? data.count, data.count)
  }

  /// Images of the training set as the model saw them: with the run's static noise, and binary where it made them so.
  public func seen(_ data: ImageSet) throws -> ImageSet {
    let c = configuration.common
    let noise = try noise(c.data.staticNoise) { data }
    return binary(data.corrupted(by: noise, seed: c.lanes.seed, rows: 0..<data.count))
  }

  /// Images as the model takes them: binary where the run made them so.
  public func binary(_ images: ImageSet) -> ImageSet {
    let common = configuration.common
    return common.data.binarize == .none
      ? images : images.binarized(seed: common.lanes.seed, rows: 0..<images.count)
  }

  /// The noise that inputs got in training.
  ///
  /// - Throws: errors of reading the training set, where the noise depends on it.
  public func trainingNoise() throws -> Corruption {
    let data = configuration.common.data
    return try noise(data.noise) {
      try seen(ImageSet.open(data.data, options: data.imageSetOptions))
    }
  }

  /// Whether `data` is the set the run was trained on, so that the run's S belongs to its rows.
  public func wasTrained(on data: ImageSet) -> Bool {
    configuration.common.data.data == data.path && data.split == .train
      && (configuration.common.data.rows ?? data.count) <= data.count
  }
}
