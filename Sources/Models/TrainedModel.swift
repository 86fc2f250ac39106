import Autodiff
import Checkpoints
import Datasets
import Layers
import MPI
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
  public let model: any GenerativeModel
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
    func side(_ name: String) -> Int { Int(contents.progress.values["image_\(name)"] ?? 0) }
    threshold = Float(contents.progress.values["threshold"] ?? 0)
    imageShape = ImageShape(
      height: side("height"), width: side("width"), channels: side("channels"))
    model = try ModelCatalogue.entry(c).make(c, imageShape)
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
  public func autoencoder() throws(ConfigurationError) -> any Autoencoder {
    guard let model = model as? any Autoencoder else {
      throw ConfigurationError(
        "\(directory.path): found model=\(configuration.model), which has no encoder, expected a model "
          + "that has one; sample draws images from this one")
    }
    return model
  }

  /// The noise of `specification`, which knows of the rows trained on what it needs to know.
  ///
  /// - Parameter training: the training set as it was when the noise came upon it.
  private func noise(
    _ specification: String, of training: () throws -> ImageSet
  ) throws -> Corruption {
    let noise = try Corruption(parsing: specification)
    guard noise.needsMeanImage else { return noise }
    let images = try training()
    return noise.knowing(meanImage: images.meanImage(of: trainedRows(of: images)))
  }

  /// The rows of the training set that were trained on.
  public func trainedRows(of data: ImageSet) -> Range<Int> {
    0..<min(configuration.rows ?? data.count, data.count)
  }

  /// Images of the training set as the model saw them: with the run's static noise, and binary where it made them so.
  public func seen(_ data: ImageSet) throws -> ImageSet {
    let c = configuration
    let noise = try noise(c.staticNoise) { data }
    return binary(data.corrupted(by: noise, seed: c.seed, rows: 0..<data.count))
  }

  /// Images as the model takes them: binary where the run made them so.
  public func binary(_ images: ImageSet) -> ImageSet {
    configuration.binarize == .none
      ? images : images.binarized(seed: configuration.seed, rows: 0..<images.count)
  }

  /// The noise that inputs got in training.
  ///
  /// - Throws: errors of reading the training set, where the noise depends on it.
  public func trainingNoise() throws -> Corruption {
    try noise(configuration.noise) {
      try seen(ImageSet.open(configuration.data, options: configuration.imageSetOptions))
    }
  }

  /// Whether `data` is the set the run was trained on, so that the run's S belongs to its rows.
  public func wasTrained(on data: ImageSet) -> Bool {
    configuration.data == data.path && data.split == .train
      && (configuration.rows ?? data.count) <= data.count
  }
}
