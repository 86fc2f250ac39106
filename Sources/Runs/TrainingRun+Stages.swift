import Checkpoints
import Datasets
import Foundation
import HDF5
import MPI
import Models
import Training

/// What a first stage hands over to the second: RUN/first.h5 (docs/files.md, Two stages).
extension TrainingRun {
  /// Attributes of RUN/first.h5: the digest of the images of which it has the L, and the checkpoint
  /// of RUN/first that made it.
  public static let firstDigest = "input_digest", firstCheckpoint = "checkpoint"
  /// What became of values outside [0, 1], an attribute of the images there.
  public static let firstRange = "range"

  /// The L on which the second stage of a run is trained, with the clean images of the training
  /// set; nil for a run with one stage.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - resolved: the run's configuration.
  ///   - data: its training set.
  /// - Throws: `RunError.data` where the first stage is not over, or the file has other rows;
  ///   errors of the file.
  static func firstRows(
    for resolved: Configuration, of data: ImageSet, in directory: RunDirectory,
    on world: Communicator
  ) throws -> ImageSet? {
    guard resolved.hasFirstStage else { return nil }
    let path = directory.firstRows
    try world.agree {
      if world.isRoot && directory.stage != 2 { throw directory.withoutCheckpoint }
    }
    let (rows, _) = try ImageSet.open(
      path, split: Split.train.rawValue, options: ImageSetOptions(), rows: nil, on: world)
    return try world.agree {
      let count = resolved.common.data.rows ?? data.count
      guard rows.count == count, rows.shape == data.shape else {
        throw RunError.data(
          path,
          "found \(rows.extent), expected \(count) images of \(data.shape), the L of "
            + "\(data.path); remove the file, and train --resume makes it anew")
      }
      let hasNoise = !resolved.common.data.staticNoise.isNone
      return (data.clean ?? (hasNoise ? data : nil)).map { rows.with(clean: $0) } ?? rows
    }
  }

  /// Makes sure that RUN/first.h5 is what the first stage of a run has handed over.
  ///
  /// - Parameter identity: of the training set.
  /// - Throws: `RunError.data` for L of other images, or in another range; `HDF5Error`.
  static func checkFirstRows(
    of resolved: Configuration, _ identity: DataIdentity, in directory: RunDirectory
  ) throws {
    guard resolved.hasFirstStage else { return }
    let file = try File.open(directory.firstRows)
    let made = try file.stringAttribute(firstDigest, on: "/") ?? "none"
    guard made == identity.digest else {
      throw RunError.otherImages(
        identity.path, found: identity.digest, expected: made, run: directory.path,
        remedy: "name the file that holds those by --data")
    }
    let (found, expected) = (
      try file.stringAttribute(firstRange, on: "/train/images") ?? "none",
      resolved.firstStageSettings.range.rawValue
    )
    guard found == expected else {
      throw RunError.data(
        directory.firstRows,
        "\(firstRange): found \(found), expected \(expected) as first_range has it; remove the file, "
          + "and train --resume makes it anew")
    }
  }

  /// X of a row of a training set, with the static noise of the run, for pictures.
  static func originals(
    _ data: ImageSet, of resolved: Configuration
  ) -> (Int) -> [Float] {
    let common = resolved.common
    var noise = common.data.staticNoise
    if noise.needsMeanImage {
      noise = noise.knowing(meanImage: data.meanImage(of: 0..<(common.data.rows ?? data.count)))
    }
    return { [noise] row in
      data.corrupted(by: noise, seed: common.lanes.seed, rows: row..<row + 1)
        .values(row..<row + 1)
    }
  }
}

extension RunDirectory {
  /// The error about a run that has no checkpoint whose weights could be asked.
  var withoutCheckpoint: RunError {
    guard stage != nil else { return .noCheckpoint(path) }
    return .data(
      path,
      "found no checkpoint of its second stage, expected one; train --resume \(path) goes on, and "
        + "\(first.path) has what the first stage has reached")
  }
}

extension RunError {
  /// The error about a RUN/first.h5 with other rows than those trained on.
  static func otherRows(
    _ directory: RunDirectory, found: String, expected: String
  ) -> RunError {
    .data(
      directory.firstRows,
      "found rows of digest \(found), expected \(expected), on which \(directory.path) is trained; "
        + "put those back, or remove the file: train --resume makes it anew")
  }
}
