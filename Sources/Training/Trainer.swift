import Autodiff
import CKernels
import Datasets
import Distributed
import Foundation
import Guard
import Layers
import MPI
import Support
import Tensors

/// Makes the steps of one model on this rank's lanes, together with the trainers of the other
/// ranks.
///
/// It owns weights, gradients and optimizers, and knows neither files nor logs. A step takes batch
/// / lanes rows of every lane.
/// In fast mode all lanes of a rank are one microbatch. In exact mode each lane is a microbatch,
/// and the gradients are added along one tree over lanes, for any number of ranks. Methods that
/// communicate say **Collective.**
public final class Trainer {
  /// Batch, lanes and the key of all draws.
  public let settings: LaneSettings
  /// The model.
  public let model: any Module
  /// The model as a model that learns by gradients; nil for a fitted model.
  public let trainable: (any Trainable)?
  /// Whether L of the rows is X - S (`Loop.leavesNoRest`).
  let leavesNoRest: Bool
  /// The model's parameters, in checkpoint order.
  public let parameters: ParameterSet
  /// The rows of this rank, and their row state.
  public let rows: TrainingRows
  /// The memory of values and gradients.
  public let buckets: GradientBuckets
  /// The optimizers, one for each phase.
  public let optimizers: [Optimizer]
  /// The run's progress.
  public internal(set) var progress = TrainingProgress()
  /// Losses of this rank's part of the last step and of the epoch so far.
  public internal(set) var sums: TermSums
  /// Checks losses, gradients and weights.
  public let watch: StepGuard
  /// Steps in an epoch: the last batch is filled from the start of each lane's order.
  ///
  /// A fitted model sees all rows in one step.
  public let stepsPerEpoch: Int
  /// Epochs of the whole run, which schedules use.
  public let totalEpochs: Int

  let optimization: OptimizerSettings
  let held: HeldGradients?  // for updates that wait for a decision of all ranks
  let freshNoise: Corruption  // the noise of inputs in each step
  let steps: [Step]  // one for each microbatch
  private let microbatchRows: [Range<Int>]  // places of each microbatch's rows in `batchRows`
  private var batchRows: [Int32]
  private(set) var orders: [[Int32]]  // of each local lane, for the epoch `orderedEpoch`
  private var orderedEpoch = -1
  var lastReadAhead = -1  // the last step whose images were read ahead

  /// A trainer with freshly drawn weights.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - common: resolved, so that lanes and rows are set.
  ///   - images: the training set; static noise is applied here.
  ///   - loop: the course of the run, with its length, its optimizer and its arrays for each row.
  /// - Throws: `ConfigurationError` for more ranks than lanes; errors of the data set and of MPI.
  public init(
    _ common: CommonSettings, model: any Module, images: ImageSet, loop: any Loop,
    on world: Communicator
  ) throws {
    settings = common.lanes
    optimization = loop.optimizer
    totalEpochs = loop.epochs
    leavesNoRest = loop.leavesNoRest
    self.model = model
    trainable = model as? any Trainable
    rows = try TrainingRows(
      common, images: images,
      arrays: loop.rowArrays(rows: common.data.modelRows ?? images.count, of: images.shape),
      on: world)
    let (lanes, localLanes) = (rows.lanes, rows.localLanes)

    let parameters = model.collectParameters()
    self.parameters = parameters
    let buckets = try GradientBuckets(
      slots: parameters.entries.map {
        ParameterSlot(
          name: $0.name, group: $0.parameter.group, count: $0.parameter.shape.count)
      }, laneCount: lanes.count, exact: settings.exact, on: world,
      messageFloats: 256 * settings.messageKiB)
    self.buckets = buckets
    parameters.attach(
      buckets.values, beforeReading: { [unowned buckets] in buckets.waitForValues(of: $0) },
      offset: buckets.offset)
    optimizers = (trainable?.phases ?? []).map { [optimization] in
      Optimizer(
        UpdateRule(optimization, momentum: $0.momentum),
        learningRate: Float(optimization.learningRate), groups: model.groups($0.updates),
        buckets: buckets, secondMoment: Float(optimization.adamSecondMoment))
    }
    watch = StepGuard(parameters, in: buckets, on: world)
    let clips = optimization.clipNorm > 0
    held =
      clips || optimization.onNonFinite == .skip
      ? HeldGradients(limit: clips ? optimization.clipNorm : .infinity, buckets: buckets) : nil

    let laneBatch = settings.laneBatch
    stepsPerEpoch = trainable == nil ? 1 : lanes.steps(perLane: laneBatch)
    let count = laneBatch * localLanes.count
    batchRows = Array(repeating: 0, count: count)
    microbatchRows =
      settings.exact
      ? (0..<localLanes.count).map { $0 * laneBatch..<($0 + 1) * laneBatch } : [0..<count]
    orders = Array(repeating: [], count: localLanes.count)
    sums = TermSums(lanes: lanes.count)
    let freshNoise = try rows.prepared(common.data.noise)
    self.freshNoise = freshNoise
    let (shape, seed) = (rows.images.shape, settings.seed)
    steps = microbatchRows.map { _ in Step(seed: seed, corrupt: freshNoise.corrupter(of: shape)) }
    for step in steps {
      step.tape.training = MicrobatchLanes(rows: laneBatch, lanes: lanes.count)
      step.tape.whileComputing = { [unowned buckets] in buckets.advanceMessages() }
    }
    setLearningRates()
    try drawWeights()
  }

  /// Draws weights on rank 0 and sends them to all ranks, because the ranks of a node can share
  /// them.
  ///
  /// **Collective.**
  private func drawWeights() throws {
    var flat: [Float] = []
    let ofMeanImage = try meanImageValues()
    if world.isRoot {
      flat = Array(repeating: 0, count: buckets.count)
      for parameter in parameters.parameters {
        flat.withUnsafeMutableBufferPointer {
          guard let base = $0.baseAddress else { return }
          parameter.initializer.fill(
            base + parameter.offset, count: parameter.shape.count, seed: settings.seed,
            index: parameter.index)
        }
      }
      for (parameter, values) in ofMeanImage {
        for (i, value) in values.enumerated() { flat[parameter.offset + i] = value }
      }
    }
    try buckets.publishValues(flat)
  }

  /// The initial values of the parameters that start at the mean image.
  ///
  /// **Collective.**
  private func meanImageValues() throws -> [(parameter: Parameter, values: [Float])] {
    guard let parameters = trainable?.meanImageParameters, !parameters.isEmpty else { return [] }
    let mean = try rows.meanImage()
    return parameters.map { ($0.0, mean.map($0.1)) }
  }

  // MARK: - One step

  /// Trains on one batch.
  ///
  /// **Collective.**
  ///
  /// - Parameter beforeValues: called once all gradients are summed, before values of the last
  ///   phase are sent between hosts; left out where gradients are held back.
  public func trainStep(beforeValues: () throws -> Void = {}) throws {
    guard let model = trainable else {
      preconditionFailure("a fitted model has no step of gradients")
    }
    if progress.stepInEpoch >= stepsPerEpoch { startNextEpoch() }
    prepareOrders()
    chooseRows()
    readAhead()
    sums.beginStep()
    watch.beginStep()
    Activity.begin("reading images", step: progress.step + 1)
    for (microbatch, step) in steps.enumerated() { begin(step, rows: microbatchRows[microbatch]) }
    let scale = 1 / Float(settings.batch)
    for (phase, optimizer) in optimizers.enumerated() {
      if held == nil { optimizer.beginStep() }
      buckets.begin(groups: optimizer.groups) { [held, watch] bucket, piece, values, gradient in
        if piece.lowerBound == 0 { watch.check(bucket: bucket) }
        if let held {
          held.keep(bucket: bucket, piece: piece, gradient)
        } else {
          optimizer.update(bucket: bucket, piece: piece, values: values, gradient: gradient)
        }
      }
      for (microbatch, step) in steps.enumerated() {
        let lane = localLanes.lowerBound + microbatch
        Activity.begin("loss and gradients", lane: settings.exact ? lane : -1)
        step.tape.newPhase()
        let loss = model.loss(phase: phase, step)
        sums.add(loss: loss.sum, lane: lane)
        watch.check(loss: loss.sum, lane: lane)
        let gradient = buckets.gradient(microbatch: microbatch)
        step.tape.backward(
          from: loss, scale: scale, groups: optimizer.groups, into: gradient,
          parameters: parameters.parameters,
          ready: { isReady(slot: $0, microbatch: microbatch, gradient) })
      }
      let isLast = held == nil && phase == optimizers.count - 1
      try buckets.finish(beforeValues: isLast ? beforeValues : {})
      if let held {
        if try drops(held, groups: optimizer.groups) { break }
        try update(optimizer, from: held)
      }
      watch.phaseEnded(step: progress.step + 1, groups: optimizer.groups)
    }
    if watch.dropped == nil {
      for (microbatch, step) in steps.enumerated() {
        sums.add(step.terms, lane: localLanes.lowerBound + microbatch)
      }
      sums.endStep()
    } else {
      progress.skippedSteps += 1
    }
    progress.step += 1
    progress.stepInEpoch += 1
    progress.imagesSeen += settings.batch
  }

  /// Called when a gradient of a microbatch is final and the microbatch no longer reads the
  /// parameter's values.
  private func isReady(slot: Int, microbatch: Int, _ gradient: UnsafeMutablePointer<Float>) {
    watch.check(
      gradient: gradient + buckets.offset(of: slot), of: slot,
      lane: localLanes.lowerBound + microbatch, isLast: microbatch == buckets.microbatches - 1)
    buckets.ready(slot: slot, microbatch: microbatch)
  }

  /// Whether a phase is left out because some rank found a number that is not finite.
  ///
  /// **Collective.**
  private func drops(_ held: HeldGradients, groups: UInt64) throws -> Bool {
    guard optimization.onNonFinite == .skip else { return false }
    return try watch.drops(parameter: held.firstNonFinite(groups: groups))
  }

  /// Updates a phase's parameters from its gradients, which are scaled down if they are too long.
  ///
  /// **Collective.**
  private func update(_ optimizer: Optimizer, from held: HeldGradients) throws {
    optimizer.beginStep()
    try held.clip(groups: optimizer.groups, on: world)
    try buckets.updateOwned(groups: optimizer.groups) { bucket, values, count in
      optimizer.update(
        bucket: bucket, piece: 0..<count, values: values, gradient: held.gradient(bucket: bucket))
    }
  }

  /// Ends the present epoch.
  func startNextEpoch() {
    progress.epoch += 1
    progress.totalEpochs += 1
    progress.stepInEpoch = 0
    sums.clearEpoch()
    setLearningRates()
  }

  /// Sets the learning rates of the present epoch.
  func setLearningRates() {
    let rate = Float(optimization.learningRate(epoch: progress.totalEpochs, of: totalEpochs))
    for optimizer in optimizers { optimizer.learningRate = rate }
  }

  /// The learning rate of the present epoch; nil for a fitted model.
  var learningRate: Double? {
    trainable == nil
      ? nil : optimization.learningRate(epoch: progress.totalEpochs, of: totalEpochs)
  }

  private func prepareOrders() {
    guard orderedEpoch != progress.totalEpochs else { return }
    orderedEpoch = progress.totalEpochs
    for (i, lane) in localLanes.enumerated() {
      lanes.order(
        of: lane, epoch: progress.totalEpochs, seed: settings.seed,
        shuffled: optimization.shuffle, into: &orders[i])
    }
  }

  private func chooseRows() {
    let laneBatch = settings.laneBatch
    let first = progress.stepInEpoch * laneBatch
    for i in orders.indices {
      for j in 0..<laneBatch {
        batchRows[i * laneBatch + j] = orders[i][(first + j) % orders[i].count]
      }
    }
  }

  private func begin(_ step: Step, rows places: Range<Int>) {
    batchRows.withUnsafeBufferPointer { all in
      let batch = UnsafeBufferPointer(rebasing: all[places])
      step.begin(
        rows: batch, dimensions: dimensions, purpose: .latent, time: progress.step,
        epoch: progress.totalEpochs, labels: images.labels
      ) { pixels in
        images.gather(batch, into: pixels)
        rows.sparse?.subtract(batch, from: pixels)
        redraw(batch, pixels)
      }
    }
  }

  /// Draws the targets of a step anew, if the run asks for it.
  private func redraw(_ batch: UnsafeBufferPointer<Int32>, _ pixels: UnsafeMutablePointer<Float>) {
    guard let redraw = rows.redraw else { return }
    let shape = images.shape
    let draws = Draws(
      seed: settings.seed, purpose: .binarization, time: progress.step,
      repetition: Self.redrawRepetition)
    for (i, row) in batch.enumerated() {
      redraw.apply(to: pixels + i * shape.count, shape: shape, row: Int(row), draws: draws)
    }
  }

  /// Separates draws of each step from draws for a whole run.
  private static let redrawRepetition = 1

  // MARK: - Steps of fitted models

  /// Makes a step of a fitted model: `body` works on all rows and returns the minimised value, mean
  /// over the rows, and other figures.
  ///
  /// **Collective.**
  func fitStep(_ body: () throws -> SweepResult) throws {
    sums.beginStep()
    watch.beginStep()
    let result = try body()
    watch.check(loss: result.objective, lane: localLanes.lowerBound)
    // A value of all rows is added to the sums of one lane, as if each image of a batch had it.
    let share = localLanes.contains(0) ? Double(settings.batch) : 0
    sums.add(loss: result.objective * share, lane: localLanes.lowerBound)
    sums.add(
      result.parts.map { (part: $0.0, sum: $0.1 * share) }, lane: localLanes.lowerBound)
    sums.endStep()
    progress.step += 1
    progress.stepInEpoch += 1
    progress.imagesSeen += lanes.rowCount
  }

  /// Sends the values that rank 0 found for some of the model's parameters to all ranks.
  ///
  /// **Collective.** On other ranks the argument is ignored.
  public func publish(_ values: [(parameter: Parameter, values: [Float])]) throws {
    var flat: [Float] = []
    if world.isRoot {
      flat += UnsafeBufferPointer(start: buckets.values, count: buckets.count)
      for (parameter, values) in values {
        precondition(
          values.count == parameter.shape.count, "\(values.count) for \(parameter.shape)")
        flat.replaceSubrange(parameter.offset..<parameter.offset + values.count, with: values)
      }
    }
    try buckets.publishValues(flat)
    watch.phaseEnded(step: progress.step + 1, groups: .max)
  }

  // MARK: - For the rest of a run

  /// Resets the optimizer state to that of a new run (D-06).
  public func resetOptimizers() {
    for optimizer in optimizers { optimizer.reset() }
  }

  /// The loss of the last step, as in the log.
  ///
  /// **Collective.**
  public func lossOfStep() throws -> Double {
    try sums.stepMeans(batch: settings.batch, on: world).loss
  }

  /// Steps of the whole run: those done, which may have been of other epochs, and those to come.
  public var totalSteps: Int {
    progress.step - progress.stepInEpoch
      + stepsPerEpoch * (totalEpochs - progress.totalEpochs)
  }

  /// Pixels of an image.
  public var dimensions: Int { rows.dimensions }
  /// The training images X.
  public var images: ImageSet { rows.images }
  /// The ranks that train together.
  public var world: Communicator { rows.world }
  /// The lanes of the training set.
  public var lanes: Lanes { rows.lanes }
  /// Lanes of this rank.
  public var localLanes: Range<Int> { rows.localLanes }
  /// The arrays that live with the rows of this rank.
  public var rowState: RowState? { rows.state }
}
