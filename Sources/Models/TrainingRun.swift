import Checkpoints
import Datasets
import Foundation
import MPI
import Tensors
import Training

/// A training run in its directory, from the start or from its newest checkpoint.
public enum TrainingRun {
  /// Trains a new run.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - configuration: as given; what is left open is derived from the data set.
  ///   - data: the training set.
  ///   - directory: made here; must not hold anything unless `replacing`.
  /// - Throws: `ConfigurationError`, `RunError`, errors of the data set, of checkpoints and of MPI; the same one on
  ///   every rank where all can know of it.
  public static func start(
    _ configuration: Configuration, on data: ImageSet, in directory: RunDirectory,
    replacing: Bool = false, observer: (any TrainingObserver)? = nil,
    limits: TrainingLimits = TrainingLimits(), world: Communicator
  ) throws -> RunOutcome {
    try Replicas(world).checkStart(configuration, data: data.path)
    let resolved = try configuration.validated(rows: data.count, of: data.shape)
    try resolved.check(ranks: world.size)
    let entry = try ModelCatalogue.entry(resolved)
    let model = try entry.make(resolved, data.shape)
    try world.agree {
      if world.isRoot { try directory.create(resolved, replacing: replacing) }
    }
    let session = Session(directory: directory, observer: observer, limits: limits)
    let trainer = try Trainer(
      resolved, model: model, images: data, splits: entry.splits, on: world, session: session)
    trainer.validation = try world.agree { try ValidationImages(resolved, beside: data) }
    return try train(trainer, entry, resumedFrom: nil, observer: observer, limits: limits)
  }

  /// Goes on from the newest checkpoint whose checksums hold, or from the start where the run was
  /// ended before its first one.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - configuration: the run's, perhaps with changed keys.
  ///   - warn: told of each damaged checkpoint that was skipped, on rank 0.
  public static func resume(
    _ configuration: Configuration, on data: ImageSet, in directory: RunDirectory,
    observer: (any TrainingObserver)? = nil, limits: TrainingLimits = TrainingLimits(),
    world: Communicator
  ) throws -> RunOutcome {
    try Replicas(world).checkStart(configuration, data: data.path)
    let resolved = try configuration.validated(rows: data.count, of: data.shape)
    try resolved.check(ranks: world.size)
    let entry = try ModelCatalogue.entry(resolved)
    let session = Session(directory: directory, observer: observer, limits: limits)
    let trainer = try Trainer(
      resolved, model: entry.make(resolved, data.shape), images: data,
      splits: entry.splits, on: world, session: session)
    trainer.validation = try world.agree { try ValidationImages(resolved, beside: data) }
    var store = CheckpointStore(run: directory.path)
    let selection = try store.newestValid(on: world, loading: trainer.rowTarget)
    session.goOn(with: store)
    if world.isRoot {
      for line in selection.skipped { observer?.warning(line) }
    }
    if selection.checkpoint == nil && !selection.skipped.isEmpty {
      try world.agree { throw RunError.noCheckpoint(directory.path) }
    }
    if let checkpoint = selection.checkpoint {
      try trainer.restore(checkpoint, isLoaded: selection.isLoaded)
      let kernel = checkpoint.manifest.blasKernel
      if world.isRoot && kernel != BLAS.kernelName {
        observer?.warning(
          "the checkpoint was written with the BLAS kernel \(kernel), this run uses "
            + "\(BLAS.kernelName): results agree to rounding, not bit for bit")
      }
    }
    try world.agree {
      if world.isRoot { try directory.writeConfiguration(resolved) }
    }
    return try train(
      trainer, entry, resumedFrom: selection.checkpoint?.name, observer: observer, limits: limits)
  }

  /// Trains on from a checkpoint whose checksums hold, without leaving anything.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - start: the checkpoint, whose checksums hold; by default the newest that the run has so many steps after, or the
  ///     oldest.
  ///   - steps: how many; fewer where the run ends before.
  ///   - faults: what shall go wrong on the way.
  ///   - body: called after each step, on every rank.
  /// - Returns: the name of the checkpoint.
  /// - Throws: `RunError` where there is no checkpoint before the run's last step; the errors of a resume.
  public static func replay(
    _ configuration: Configuration, on data: ImageSet, in directory: RunDirectory,
    from start: Checkpoint? = nil, steps: Int, faults: [Fault] = [], world: Communicator,
    _ body: @escaping (Trainer) throws -> Void
  ) throws -> String {
    try Replicas(world).checkStart(configuration, data: data.path)
    let resolved = try configuration.validated(rows: data.count, of: data.shape)
    try resolved.check(ranks: world.size)
    let entry = try ModelCatalogue.entry(resolved)
    let session = Session(directory: nil)
    let trainer = try Trainer(
      resolved, model: entry.make(resolved, data.shape), images: data,
      splits: entry.splits, on: world, session: session)
    var isLoaded = false
    var found = start
    if start == nil {
      var store = CheckpointStore(run: directory.path)
      let selection = try store.newestValid(
        on: world, upTo: trainer.totalSteps - steps, loading: trainer.rowTarget)
      (found, isLoaded) = (selection.checkpoint, selection.isLoaded)
      if found == nil { found = try store.oldestValid(on: world, before: trainer.totalSteps) }
    }
    guard let checkpoint = found else {
      return try world.agree {
        throw RunError.data(
          directory.path,
          "found no checkpoint whose checksums hold before step \(trainer.totalSteps), the last")
      }
    }
    try trainer.restore(checkpoint, isLoaded: isLoaded)
    session.follow(upTo: trainer.progress.step + steps, faults: faults, body)
    let watchdog = try Watchdog(
      seconds: TrainingLimits.usualStandstill, directory: nil, world: world)
    defer { watchdog.stop() }
    try trainer.start()
    _ = try entry.fit(trainer)
    return checkpoint.name
  }

  private static func train(
    _ trainer: Trainer, _ entry: CatalogueEntry, resumedFrom checkpoint: String?,
    observer: (any TrainingObserver)?, limits: TrainingLimits
  ) throws -> RunOutcome {
    let world = trainer.world
    let watchdog = try Watchdog(
      seconds: limits.standstill, directory: trainer.directory, world: world)
    defer { watchdog.stop() }
    let hosts = try world.allGather(world.hostName)
    let shape = trainer.images.shape
    if world.isRoot {
      observer?.runStarted(
        RunHeader(
          configuration: trainer.configuration, run: trainer.directory?.path ?? "",
          data: trainer.images.path, rows: trainer.lanes.rowCount,
          imageShape: [shape.height, shape.width, shape.channels], hosts: hosts,
          blasKernel: BLAS.kernelName,
          parameters: trainer.parameters.parameters.reduce(0) { $0 + $1.shape.count },
          totalSteps: trainer.totalSteps,
          totalEpochs: trainer.totalSteps / trainer.stepsPerEpoch,
          outerIterations: trainer.alternates ? trainer.configuration.outerIterations : nil,
          resumedFrom: checkpoint))
    }
    if world.isRoot {
      for line in trainer.configuration.unreached { observer?.warning(line) }
    }
    if world.isRoot, let reason = trainer.noValidation {
      observer?.warning("validate_every: \(reason)")
    }
    try trainer.start()
    let outcome = try entry.fit(trainer)
    if outcome != .stopped { try trainer.finish() }
    if world.isRoot && trainer.progress.skippedSteps > 0 {
      observer?.warning(
        "\(trainer.progress.skippedSteps) of \(trainer.progress.step) steps were left out for numbers that "
          + "are not finite")
    }
    let peaks = try world.allGather([Int64(ProcessMemory.peak)])
    if world.isRoot {
      observer?.peakMemory(peaks.map { Int($0) })
      observer?.finished(outcome)
    }
    return outcome
  }
}
