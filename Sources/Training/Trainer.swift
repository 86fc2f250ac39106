import Autodiff
import Datasets
import Distributed
import Layers
import MPI
import Support
import Tensors

/// Trains one model on this rank's lanes of a data set, together with the trainers of the other ranks.
///
/// A step takes batch / lanes rows of every lane. In fast mode all lanes of a rank are one pass; in exact mode each is a
/// pass of its own, and the gradients are added along one tree over lanes, whatever the number of ranks. Methods that
/// communicate say **Collective.**
public final class Trainer {
  /// The resolved configuration.
  public let configuration: Configuration
  /// What is trained.
  public let model: any GenerativeModel
  /// Its parameters, in checkpoint order.
  public let parameters: ParameterSet
  /// The training images X, with the static noise of the configuration; rows by global index.
  public let images: ImageSet
  /// The same rows without noise, where they are at hand.
  public let clean: ImageSet?
  /// The ranks that train together.
  public let world: Communicator
  /// The lanes of the training set.
  public let lanes: Lanes
  /// Lanes of this rank, and their rows.
  public let localLanes: Range<Int>, localRows: Range<Int>
  /// Where values and gradients lie.
  public let buckets: GradientBuckets
  /// One a phase.
  public let optimizers: [Optimizer]
  /// S and R of this rank's rows, for models that split.
  public let split: RowSplit?
  /// How far the run has come.
  public internal(set) var progress = TrainingProgress()
  /// What was measured.
  public internal(set) var history = History()
  /// The threshold that S is shrunk with, kept for splitting rows outside the training set; 0 without a split.
  public var shrinkageThreshold = 0.0
  /// Losses of this rank's part of the last step and of the epoch so far.
  public internal(set) var sums: TermSums
  /// Images that the best checkpoint is chosen by, where there are any.
  public var validation: ValidationImages?
  let session: Session

  let finite: FiniteCheck
  /// What made the last step be left out, the same on all ranks; nil for a step that was made.
  var dropped: NonFinite?
  private(set) var sentinel: WeightSentinel?

  let held: HeldGradients?  // where an update must wait for what all ranks found
  let freshNoise: Corruption  // what inputs get in each step
  private let redraw: Corruption?  // what makes the targets of a step anew
  let steps: [Step]  // one a pass
  private let passRows: [Range<Int>]  // places of each pass's rows in `batchRows`
  private var batchRows: [Int32]
  private(set) var orders: [[Int32]]  // of each local lane, for the epoch `orderedEpoch`
  private var orderedEpoch = -1
  var lastReadAhead = -1  // the step that images were last read ahead at

  /// Steps in an epoch: the last batch is filled from the start of each lane's order.
  ///
  /// A model without phases sees all rows in one.
  public let stepsPerEpoch: Int

  /// A trainer with freshly drawn weights.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - configuration: validated, so that its lanes and rows are set.
  ///   - images: the training set; static noise is applied here.
  ///   - splits: whether the model keeps S and R for each row.
  /// - Throws: `ConfigurationError` for more ranks than lanes; errors of the data set and of MPI.
  public init(
    _ configuration: Configuration, model: any GenerativeModel, images: ImageSet, splits: Bool,
    on world: Communicator, session: Session
  ) throws {
    try configuration.check(ranks: world.size)
    self.configuration = configuration
    self.model = model
    self.world = world
    self.session = session
    let limited = try images.limited(to: configuration.rows ?? images.count)
    lanes = Lanes(count: configuration.laneCount, rows: limited.count)
    localLanes = lanes.lanes(of: world.rank, of: world.size)
    localRows = lanes.rows(of: world.rank, of: world.size)
    let noise = try Self.prepared(
      Corruption(parsing: configuration.staticNoise), for: limited, lanes: lanes, on: world)
    var used =
      noise.isNone
      ? limited
      : limited.corrupted(by: noise, seed: configuration.seed, rows: localRows)
    if configuration.binarize == .once {
      used = used.binarized(seed: configuration.seed, rows: localRows)
    }
    redraw = configuration.binarize == .eachStep ? .binarize : nil
    self.images = used
    clean = noise.isNone ? used.clean : limited

    let parameters = model.collectParameters()
    self.parameters = parameters
    let buckets = try GradientBuckets(
      blocks: parameters.entries.map {
        ParameterBlock(
          name: $0.name, group: $0.parameter.group, count: $0.parameter.shape.count)
      }, laneCount: lanes.count, exact: configuration.exact, on: world)
    self.buckets = buckets
    parameters.attach(buckets.values) { buckets.offset(of: $0) }
    optimizers = model.phases.map {
      Optimizer(
        UpdateRule(configuration, isDiscriminator: $0.isDiscriminator),
        learningRate: Float(configuration.learningRate),
        groups: model.groups($0.updates), buckets: buckets,
        secondMoment: Float(configuration.adamSecondMoment))
    }
    finite = FiniteCheck(parameters)
    let clips = configuration.clipNorm > 0
    held =
      clips || configuration.onNonFinite == .skip
      ? HeldGradients(limit: clips ? configuration.clipNorm : .infinity, buckets: buckets) : nil
    split =
      splits
      ? RowSplit(
        rows: localRows, dimensions: images.shape.count,
        storage: configuration.splitStorage(of: limited.shape))
      : nil

    let laneBatch = configuration.batch / lanes.count
    stepsPerEpoch = model.phases.isEmpty ? 1 : lanes.steps(perLane: laneBatch)
    let count = laneBatch * localLanes.count
    batchRows = Array(repeating: 0, count: count)
    passRows =
      configuration.exact
      ? (0..<localLanes.count).map { $0 * laneBatch..<($0 + 1) * laneBatch } : [0..<count]
    orders = Array(repeating: [], count: localLanes.count)
    sums = TermSums(lanes: lanes.count)
    let freshNoise = try Self.prepared(
      Corruption(parsing: configuration.noise), for: used, lanes: lanes, on: world)
    self.freshNoise = freshNoise
    steps = passRows.map { _ in
      Step(seed: configuration.seed, corrupt: freshNoise.corrupter(of: limited.shape))
    }
    for step in steps { step.tape.training = LanePass(rows: laneBatch, lanes: lanes.count) }
    setLearningRates()
    try drawWeights()
  }

  /// Weights are drawn by rank 0 and handed to all, so that the ranks of a node can share them.
  ///
  /// **Collective.**
  private func drawWeights() throws {
    var flat: [Float] = []
    let outputBias = try outputBias()
    if world.isRoot {
      flat = Array(repeating: 0, count: buckets.count)
      for parameter in parameters.parameters {
        flat.withUnsafeMutableBufferPointer {
          guard let base = $0.baseAddress else { return }
          parameter.initializer.fill(
            base + parameter.offset, count: parameter.shape.count, seed: configuration.seed,
            index: parameter.index)
        }
      }
      if let (bias, values) = outputBias {
        for (i, value) in values.enumerated() { flat[bias.offset + i] = value }
      }
    }
    try buckets.publishValues(flat)
  }

  // MARK: - One step

  /// Trains on one batch.
  ///
  /// **Collective.**
  public func trainStep() throws {
    if progress.stepInEpoch >= stepsPerEpoch { startNextEpoch() }
    prepareOrders()
    chooseRows()
    readAhead()
    sums.beginStep()
    finite.reset()
    dropped = nil
    Activity.begin("reading images", step: progress.step + 1)
    for (pass, step) in steps.enumerated() { begin(step, rows: passRows[pass]) }
    let scale = 1 / Float(configuration.batch)
    for (phase, optimizer) in optimizers.enumerated() {
      if held == nil { optimizer.beginStep() }
      buckets.begin(groups: optimizer.groups) { [held, sentinel] bucket, piece, values, gradient in
        if piece.lowerBound == 0 { sentinel?.check(bucket: bucket) }
        if let held {
          held.keep(bucket: bucket, piece: piece, gradient)
        } else {
          optimizer.update(bucket: bucket, piece: piece, values: values, gradient: gradient)
        }
      }
      for (pass, step) in steps.enumerated() {
        let lane = localLanes.lowerBound + pass
        Activity.begin("loss and gradients", lane: configuration.exact ? lane : -1)
        step.tape.newPhase()
        let loss = model.loss(phase: phase, step)
        sums.add(loss: loss.sum, lane: lane)
        finite.check(loss: loss.sum, lane: lane)
        let gradient = buckets.gradient(pass: pass)
        step.tape.backward(
          from: loss, scale: scale, groups: optimizer.groups, into: gradient,
          parameters: parameters.parameters
        ) { isReady(block: $0, pass: pass, gradient) }
      }
      try buckets.finish()
      if let held {
        if try isToBeDropped(held, groups: optimizer.groups) { break }
        try update(optimizer, from: held)
      }
      sentinel?.phaseEnded(step: progress.step + 1, groups: optimizer.groups)
    }
    if dropped == nil {
      for (pass, step) in steps.enumerated() {
        sums.add(step.terms, lane: localLanes.lowerBound + pass)
      }
      sums.endStep()
    } else {
      progress.skippedSteps += 1
    }
    progress.step += 1
    progress.stepInEpoch += 1
    progress.imagesSeen += configuration.batch
  }

  private func startNextEpoch() {
    progress.epoch += 1
    progress.totalEpochs += 1
    progress.stepInEpoch = 0
    sums.clearEpoch()
    setLearningRates()
  }

  /// The step lengths of the epoch at hand.
  func setLearningRates() {
    let rate = Float(configuration.learningRate(epoch: progress.totalEpochs, of: totalEpochs))
    for optimizer in optimizers { optimizer.learningRate = rate }
  }

  private func prepareOrders() {
    guard orderedEpoch != progress.totalEpochs else { return }
    orderedEpoch = progress.totalEpochs
    for (i, lane) in localLanes.enumerated() {
      lanes.order(
        of: lane, epoch: progress.totalEpochs, seed: configuration.seed,
        shuffled: configuration.shuffle, into: &orders[i])
    }
  }

  private func chooseRows() {
    let laneBatch = configuration.batch / lanes.count
    let first = progress.stepInEpoch * laneBatch
    for i in orders.indices {
      for j in 0..<laneBatch {
        batchRows[i * laneBatch + j] = orders[i][(first + j) % orders[i].count]
      }
    }
  }

  private func begin(_ step: Step, rows: Range<Int>) {
    batchRows.withUnsafeBufferPointer { all in
      let batch = UnsafeBufferPointer(rebasing: all[rows])
      step.begin(
        rows: batch, dimensions: images.shape.count, purpose: .latent, time: progress.step,
        epoch: progress.totalEpochs
      ) { pixels in
        images.gather(batch, into: pixels)
        split?.subtract(batch, from: pixels)
        redraw(batch, pixels)
      }
    }
  }

  /// Draws the targets of a step anew, where the run wants them so.
  private func redraw(_ batch: UnsafeBufferPointer<Int32>, _ pixels: UnsafeMutablePointer<Float>) {
    guard let redraw else { return }
    let shape = images.shape
    let draws = Draws(
      seed: configuration.seed, purpose: .binarization, time: progress.step,
      pass: Self.redrawPass)
    for (i, row) in batch.enumerated() {
      redraw.apply(to: pixels + i * shape.count, shape: shape, row: Int(row), draws: draws)
    }
  }

  /// Tells draws of each step from those for a whole run.
  private static let redrawPass = 1

  // MARK: - Epochs

  /// Trains until this outer iteration has `epochs` epochs, with log lines and checkpoints when
  /// they are due.
  ///
  /// **Collective.**
  ///
  /// - Parameter sweep: makes the step of a model without phases and returns what it minimises, the mean over the rows.
  /// - Returns: whether all epochs are done; false when the run was asked to stop before that.
  public func fit(epochs: Int, sweep: (() throws -> Double)? = nil) throws -> Bool {
    while progress.epoch < epochs {
      while progress.stepInEpoch < stepsPerEpoch {
        if session.shouldStop(self) { return false }
        session.faults?.beforeStep(progress.step + 1)
        if let sweep { try sweepStep(sweep) } else { try trainStep() }
        try session.afterStep(self)
      }
      if session.shouldStop(self) { return false }
      try session.endEpoch(self)
      startNextEpoch()
      try session.afterEpoch(self)
    }
    return !session.shouldStop(self)
  }

  /// Closes an outer iteration: progress, history, log, grids and a checkpoint.
  ///
  /// **Collective.**
  public func finishOuter(_ result: ProjectionResult, c1: Double, c2: Double) throws {
    progress.outer += 1
    progress.epoch = 0
    try session.afterOuter(self, result, c1: c1, c2: c2)
  }

  /// How a run ends whose loop was left before its end.
  public var interruption: RunOutcome { session.interruption }

  /// The run's files; nil where it leaves none.
  public var directory: RunDirectory? { session.directory }

  /// Marks the run as over and writes its last checkpoint.
  ///
  /// **Collective.**
  public func finish() throws {
    progress.finished = true
    try session.checkpoint(self)
  }

  /// Pixels of an image.
  public var dimensions: Int { images.shape.count }

  /// Opens the log; training follows.
  ///
  /// **Collective.**
  public func start() throws {
    try session.begin(self)
    if session.limits.sentinel > 0 {
      sentinel = WeightSentinel(every: session.limits.sentinel, buckets, after: progress.step)
    }
  }

  /// Makes sure that the ranks' weights are the same.
  ///
  /// **Collective.**
  func checkReplicas() throws {
    try Replicas(world).checkWeights(buckets.values, count: buckets.count, step: progress.step)
  }

  /// New optimizer state, as a new run would have it (D-06).
  public func resetOptimizers() {
    for optimizer in optimizers { optimizer.reset() }
  }
}
