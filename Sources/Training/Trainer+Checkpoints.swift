import Autodiff
import Checkpoints
import MPI
import Tensors

/// Saving and taking up a run.
extension Trainer {
  /// Writes a checkpoint of this moment.
  ///
  /// **Collective.**
  ///
  /// - Throws: one error on all ranks, for example of a full disk; what existed before stays.
  func save(to store: inout CheckpointStore) throws -> SavedCheckpoint {
    let flat = UnsafePointer(buckets.values)
    let optimizerState = try optimizers.map { optimizer in
      try optimizer.rule.stateNames.indices.map { try optimizer.gathered($0) }
    }
    let epochSums = try sums.saved(on: world)
    var contents: CheckpointContents?
    if world.isRoot {
      contents = CheckpointContents(
        configuration: configuration.json.document,
        model: parameters.entries.indices.map { index in
          let (shape, values) = parameters.exported(index, from: flat)
          return NamedArray(name: parameters.entries[index].name, shape: shape, values: values)
        },
        optimizer: optimizers.indices.map { optimizerGroup($0, optimizerState[$0]) },
        progress: savedProgress(epochSums),
        history: history.metrics.mapValues { points in
          points.map { HistoryPoint(step: $0.step, value: $0.value) }
        })
    }
    return try store.save(
      contents, rows: rowBlock(), score: score,
      keeping: Retention(last: configuration.keepLast, best: configuration.keepBest), on: world)
  }

  /// XXH3-128 of every tensor of the model as a checkpoint would hold it, in checkpoint order.
  public func tensorDigests() -> [(name: String, digest: String)] {
    let flat = UnsafePointer(buckets.values)
    return parameters.entries.indices.map { index in
      let digest = Digest()
      digest.update(parameters.exported(index, from: flat).values)
      return (parameters.entries[index].name, digest.text)
    }
  }

  private func optimizerGroup(_ phase: Int, _ state: [[Float]]) -> OptimizerGroup {
    let optimizer = optimizers[phase]
    var entries: [OptimizerEntry] = []
    for (index, entry) in parameters.entries.enumerated()
    where optimizer.trains(entry.parameter) {
      for (key, flat) in zip(optimizer.rule.stateNames, state) {
        let (shape, values) = flat.withUnsafeBufferPointer { buffer in
          buffer.baseAddress.map { parameters.exported(index, from: $0) } ?? ([], [])
        }
        entries.append(
          OptimizerEntry(parameter: entry.name, key: key, shape: shape, values: values))
      }
    }
    return OptimizerGroup(name: model.phases[phase].name, step: optimizer.step, entries: entries)
  }

  private func rowBlock() -> RowBlock? { split?.block(of: lanes.rowCount, rowShape) }

  /// Where this rank wants its rows of a checkpoint; nil for models without a split.
  ///
  /// Hand it to the search for a checkpoint, which fills it; `restore` takes over the rest.
  public var rowTarget: RowTarget? { split?.target(of: lanes.rowCount, rowShape) }

  private var rowShape: [Int] { [images.shape.height, images.shape.width, images.shape.channels] }

  /// What decides which checkpoint is best: the bound on validation images where it is measured, which checkpoints of
  /// other steps do not have; the error to the clean images where they are at hand; else the epoch's loss.
  private var score: Double? {
    validates ? boundOfThisStep : history.latest("mse") ?? history.latest("epoch/loss")
  }

  /// With a term's name, the key of its place among the epoch's sums.
  private static let termPrefix = "epoch_term_"

  private func savedProgress(_ epochSums: [Double]) -> Checkpoints.Progress {
    var values: [String: Double] = [
      "epoch_in_outer": Double(progress.epoch), "step_in_epoch": Double(progress.stepInEpoch),
      "finished": progress.finished ? 1 : 0, "image_height": Double(images.shape.height),
      "image_width": Double(images.shape.width), "image_channels": Double(images.shape.channels),
      "threshold": shrinkageThreshold,
    ]
    if progress.skippedSteps > 0 { values["skipped_steps"] = Double(progress.skippedSteps) }
    for warning in progress.warnings { values["warning_\(warning.rawValue)"] = 1 }
    for (i, name) in sums.names.enumerated() { values[Self.termPrefix + name] = Double(i) }
    for (i, sum) in epochSums.enumerated() where sum != 0 { values["epoch_sum_\(i)"] = sum }
    return Checkpoints.Progress(
      seed: configuration.seed, lanes: lanes.count, outer: progress.outer,
      epoch: progress.totalEpochs, step: progress.step, imagesSeen: progress.imagesSeen,
      exact: configuration.exact, blasKernel: BLAS.kernelName, values: values)
  }

  /// Takes up where a checkpoint was written, on any number of ranks.
  ///
  /// **Collective.**
  ///
  /// - Parameter isLoaded: Whether `rowTarget` holds the checkpoint's rows already.
  /// - Throws: `RunError` when its arrays are not those of the model; errors of reading it.
  public func restore(_ checkpoint: Checkpoint, isLoaded: Bool = false) throws {
    let contents = try world.agree { try checkpoint.contents() }
    let saved = contents.progress
    var flat = [Float](repeating: 0, count: world.isRoot ? buckets.count : 0)
    try world.agree {
      guard world.isRoot else { return }
      try flat.withUnsafeMutableBufferPointer {
        if let base = $0.baseAddress {
          try parameters.fill(base, from: contents.model, of: checkpoint)
        }
      }
    }
    try buckets.publishValues(flat)
    for (phase, optimizer) in optimizers.enumerated() {
      let group = contents.optimizer.first { $0.name == model.phases[phase].name }
      for (index, key) in optimizer.rule.stateNames.enumerated() {
        var state = [Float](repeating: 0, count: world.isRoot ? buckets.count : 0)
        if world.isRoot, let group {
          for (i, entry) in parameters.entries.enumerated() {
            let found = group.entries.first { $0.parameter == entry.name && $0.key == key }
            guard let found, found.values.count == entry.parameter.shape.count else { continue }
            state.withUnsafeMutableBufferPointer {
              if let base = $0.baseAddress { parameters.import(found.values, i, to: base) }
            }
          }
        }
        try optimizer.scatter(index, state, step: group?.step ?? 0)
      }
    }
    try world.agree { try restoreSplit(checkpoint, isLoaded: isLoaded) }
    restoreProgress(saved)
    for (name, points) in contents.history {
      for point in points { history.append(name, point.value, step: point.step) }
    }
  }

  private func restoreSplit(_ checkpoint: Checkpoint, isLoaded: Bool) throws {
    guard let split, let target = rowTarget else { return }
    guard let saved = checkpoint.manifest.split, saved.rows == lanes.rowCount,
      saved.rowCount == dimensions, saved.storage == split.storage
    else {
      let found = checkpoint.manifest.split.map {
        "\($0.rows) rows of \($0.rowShape), \($0.storage.rawValue)"
      }
      throw RunError.data(
        checkpoint.directory,
        "split: found \(found ?? "none"), expected \(lanes.rowCount) rows of \(images.shape), "
          + split.storage.rawValue)
    }
    if !isLoaded { try checkpoint.load(target) }
    split.adopt(saved)
  }

  private func restoreProgress(_ saved: Checkpoints.Progress) {
    progress.outer = saved.outer
    progress.totalEpochs = saved.epoch
    progress.step = saved.step
    progress.imagesSeen = saved.imagesSeen
    progress.epoch = Int(saved.values["epoch_in_outer"] ?? 0)
    progress.stepInEpoch = Int(saved.values["step_in_epoch"] ?? 0)
    progress.skippedSteps = Int(saved.values["skipped_steps"] ?? 0)
    setLearningRates()
    progress.warnings = Set(
      CollapseWarning.allCases.filter { saved.values["warning_\($0.rawValue)"] == 1 })
    let terms = saved.values.filter { $0.key.hasPrefix(Self.termPrefix) }
      .sorted { $0.value < $1.value }
      .map { String($0.key.dropFirst(Self.termPrefix.count)) }
    sums.restore(
      { saved.values["epoch_sum_\($0)"] ?? 0 }, names: terms.isEmpty ? ["loss"] : terms,
      lanes: localLanes.contains)
  }
}
