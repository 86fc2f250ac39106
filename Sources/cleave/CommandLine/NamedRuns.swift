import Evaluation
import MPI
import Models
import Runs
import Support
import Training

/// A run that a command names, or the runs of groups in a folder (docs/files.md, Runs of groups).
struct NamedRuns {
  /// One of them.
  struct Run {
    /// Its directory.
    let directory: RunDirectory
    /// The group on which it is trained; nil for a run that was named.
    let group: String?
  }

  /// The named directory.
  let path: String
  /// The run, or those of the groups, in the order of the data set.
  let runs: [Run]
  /// The settings that the runs of groups share; nil for a run that was named.
  let shared: Configuration?

  /// Whether the path is a folder of runs of groups.
  var areGroups: Bool { shared != nil }

  /// Looks at what a path has.
  ///
  /// - Throws: `RunError.data` for a folder of groups that cannot be read, or of which some have no
  ///   run yet.
  init(_ path: String) throws {
    self.path = path
    guard GroupRuns.isThere(path) else {
      (runs, shared) = ([Run(directory: RunDirectory(path), group: nil)], nil)
      return
    }
    let groups = try GroupRuns(at: path)
    runs = groups.groups.map { Run(directory: groups.run(of: $0), group: $0.name) }
    shared = groups.configuration
    for (run, group) in zip(runs, groups.groups) where !run.directory.holdsRun {
      throw RunError.data(
        path,
        "found no run of the group \(group.name) yet, expected one of each group; "
          + "cleave train --resume \(ShellWords.quoted(path)) goes on")
    }
  }

  /// Measures each run, on the rows of its group; they are entries of one set of settings.
  ///
  /// **Collective.**
  func measure(
    _ measurement: Measurement, isBest: Bool, on world: Communicator, _ console: Console
  ) throws -> [Comparison.Entry] {
    try runs.map { run -> Comparison.Entry in
      do {
        let trained = try TrainedModel.load(
          run.directory, measurement.passes, isBest: isBest, on: world, console)
        let (evaluation, result) = try measurement.measure(
          trained, group: run.group, on: world, console)
        return Comparison.Entry(evaluation, result, settings: shared, name: path)
      } catch {
        // Other errors than those that all ranks have are not to be told by all.
        guard let group = run.group, world.size == 1 || error is AgreedError else { throw error }
        let failure = GroupFailure(
          description: "group \(group): \(error)", exitStatus: world.exitStatus(error))
        return try world.agree { throw failure }
      }
    }
  }
}

/// The failure of the run of a group, or of several.
struct GroupFailure: ExitStatusError, CustomStringConvertible {
  let description: String
  let exitStatus: Int32
}
