import Checkpoints
import Layers
import Models
import Training

/// What a checkpoint says about its run, compared with itself before any memory is taken for it.
///
/// Its checksums prove that nothing has changed it, not that its parts belong together.
public struct RecordedRun {
  /// The configuration, with which the run was trained when the checkpoint was written.
  public let configuration: Configuration
  /// Where the run stood.
  public let progress: SavedProgress
  /// The checkpoint.
  public let checkpoint: Checkpoint

  /// Reads configuration and progress.
  ///
  /// - Throws: `RunError.data` that names the checkpoint, if they do not fit together; `HDF5Error`,
  ///   `CheckpointError`.
  public init(_ checkpoint: Checkpoint) throws {
    self.checkpoint = checkpoint
    let path = checkpoint.contentsPath
    configuration = try Self.configuration(of: checkpoint)
    let counters = try checkpoint.progress()
    progress = try SavedProgress(counters, in: path)
    let (lanes, data) = (configuration.common.lanes, configuration.common.data)
    for (name, found, expected) in [
      ("lanes", lanes.lanes.map(String.init) ?? "null", "\(counters.lanes)"),
      ("seed", "\(lanes.seed)", "\(counters.seed)"),
      ("exact", "\(lanes.exact)", "\(counters.exact)"),
    ] where found != expected {
      throw RunError.data(
        path, "/config: \(name): found \(found), expected \(expected) as in /progress")
    }
    guard let layout = checkpoint.manifest.rowLayout else { return }
    guard layout.rowCount == progress.imageShape.count, layout.rows == data.modelRows ?? layout.rows
    else {
      throw RunError.data(
        path,
        "found a run on \(data.rows.map { "\($0)" } ?? "all") \(data.rowsName) of \(progress.imageShape), "
          + "expected "
          + "rows as in manifest.json: \(layout)")
    }
  }

  private static func configuration(of checkpoint: Checkpoint) throws -> Configuration {
    let text = try checkpoint.configuration()
    do throws(ConfigurationError) { return try Configuration.load(json: text) } catch {
      throw RunError.data(checkpoint.contentsPath, "/config: \(error)")
    }
  }

  /// The model of the configuration, without memory; the checkpoint has all its arrays, and as many
  /// rows of each array of the row state as it needs.
  ///
  /// - Throws: `RunError.data` that names the checkpoint; `HDF5Error`.
  public func makeModel() throws -> any Module {
    let path = checkpoint.contentsPath
    let layout = checkpoint.manifest.rowLayout
    let model: any Module
    let arrays: [RowArray]
    do {
      let rows = configuration.common.data.modelRows ?? layout?.rows ?? .max
      let resolved = try configuration.validated(rows: rows, of: progress.imageShape)
      model = try configuration.makeModel(of: progress.imageShape)
      arrays = try resolved.loop.rowArrays(rows: rows, of: progress.imageShape)
    } catch let error as ConfigurationError {
      throw RunError.data(path, "/config: \(error)")
    }
    try model.collectParameters().check(checkpoint.modelShapes(), of: checkpoint)
    guard arrays.map(\.element) == layout?.arrays.map(\.element) ?? [],
      arrays.hasSparsePart == layout?.arrays.hasSparsePart ?? false
    else {
      throw RunError.data(
        path,
        "found the rows \(layout?.description ?? "of no array") in manifest.json, expected the arrays "
          + "\(arrays.map { "\($0.name) \($0.element.rawValue)" }) of \(configuration.model)")
    }
    return model
  }
}
