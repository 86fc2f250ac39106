import Checkpoints
import Datasets
import Foundation
import MPI
import Models
import Runs
import Support
import Training

/// A run with one stage or two: the second stage is trained on the L of the first (docs/systems.md,
/// 4.7 to 4.9).
///
/// The first stage is a run of its own in RUN/first, written by the owner of RUN. When it is over,
/// its L of all rows becomes RUN/first.h5. Then RUN itself is trained on that file, as any run is.
/// Each of these appears by one rename, so a run goes on in the middle of either stage or between
/// them.
public enum StagedRun {
  /// Trains a new run, like `TrainingRun.start`.
  ///
  /// **Collective.**
  ///
  /// - Throws: the errors of `TrainingRun.start`.
  public static func start(
    _ configuration: Configuration, on data: ImageSet, in directory: RunDirectory,
    replacing: Bool = false, observer: (any TrainingObserver)? = nil,
    limits: TrainingLimits = TrainingLimits(), request: RunRequest? = nil, command: String = "",
    world: Communicator
  ) throws -> RunOutcome {
    guard configuration.hasFirstStage else {
      return try TrainingRun.start(
        configuration, on: data, in: directory, replacing: replacing, observer: observer,
        limits: limits, request: request, command: command, world: world)
    }
    let begun = try TrainingRun.begin(
      configuration, on: data, in: directory, replacing: replacing, observer: observer,
      limits: limits, world: world)
    defer { begun.run?.lease.release() }
    do {
      try world.agree { if let problem = try begun.run?.stands() { observer?.warning(problem) } }
    } catch {
      begun.run?.undo()
      throw error
    }
    return try Stages(
      configuration: begun.configuration, data: data, directory: directory,
      lease: begun.run?.lease, observer: observer, limits: limits, request: request,
      command: command, world: world
    ).goOn()
  }

  /// Goes on with a run, like `TrainingRun.resume`.
  ///
  /// **Collective.**
  ///
  /// - Throws: the errors of `TrainingRun.resume`; `RunError.data` for other images of a run with
  ///   two stages.
  public static func resume(
    _ configuration: Configuration, on data: ImageSet, in directory: RunDirectory,
    lease: RunLease? = nil, other: TrainingRun.OtherImages = .refused,
    observer: (any TrainingObserver)? = nil, limits: TrainingLimits = TrainingLimits(),
    command: String = "", world: Communicator
  ) throws -> RunOutcome {
    guard configuration.hasFirstStage else {
      try world.agree {
        guard directory.stage != nil else { return }
        throw RunError.data(
          directory.configuration,
          "first: found nothing, expected the first stage that \(directory.first.path) is; put that "
            + "back")
      }
      return try TrainingRun.resume(
        configuration, on: data, in: directory, lease: lease, other: other, observer: observer,
        limits: limits, command: command, world: world)
    }
    defer { lease?.release() }
    try world.agree {
      guard other == .refused else {
        throw RunError.data(
          directory.path,
          "--accept-data: found a run with two stages, expected one with one; a new run can have "
            + "these images")
      }
    }
    if let predecessor = lease?.predecessor {
      observer?.warning(
        "\(directory.path): was in training by \(predecessor.words), which is gone; taken over")
    }
    return try Stages(
      configuration: configuration, data: data, directory: directory, lease: lease,
      observer: observer, limits: limits, command: command, world: world
    ).goOn()
  }
}

/// The way of a run through its two stages, from where it stands.
private struct Stages {
  let configuration: Configuration
  let data: ImageSet
  let directory: RunDirectory
  let lease: RunLease?
  let observer: (any TrainingObserver)?
  let limits: TrainingLimits
  /// What a new run is started from.
  var request: RunRequest?
  let command: String
  let world: Communicator

  /// **Collective.**
  func goOn() throws -> RunOutcome {
    var isOver = [Int64(world.isRoot && directory.stage == 2 ? 1 : 0)]
    try world.allReduce(&isOver, .max)
    if isOver[0] == 0 {
      if try trainFirst() == .stopped { return .stopped }
      let file = FirstStageRows(
        directory: directory, range: configuration.firstStageSettings.range,
        standstill: limits.standstill)
      guard let bytes = try file.write(data, on: world) else {
        if world.isRoot { observer?.finished(.stopped) }
        return .stopped
      }
      if world.isRoot { observer?.handedOver(bytes: bytes, to: directory.firstRows) }
    }
    return try TrainingRun.goOn(
      configuration, on: data, in: directory, lease: lease,
      stage: RunStage(2, of: directory.path, isSameProcess: isOver[0] == 0), observer: observer,
      limits: limits, command: command, world: world)
  }

  /// Trains the first stage, from where it stands.
  ///
  /// **Collective.**
  private func trainFirst() throws -> RunOutcome {
    guard let first = try configuration.firstStage(rows: data.count, of: data.shape) else {
      preconditionFailure("a run with one stage")
    }
    let hosts = try world.allGather(world.hostName)
    try world.agree {
      guard world.isRoot else { return }
      try lease?.check()
      try checkSettings(first)
      for folder in [
        directory.first.path, directory.first.checkpoints, directory.first.images,
      ] {
        guard mkdir(folder, 0o777) == 0 || errno == EEXIST else { throw FileError.last(folder) }
      }
      // From here on the folder is a run, which goes on like any other.
      try directory.first.write(configuration: first.json.document)
      try directory.first.writeMark()
      try directory.begin(
        RunSession(command: command, hosts: hosts, from: 0, to: 0), from: request,
        noise: data.noise)
    }
    let preset = configuration.firstStageSettings.stage.prefix { !$0.isWhitespace }
    return try TrainingRun.goOn(
      first, on: data, in: directory.first, lease: lease, stage: RunStage(1, of: directory.path),
      observer: observer, limits: limits,
      request: preset.contains("=") ? nil : RunRequest(preset: String(preset)),
      noise: data.noise, command: command, world: world)
  }

  /// Makes sure that the first stage goes on with the settings with which it has begun.
  ///
  /// Rank 0 only.
  ///
  /// - Throws: `RunError.data` for another value of a key that is fixed for a run.
  private func checkSettings(_ first: Configuration) throws {
    guard
      let newest = try RunSummary(run: directory.first.path, check: .contents).newest
    else { return }
    let kept = try RecordedRun(newest).configuration
    guard let difference = first.fixedDifference(from: kept) else { return }
    throw RunError.data(
      directory.configuration,
      "\(difference.key) of the first stage: found \(difference.found), expected "
        + "\(difference.expected) as \(directory.first.path) has it in \(newest.name), since it is "
        + "fixed for the run; put that back")
  }
}
