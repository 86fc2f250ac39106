import Checkpoints
import Datasets
import Foundation
import MPI
import Support
import Training

/// Whether images are those that a run is trained on (docs/files.md, What identifies data).
extension TrainingRun {
  /// What a resume does with images that are not those the run was trained on.
  public enum OtherImages: Sendable {
    /// It refuses them.
    case refused
    /// It goes on with them: weights and optimizer are kept, S and all else of the rows starts
    /// anew.
    case accepted
  }

  /// The images of a run by its newest whole checkpoint; nil where it keeps none.
  ///
  /// **Collective.** Rank 0 reads; only sizes of files are checked. What is damaged there is found,
  /// and told, by the search for a checkpoint that follows.
  static func recordedData(
    of directory: RunDirectory, on world: Communicator
  ) throws -> DataIdentity? {
    var text = ""
    if world.isRoot, let found = try? RunSummary(run: directory.path).newest?.data() {
      text = String(decoding: try JSONEncoder().encode(found), as: UTF8.self)
    }
    text = try world.broadcast(text)
    return text.isEmpty
      ? nil : try JSONDecoder().decode(DataIdentity.self, from: Data(text.utf8))
  }

  /// Refuses images of another shape, and too few images, before anything is read.
  ///
  /// - Throws: `RunError.data`.
  static func checkExtent(
    of data: ImageSet, against recorded: DataIdentity?, of directory: RunDirectory,
    other: OtherImages
  ) throws {
    guard let recorded else { return }
    // Weights for patches fit images of any sides.
    let (images, isOfPatches) = (data.whole, data.isPatches)
    let isOther =
      isOfPatches
      ? images.shape.channels != recorded.shape.last : images.shape.sides != recorded.shape
    guard isOther || (other == .refused && images.count < recorded.rows) else { return }
    throw RunError.data(
      data.path,
      "found \(images.extent), expected \(words(recorded, like: images)), on which "
        + "\(directory.path) is trained"
        + (isOther
          ? "; its weights are for \(isOfPatches ? "those channels" : "that shape")"
          : "; \(Self.remedy)"))
  }

  /// The images of a run in words; rows of features where the others are.
  private static func words(_ recorded: DataIdentity, like images: ImageSet) -> String {
    guard images.shape.isFeatures, recorded.shape[0] == 1, recorded.shape[2] == 1 else {
      return recorded.description
    }
    return ImageShape(features: recorded.shape[1]).extent(of: recorded.rows)
  }

  /// Whether these are other images than those of a checkpoint.
  ///
  /// - Throws: `RunError.data` for other images, unless they are accepted.
  static func areOther(
    _ found: DataIdentity, than recorded: DataIdentity?, of directory: RunDirectory,
    other: OtherImages, remedy: String = remedy
  ) throws -> Bool {
    if let recorded, recorded.digest == found.digest, recorded.first != found.first {
      throw RunError.otherRows(
        directory, found: found.first ?? "none", expected: recorded.first ?? "none")
    }
    guard let recorded, recorded.digest != found.digest else { return false }
    if other == .refused {
      throw RunError.otherImages(
        found.path, found: found.digest, expected: recorded.digest, run: directory.path,
        remedy: remedy)
    }
    return true
  }

  /// Makes sure that the rows of other images can start anew beside the weights.
  ///
  /// - Throws: `RunError.data` for a model whose weights are fitted to the values of its rows.
  static func checkFreshRows(_ session: Session, _ data: ImageSet) throws {
    guard session.trainer.trainable == nil else { return }
    throw RunError.data(
      data.path,
      "--accept-data: found a model that is fitted to all its rows at once, expected one that is "
        + "trained by steps; a new run can have these images")
  }

  /// Makes sure that epochs are left after which the rows of other images have an S of their own.
  ///
  /// - Throws: `RunError.data`.
  static func checkRest(_ session: Session, _ directory: RunDirectory) throws {
    let trainer = session.trainer
    guard trainer.progress.totalEpochs >= trainer.totalEpochs else { return }
    throw RunError.data(
      directory.path,
      "--accept-data: found all \(trainer.totalEpochs) epochs done, expected some that are left; "
        + "set more by --set epochs or outer_iterations")
  }

  /// What a resume says about its images; nil where they are those of the checkpoint.
  static func words(
    about found: DataIdentity, isOther: Bool, _ trained: DataIdentity?, _ checkpoint: Checkpoint
  ) -> String? {
    guard let trained else {
      return "\(checkpoint.name) keeps no digest of its images, so \(found.path) is taken for them "
        + "unchecked"
    }
    guard isOther else { return nil }
    return "\(found.path): \(found.description), of digest \(found.digest), in place of "
      + "\(trained.digest): weights and optimizer are kept; S and all else of the rows starts "
      + "anew; what is known of their noise stays"
  }

  /// What to do about other images where steps are only repeated.
  static let replayRemedy =
    "put those back, or name the file that holds them by train --resume and --data"
  static let remedy =
    "name the file that holds those by --data, or go on with these and a fresh S by --accept-data"
}

extension RunError {
  /// The error about a file with other images than a run was trained on.
  static func otherImages(
    _ path: String, found: String, expected: String, run: String, remedy: String
  ) -> RunError {
    .data(
      path,
      "found images of digest \(found), expected \(expected), on which \(run) is trained; \(remedy)"
    )
  }
}
