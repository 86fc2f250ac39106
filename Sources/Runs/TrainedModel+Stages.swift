import Checkpoints
import Datasets
import HDF5
import MPI
import Models
import Training

/// The first stage of a run with two, of which the model is that of the second.
extension TrainedModel {
  /// Whether the model sees what a first stage makes of images, and not the images.
  public var hasFirstStage: Bool { configuration.hasFirstStage }

  /// L of the rows trained on, in their order: what the model has seen.
  ///
  /// - Throws: errors of opening RUN/first.h5; `RunError.data` if it has other rows.
  public func firstRows() throws -> ImageSet {
    if let rows = firstStage.rows { return rows }
    let rows = try ImageSet.open(directory.firstRows)
    if let expected = trainedData?.first {
      let found = try DataIdentity(of: rows, rows: rows.count, on: .alone()).digest
      guard found == expected else {
        throw RunError.otherRows(directory, found: found, expected: expected)
      }
    }
    firstStage.rows = rows
    return rows
  }

  /// The model of the first stage, for images that it was not trained on.
  ///
  /// - Throws: `RunError` if it is not the model that made RUN/first.h5; errors of reading it.
  public func firstModel() throws -> TrainedModel {
    if let model = firstStage.model { return model }
    let model = try TrainedModel(run: directory.first, on: .alone())
    let file = try File.open(directory.firstRows)
    let made = try file.stringAttribute(TrainingRun.firstCheckpoint, on: "/")
    guard made == model.checkpoint.name else {
      throw RunError.data(
        directory.first.path,
        "found \(model.checkpoint.name), expected \(made ?? "a checkpoint") of which "
          + "\(directory.firstRows) was made; put that back")
    }
    firstStage.model = model
    return model
  }
}
