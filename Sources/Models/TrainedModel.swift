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
      guard let checkpoint = selection.checkpoint else { throw RunError.noCheckpoint(run.path) }
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

  /// Whether `data` is the set the run was trained on, so that the run's S belongs to its rows.
  public func wasTrained(on data: ImageSet) -> Bool {
    configuration.data == data.path && data.split == .train
      && (configuration.rows ?? data.count) <= data.count
  }
}
