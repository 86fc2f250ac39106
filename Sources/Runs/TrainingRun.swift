import Checkpoints
import Datasets
import Foundation
import Guard
import Layers
import MPI
import Models
import Support
import Training

/// A training run in its directory, from the start or from its newest checkpoint.
public enum TrainingRun {
  /// Prepares the first step of a run, replay, plan or benchmark.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - configuration: resolved.
  ///   - data: the training set.
  ///   - directory: the folder for the run's files; nil for no files.
  ///   - lease: the right to write them, on rank 0.
  ///   - identified: the training set with its identity, for checkpoints.
  ///   - originals: X of a row before a first stage, where `data` is what that made of it.
  /// - Throws: `ConfigurationError` for settings that do not fit the images or the ranks; errors of
  ///   the data set and of MPI.
  public static func session(
    _ configuration: Configuration, on data: ImageSet, in directory: RunDirectory? = nil,
    lease: RunLease? = nil, identified: IdentifiedImages? = nil,
    observer: (any TrainingObserver)? = nil, limits: TrainingLimits = TrainingLimits(),
    originals: ((Int) -> [Float])? = nil, world: Communicator
  ) throws -> Session {
    try world.agree { try checkLabels(of: data, for: configuration) }
    let loop = configuration.loop
    var common = configuration.common
    // It is on the images of the first stage.
    if configuration.hasFirstStage { common.data.staticNoise = .none }
    let trainer = try Trainer(
      common, model: configuration.makeModel(of: data.shape), images: data, loop: loop, on: world)
    let validation = try world.agree {
      try directory == nil ? nil : ValidationImages(common, beside: data)
    }
    return Session(
      trainer, loop, common.recording, system: configuration.model,
      configuration: configuration.json.document, in: directory, lease: lease,
      validatingOn: validation, observer: observer, limits: limits, data: identified,
      cure: configuration.cure, originals: originals)
  }

  /// Compares the start of all ranks, and resolves the settings that were left open.
  ///
  /// **Collective.**
  private static func resolve(
    _ configuration: Configuration, on data: ImageSet, world: Communicator
  ) throws -> Configuration {
    let replicas = Replicas(world)
    try replicas.checkStart(settings: configuration.json.document)
    try replicas.check(dataSet: data.path, "\(data.count) \(data.shape)")
    let resolved = try world.agree {
      try checkLabels(of: data, for: configuration)
      let resolved = try configuration.estimatingNoise(in: data).validated(
        rows: data.count, of: data.shape, classes: data.classes)
      _ = try resolved.firstStage(rows: data.count, of: data.shape)
      try resolved.common.lanes.check(ranks: world.size)
      try checkMeasure(resolved, on: data)
      return resolved
    }
    if resolved.isExact, let (found, cure) = try Arithmetic(on: world).difference {
      try world.agree {
        throw ConfigurationError(
          key: "exact", found: found, expected: "one arithmetic on all ranks: \(cure)")
      }
    }
    return resolved
  }

  /// The training set with the identity of the rows in use.
  ///
  /// **Collective.**
  ///
  /// - Parameter first: what a first stage made of them.
  static func identified(
    _ data: ImageSet, _ first: ImageSet? = nil, for resolved: Configuration,
    on world: Communicator
  ) throws -> IdentifiedImages {
    try IdentifiedImages(
      data, rows: resolved.common.data.modelRows ?? data.whole.count, first: first, on: world)
  }

  /// Refuses a choice of the best checkpoint by clean images where none are known.
  private static func checkMeasure(_ configuration: Configuration, on data: ImageSet) throws {
    let common = configuration.common
    let recording = common.recording
    if recording.bestBy == .hidden || recording.patience > 0 {
      let key = recording.bestBy == .hidden ? "best_by" : "patience"
      let found = recording.bestBy == .hidden ? "hidden" : "\(recording.patience)"
      guard try configuration.makeModel(of: data.shape) is any Encoding else {
        throw ConfigurationError(
          key: key, found: "\(found) with model=\(configuration.model)",
          expected: "a model with an encoder, which can fill in hidden pixels")
      }
      guard recording.hiddenImages > 0 else {
        throw ConfigurationError(
          key: key, found: "\(found) with hidden_images=0", expected: "hidden_images above 0")
      }
      guard configuration.loop.outerIterations != nil || recording.validateEvery > 0 else {
        throw ConfigurationError(
          key: key, found: "\(found) with model=\(configuration.model)",
          expected: "a validate_every above 0 with it: this model has no outer iterations")
      }
    }
    guard common.recording.bestBy == .cleanError else { return }
    let arrays = try configuration.loop.rowArrays(
      rows: common.data.modelRows ?? data.count, of: data.shape)
    guard configuration.loop.outerIterations != nil, arrays.hasSparsePart else {
      throw ConfigurationError(
        key: "best_by", found: "clean_mse with model=\(configuration.model)",
        expected: "loss or validation; only rvae and rda measure an L as they train")
    }
    guard data.clean != nil || !common.data.staticNoise.isNone else {
      throw ConfigurationError(
        key: "best_by", found: "clean_mse, but \(data.path) has no clean images",
        expected: "loss")
    }
  }

  /// Trains a new run.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - configuration: as given; settings left open are derived from the data set.
  ///   - data: the training set.
  ///   - directory: made here; it must be empty or absent unless `replacing`.
  ///   - request, command: what the run is started from, and by which words, for the record.
  /// - Throws: `ConfigurationError`, `RunError`, errors of the data set, of checkpoints and of MPI;
  ///   every rank throws the same error where all can know it.
  public static func start(
    _ configuration: Configuration, on data: ImageSet, in directory: RunDirectory,
    replacing: Bool = false, observer: (any TrainingObserver)? = nil,
    limits: TrainingLimits = TrainingLimits(), request: RunRequest? = nil, command: String = "",
    world: Communicator
  ) throws -> RunOutcome {
    precondition(!configuration.hasFirstStage, "StagedRun starts a run with two stages")
    let (resolved, identified, new) = try begin(
      configuration, on: data, in: directory, replacing: replacing, observer: observer,
      limits: limits, world: world)
    defer { new?.lease.release() }
    let session: Session
    do {
      session = try Self.session(
        resolved, on: data, in: directory, lease: new?.lease, identified: identified,
        observer: observer, limits: limits, world: world)
      try world.agree {
        if let problem = try new?.stands() { observer?.warning(problem) }
      }
    } catch {
      new?.undo()
      throw error
    }
    return try train(
      resolved, session, identified, request: request, noise: data.noise, command: command,
      observer: observer, limits: limits)
  }

  /// Makes the folder of a new run, as `start` does, which does not stand yet.
  ///
  /// **Collective.**
  ///
  /// - Returns: the settings resolved, the training set with its identity, and on rank 0 the
  ///   folder.
  /// - Throws: the errors of `start`.
  public static func begin(
    _ configuration: Configuration, on data: ImageSet, in directory: RunDirectory,
    replacing: Bool, observer: (any TrainingObserver)?, limits: TrainingLimits,
    world: Communicator
  ) throws -> (configuration: Configuration, images: IdentifiedImages, run: NewRun?) {
    let resolved = try resolve(configuration, on: data, world: world)
    if let note = configuration.noiseNote(resolved) { observer?.note(note) }
    if let warning = resolved.noiseWarning { observer?.warning(warning) }
    if let observer, let warning = configuration.noiseContradiction(in: data) {
      observer.warning(warning)
    }
    // Settings that do not fit the images are found before the folder is made; the folder is there
    // before the images are prepared, which may take long.
    let rows = resolved.common.data.modelRows ?? data.count
    let first = try resolved.firstStage(rows: data.count, of: data.shape)
    try world.agree {
      for stage in [first, resolved].compactMap({ $0 }) {
        _ = try stage.makeModel(of: data.shape)
        _ = try stage.loop.rowArrays(rows: rows, of: data.shape)
      }
    }
    // A place where no run can be made is told before the images are read.
    try world.agree {
      if world.isRoot {
        try NewRun.check(directory, replacing: replacing, inputs: data.files)
      }
    }
    let identified = try identified(data, for: resolved, on: world)
    let new = try world.agreeAsleep {
      guard world.isRoot else { return NewRun?.none }
      return try NewRun(
        directory, configuration: resolved.json.document, replacing: replacing,
        inputs: data.files, patience: limits.patience
      ) { observer?.warning($0) }
    }
    return (resolved, identified, new)
  }

  /// Continues from the newest checkpoint whose checksums hold.
  ///
  /// A run that ended before its first checkpoint starts again. On rank 0 the observer is told of
  /// each damaged checkpoint that was skipped. **Collective.**
  ///
  /// - Parameters:
  ///   - configuration: the run's configuration, perhaps with changed keys.
  ///   - data: the training set, wherever it lies now.
  ///   - lease: the right to write the run, on rank 0.
  ///   - other: what is done with images that are not those trained on so far.
  ///   - command: the words that go on with the run, for the record.
  /// - Throws: the errors of `start`; `RunError.data` for other images, unless they are accepted.
  public static func resume(
    _ configuration: Configuration, on data: ImageSet, in directory: RunDirectory,
    lease: RunLease? = nil, other: OtherImages = .refused,
    observer: (any TrainingObserver)? = nil, limits: TrainingLimits = TrainingLimits(),
    command: String = "", world: Communicator
  ) throws -> RunOutcome {
    defer { lease?.release() }
    if let predecessor = lease?.predecessor {
      observer?.warning(
        "\(directory.path): was in training by \(predecessor.words), which is gone; taken over")
    }
    return try goOn(
      configuration, on: data, in: directory, lease: lease, other: other, observer: observer,
      limits: limits, command: command, world: world)
  }

  /// Continues a run, or a stage of it, as `resume` does, and keeps the right to write it.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - data: the training set of the run, for its second stage, too.
  ///   - directory: of the run, or of its first stage.
  ///   - lease: the right to write the run.
  ///   - stage: which stage that is; nil for a run with one.
  ///   - request, noise: what a stage that is new is started from, and the noise on its images.
  /// - Throws: the errors of `resume`.
  public static func goOn(
    _ configuration: Configuration, on data: ImageSet, in directory: RunDirectory,
    lease: RunLease?, other: OtherImages = .refused, stage: RunStage? = nil,
    observer: (any TrainingObserver)?, limits: TrainingLimits, request: RunRequest? = nil,
    noise: String? = nil, command: String, world: Communicator
  ) throws -> RunOutcome {
    let recorded = try recordedData(of: directory, on: world)
    try world.agree { try checkExtent(of: data, against: recorded, of: directory, other: other) }
    let resolved = try resolve(configuration, on: data, world: world)
    let first = try firstRows(for: resolved, of: data, in: directory, on: world)
    let identified = try identified(data, first, for: resolved, on: world)
    let identity = identified.identity
    try world.agree {
      _ = try areOther(identity, than: recorded, of: directory, other: other)
      try checkFirstRows(of: resolved, identity, in: directory)
    }
    let session = try session(
      resolved, on: first ?? data, in: directory, lease: lease, identified: identified,
      observer: observer, limits: limits,
      originals: first == nil ? nil : originals(data, of: resolved), world: world)
    var store = CheckpointStore(run: directory.path)
    // Rows are loaded on the way unless the images may be others, whose rows have another S.
    let selection = try store.newestValid(
      on: world, loading: other == .accepted ? nil : session.trainer.rowTarget)
    session.goOn(with: store)
    if world.isRoot {
      for line in selection.skipped { observer?.warning(line) }
    }
    if selection.checkpoint == nil && !selection.skipped.isEmpty {
      try world.agree { throw RunError.noCheckpoint(directory.path) }
    }
    if let checkpoint = selection.checkpoint {
      let trained = try world.agree { try checkpoint.data() }
      let isOther = try world.agree {
        try areOther(identity, than: trained, of: directory, other: other)
      }
      if isOther { try world.agree { try checkFreshRows(session, data) } }
      try session.restore(
        checkpoint, isLoaded: selection.isLoaded, hasOtherImages: isOther)
      if isOther { try world.agree { try checkRest(session, directory) } }
      if world.isRoot, let line = session.passedLimit { observer?.warning(line) }
      if world.isRoot, let line = words(about: identity, isOther: isOther, trained, checkpoint) {
        observer?.warning(line)
      }
      let (former, kernels) = (
        checkpoint.manifest.blasKernel, try Arithmetic(on: world).kernelNames
      )
      if world.isRoot && former != kernels {
        observer?.warning(
          "the checkpoint was written with the BLAS kernel \(former), this run uses "
            + "\(kernels): results agree to rounding, not bit for bit")
      }
    }
    try world.agree {
      guard world.isRoot else { return }
      // Reading the checkpoint may have taken long.
      try lease?.check()
      try directory.write(configuration: resolved.json.document)
      try directory.writeMark()
    }
    return try train(
      resolved, session, identified, stage: stage, request: request, noise: noise,
      command: command, resumedFrom: selection.checkpoint?.name, observer: observer,
      limits: limits)
  }

  /// Trains on from a valid checkpoint and writes no files.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - start: a checkpoint whose checksums hold. The default is the newest that at least `steps`
  ///     steps of the run follow, or the oldest.
  ///   - steps: the number of steps; fewer where the run ends before.
  ///   - faults: the faults to make.
  ///   - body: called after each step, on every rank.
  /// - Returns: the name of the checkpoint.
  /// - Throws: `RunError` where there is no checkpoint before the run's last step; the errors of a
  ///   resume.
  public static func replay(
    _ configuration: Configuration, on data: ImageSet, in directory: RunDirectory,
    from start: Checkpoint? = nil, steps: Int, faults: [Fault] = [], world: Communicator,
    _ body: @escaping (Trainer) throws -> Void
  ) throws -> String {
    let recorded = try recordedData(of: directory, on: world)
    try world.agree { try checkExtent(of: data, against: recorded, of: directory, other: .refused) }
    let resolved = try resolve(configuration, on: data, world: world)
    let first = try firstRows(for: resolved, of: data, in: directory, on: world)
    let identity = try identified(data, first, for: resolved, on: world).identity
    let session = try session(resolved, on: first ?? data, world: world)
    let trainer = session.trainer
    func restore(before last: Int) throws -> Checkpoint {
      var (found, isLoaded) = (start, false)
      if start == nil {
        var store = CheckpointStore(run: directory.path)
        let selection = try store.newestValid(
          on: world, upTo: last - steps, loading: trainer.rowTarget)
        (found, isLoaded) = (selection.checkpoint, selection.isLoaded)
        if found == nil { found = try store.oldestValid(on: world, before: last) }
      }
      guard let checkpoint = found else {
        return try world.agree {
          throw RunError.data(
            directory.path, "found no checkpoint whose checksums hold before step \(last), the last"
          )
        }
      }
      _ = try world.agree {
        try areOther(
          identity, than: checkpoint.data(), of: directory, other: .refused, remedy: replayRemedy)
      }
      try session.restore(checkpoint, isLoaded: isLoaded)
      return checkpoint
    }
    var checkpoint = try restore(before: trainer.totalSteps)
    // A fit that has converged makes no more steps.
    if session.hasConverged, start == nil {
      checkpoint = try restore(before: trainer.progress.step)
    }
    session.follow(upTo: trainer.progress.step + steps, faults: faults, body)
    let watchdog = try Watchdog(seconds: Watchdog.usualLimit, folder: nil, world: world)
    defer { watchdog.stop() }
    _ = try session.run()
    return checkpoint.name
  }

  /// **Collective.**
  private static func train(
    _ configuration: Configuration, _ session: Session, _ identified: IdentifiedImages,
    stage: RunStage? = nil, request: RunRequest? = nil, noise: String? = nil, command: String,
    resumedFrom checkpoint: String? = nil,
    observer: (any TrainingObserver)?, limits: TrainingLimits
  ) throws -> RunOutcome {
    let (trainer, world) = (session.trainer, session.trainer.world)
    let watchdog = try Watchdog(
      seconds: limits.standstill, folder: session.directory?.path, world: world)
    defer { watchdog.stop() }
    let hosts = try world.allGather(world.hostName)
    let arithmetic = try Arithmetic(on: world)
    session.blasKernels = arithmetic.kernelNames
    try world.agree {
      guard world.isRoot else { return }
      try session.directory?.begin(
        RunSession(
          command: command, hosts: hosts, from: trainer.progress.step,
          to: min(trainer.totalSteps, limits.maxSteps ?? .max)),
        from: request, noise: noise, isSameProcess: stage?.isSameProcess ?? false)
    }
    if world.isRoot {
      observer?.runStarted(
        header(
          configuration, session, identified.identity, hosts, stage, resumedFrom: checkpoint))
      if let (found, cure) = arithmetic.difference {
        observer?.warning(
          "found \(found): the result depends on the order of the ranks; \(cure) makes it one")
      }
      for line in configuration.unreached { observer?.warning(line) }
      if let reason = session.noValidation { observer?.warning("validate_every: \(reason)") }
      if let line = cleanImagesUnread(by: configuration, of: trainer.images) {
        observer?.note(line)
      }
    }
    let outcome = try session.run()
    if outcome == .finished { try tellAccuracy(session, configuration, observer) }
    let progress = trainer.progress
    if world.isRoot && progress.skippedSteps > 0 {
      observer?.warning(
        "\(progress.skippedSteps) of \(progress.step) steps were left out for numbers that "
          + "are not finite")
    }
    let peaks = try world.allGather([Int64(ProcessMemory.peak)])
    if world.isRoot {
      observer?.peakMemory(peaks.map { Int($0) })
      if let best = session.best { observer?.best(best) }
      observer?.finished(outcome)
    }
    return outcome
  }

  private static func header(
    _ configuration: Configuration, _ session: Session, _ data: DataIdentity, _ hosts: [String],
    _ stage: RunStage?, resumedFrom checkpoint: String?
  ) -> RunHeader {
    let trainer = session.trainer
    let shape = trainer.images.shape
    let preset = session.directory?.identity?.request?.preset
    return RunHeader(
      system: configuration.model, common: configuration.common,
      assignments: configuration.assignments, preset: preset,
      changed: configuration.changes(fromPreset: preset, rows: trainer.rows.count, of: shape),
      abilities: abilities(of: session), run: stage?.run ?? session.directory?.path ?? "",
      stage: stage, data: data.path, digest: data.digest, rows: trainer.rows.count,
      rowsName: trainer.images.rowsName, extent: trainer.images.extent(of: trainer.rows.count),
      isMixed: trainer.images.whole.isMixed, hosts: hosts,
      blasKernels: session.blasKernels,
      parameters: trainer.parameters.parameters.reduce(0) { $0 + $1.shape.count },
      totalSteps: trainer.totalSteps, totalEpochs: trainer.totalEpochs,
      outerIterations: session.loop.outerIterations, lossUnit: session.loop.lossUnit,
      resumedFrom: checkpoint, judges: session.judgesInWords)
  }

  private static func abilities(of session: Session) -> ModelAbilities {
    var abilities = ModelAbilities()
    abilities.encodes = session.trainer.model is any Encoding
    abilities.generates = session.trainer.model is any Generative
    abilities.classifies = session.trainer.model is any Classifying
    abilities.splits =
      session.trainer.rowState?.arrays.hasSparsePart == true
      || (session.trainer.model as? any Restoring)?.restores == true
    return abilities
  }
}

extension Configuration {
  /// The settings that differ from those of a preset, or from the defaults where there is no such
  /// preset.
  ///
  /// - Parameters:
  ///   - rows: rows of the training set, from which both derive what is left open.
  ///   - shape: the shape of its images, if it is known.
  public func changes(
    fromPreset name: String?, rows: Int, of shape: ImageShape? = nil
  ) -> [String] {
    let base = name.flatMap { try? Preset.named($0).configuration() } ?? Configuration()
    return changes(from: (try? base.validated(rows: rows, of: shape)) ?? base)
  }
}
