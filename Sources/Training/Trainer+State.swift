import Autodiff
import Checkpoints
import MPI
import Tensors

/// The state of a trainer that the next step needs, to and from a checkpoint.
extension Trainer {
  /// Weights and optimizer state, on rank 0; nil on other ranks.
  ///
  /// **Collective.**
  func exportState() throws -> (model: [NamedArray], optimizer: [OptimizerGroup])? {
    let flat = UnsafePointer(buckets.values)
    let state = try optimizers.map { optimizer in
      try optimizer.rule.stateNames.indices.map { try optimizer.gathered($0) }
    }
    guard world.isRoot else { return nil }
    let model = parameters.entries.indices.map { index in
      let (shape, values) = parameters.exported(index, from: flat)
      return NamedArray(name: parameters.entries[index].name, shape: shape, values: values)
    }
    return (model, optimizers.indices.map { optimizerGroup($0, state[$0]) })
  }

  /// Names of the optimizers' states in checkpoints.
  private var phaseNames: [String] { (trainable?.phases ?? []).map(\.name) }

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
    return OptimizerGroup(name: phaseNames[phase], step: optimizer.step, entries: entries)
  }

  /// The XXH3-128 digest of every tensor of the model as in a checkpoint, in checkpoint order.
  public func tensorDigests() -> [(name: String, digest: String)] {
    let flat = UnsafePointer(buckets.values)
    return parameters.entries.indices.map { index in
      let digest = Digest()
      digest.update(parameters.exported(index, from: flat).values)
      return (parameters.entries[index].name, digest.text)
    }
  }

  /// This rank's rows for a checkpoint; nil without row state.
  var rowPart: RowPart? { rowState?.part(of: lanes.rowCount, rows.shape) }

  /// Bytes that all ranks together exchange in a step of a run with so many lanes and ranks.
  public func bytesExchanged(lanes: Int, ranks: Int) -> Int {
    optimizers.reduce(0) { bytes, optimizer in
      bytes
        + buckets.layout.bytesExchanged(
          groups: optimizer.groups, laneCount: lanes, exact: settings.exact, ranks: ranks)
    }
  }

  /// The destination of this rank's rows of a checkpoint; nil without row state.
  ///
  /// The search for a checkpoint fills it; then `restore` adopts the rest.
  public var rowTarget: RowTarget? { rowState?.target(of: lanes.rowCount, rows.shape) }

  /// Continues from a checkpoint, on any number of ranks.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - isLoaded: Whether `rowTarget` already holds the checkpoint's rows.
  ///   - hasOtherImages: Whether to keep weights and optimizer alone, at the start of an epoch.
  /// - Throws: `RunError` when its arrays do not fit the model; errors of reading it.
  func restore(
    _ contents: CheckpointContents, of checkpoint: Checkpoint, isLoaded: Bool, hasOtherImages: Bool
  ) throws {
    try world.agree {
      let found = contents.progress.lanes
      guard found != lanes.count else { return }
      throw RunError.data(
        checkpoint.directory,
        "lanes: found \(found), expected \(lanes.count) as in the run's settings")
    }
    let saved = try world.agree {
      try place(of: contents.progress, in: checkpoint, hasOtherImages: hasOtherImages)
    }
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
    for (name, optimizer) in zip(phaseNames, optimizers) {
      let group = contents.optimizer.first { $0.name == name }
      try world.agree { try check(group, of: optimizer, name, in: checkpoint) }
      try restore(optimizer, from: group)
    }
    if !hasOtherImages { try world.agree { try restoreRows(checkpoint, isLoaded: isLoaded) } }
    progress = saved.progress
    progress.finished = false
    if hasOtherImages { progress.stepInEpoch = 0 }
    setLearningRates()
    if !hasOtherImages { sums.restore(saved.epoch, lanes: localLanes.contains) }
  }

  /// Where the run stands, which has to be a place of this run.
  private func place(
    of progress: Checkpoints.Progress, in checkpoint: Checkpoint, hasOtherImages: Bool
  ) throws -> SavedProgress {
    let saved = try SavedProgress(progress, in: checkpoint.contentsPath)
    let p = saved.progress
    for (name, found, most) in [
      ("outer", p.outer, 1 << 30), ("epoch", p.totalEpochs, 1 << 30),
      ("images_seen", p.imagesSeen, 1 << 52),
    ] where found > most {
      throw RunError.data(
        checkpoint.contentsPath,
        "/progress: \(name): found \(found), expected at most \(most) of a run that goes on")
    }
    guard saved.imageShape == images.shape else {
      throw RunError.data(
        checkpoint.contentsPath,
        "found the state of a run on images of \(saved.imageShape), expected \(images.shape) as in "
          + images.path)
    }
    // The epoch of other images starts anew; a fitted model has no steps in an epoch.
    guard hasOtherImages || trainable == nil || saved.progress.stepInEpoch <= stepsPerEpoch
    else {
      throw RunError.data(
        checkpoint.contentsPath,
        "/progress/values: step_in_epoch: found \(saved.progress.stepInEpoch), expected at most "
          + "\(stepsPerEpoch)")
    }
    return saved
  }

  /// Makes sure that an optimizer's arrays, as far as there are any, are those of its parameters.
  ///
  /// A run that goes on with another rule lacks its arrays; they begin at zero.
  private func check(
    _ group: OptimizerGroup?, of optimizer: Optimizer, _ name: String, in checkpoint: Checkpoint
  ) throws {
    if let step = group?.step, step > 1 << 30 {
      throw RunError.data(
        checkpoint.contentsPath,
        "/optimizer/\(name): step: found \(step), expected at most \(1 << 30) of a run that goes on"
      )
    }
    for entry in group?.entries ?? [] where optimizer.rule.stateNames.contains(entry.key) {
      guard let index = parameters.entries.firstIndex(where: { $0.name == entry.parameter }),
        entry.shape != parameters.fileShape(index)
      else { continue }
      throw RunError.data(
        checkpoint.contentsPath,
        "/optimizer/\(name)/\(entry.parameter)/\(entry.key): found \(entry.shape), expected "
          + "\(parameters.fileShape(index))")
    }
  }

  /// **Collective.**
  private func restore(_ optimizer: Optimizer, from group: OptimizerGroup?) throws {
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

  private func restoreRows(_ checkpoint: Checkpoint, isLoaded: Bool) throws {
    guard let rowState, let target = rowTarget else { return }
    guard let saved = checkpoint.manifest.rowLayout, checkpoint.fits(target) else {
      let found = checkpoint.manifest.rowLayout?.description ?? "none"
      throw RunError.data(
        checkpoint.directory, "row state: found \(found), expected \(target.layout)")
    }
    if !isLoaded { try checkpoint.load(target) }
    rowState.adopt(saved)
  }
}
