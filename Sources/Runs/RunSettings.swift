import Checkpoints
import Models
import Support
import Training

/// The settings with which a run goes on.
///
/// `config.json` is there to be read and edited. What matters is in the checkpoints.
public enum RunSettings {
  /// Reads the settings: those of `config.json`, as far as a run may change them, and those of the
  /// newest whole checkpoint.
  ///
  /// Rank 0 only.
  ///
  /// - Parameter warning: called with one line where `config.json` cannot be used.
  /// - Throws: `RunError.data` for a `config.json` with another value of a key that is fixed for
  ///   the run, or with values that do not go together, for one that cannot be read in a run
  ///   without a checkpoint, and for a checkpoint whose parts do not belong together; errors of
  ///   reading the run.
  public static func read(
    _ directory: RunDirectory, warning: (String) -> Void = { _ in }
  ) throws -> Configuration {
    let path = directory.configuration
    let edited = Result { try Self.configuration(in: directory) }
    // What is damaged is told by the search for a checkpoint that follows.
    guard let checkpoint = try RunSummary(run: directory.path, check: .contents).newest else {
      do { return try edited.get() } catch let error as RunError {
        throw RunError.data(
          path,
          "\(error.reason); no checkpoint keeps the settings of this run: write them anew, or start "
            + "the run again by --force")
      }
    }
    let recorded = try RecordedRun(checkpoint)
    _ = try recorded.makeModel()
    let kept = recorded.configuration
    switch edited {
    case .failure(let error as RunError):
      warning(
        "\(path): \(error.reason); the settings of \(checkpoint.name) are used, and written there")
      return kept
    case .failure(let error): throw error
    case .success(let edited):
      if let difference = edited.fixedDifference(from: kept) {
        throw RunError.data(
          path,
          "\(difference.key): found \(difference.found), expected \(difference.expected) as "
            + "\(checkpoint.name) has it, since it is fixed for the run; put that back, or move the "
            + "file away")
      }
      let rows =
        edited.common.data.modelRows ?? checkpoint.manifest.rowLayout?.rows ?? .max
      do throws(ConfigurationError) {
        _ = try edited.validated(rows: rows, of: recorded.progress.imageShape)
      } catch {
        throw RunError.data(
          path, "\(error); put back what \(checkpoint.name) has, or move the file away")
      }
      return edited
    }
  }

  private static func configuration(in directory: RunDirectory) throws -> Configuration {
    let text = try directory.configurationText()
    do throws(ConfigurationError) { return try Configuration.load(json: text) } catch {
      throw RunError.data(directory.configuration, "\(error)")
    }
  }
}
