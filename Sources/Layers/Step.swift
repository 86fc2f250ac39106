import Autodiff
import Tensors

/// One batch on its way through a model: its rows, its tape, and all its random numbers.
///
/// Random numbers are pure functions of (seed, purpose, time, row, element). So a model gets the
/// same numbers on any rank. A step is used again for the next batch.
public final class Step {
  /// The tape that records the losses.
  public let tape = Tape()
  /// Key of all draws.
  public let seed: UInt64
  /// The use of latent noise in the work at hand: training, projection or evaluation.
  public private(set) var purpose = Purpose.latent
  /// The number of the training step or, outside of training, of the work over all rows.
  public private(set) var time = 0
  /// Finished epochs of the run, for settings that change during training; `Int.max` outside of
  /// training.
  public private(set) var epoch = Int.max
  /// Global row of each example.
  public private(set) var rows: [Int32] = []
  /// The class of each example; empty where the images have no labels.
  public private(set) var labels: [Int32] = []
  /// The data that the model should explain, [B, D] in [0, 1], without the noise of training.
  public var target: Variable { kept(targetKey) }
  /// What the losses reported: parts and their sums over the batch, in the order of the reports.
  public private(set) var terms: [(part: LossPart, sum: Double)] = []
  private var reported: [(part: LossPart, rows: Variable)] = []

  private var corrupt: Corrupter?
  private let drawNormal: NormalSource
  private var memory: [(key: Int, variable: Variable)] = []
  private let targetKey = -1
  /// Rows whose noise is worth a second thread.
  private static let sharedRows = 16
  /// Outside of training, one purpose serves all draws; recycled samples then have
  /// repetitions from here.
  private static let firstRecyclingRepetition = 1 << 16

  /// Adds the noise of training to one example in place: (pixels, count, global row, draws).
  public typealias Corrupter = (UnsafeMutablePointer<Float>, Int, Int, Draws) -> Void

  /// Draws standard normal noise for one example: (values, count, global row, draws).
  public typealias NormalSource = (UnsafeMutablePointer<Float>, Int, Int, Draws) -> Void

  /// A step without a batch.
  ///
  /// - Parameters:
  ///   - corrupt: the noise of training, drawn anew for every step; nil for none.
  ///   - normal: the source of latent noise. The default is the draws; a test may give stored
  ///     numbers.
  public init(
    seed: UInt64, corrupt: Corrupter? = nil,
    normal: @escaping NormalSource = { $3.normal(row: $2, into: $0, count: $1) }
  ) {
    self.seed = seed
    self.corrupt = corrupt
    drawNormal = normal
  }

  /// Whether this is a training step, not a projection or an evaluation.
  public var isTraining: Bool { purpose == .latent }

  /// Starts a batch of `rows`; `fill` writes its pixels as [rows.count, dimensions].
  ///
  /// - Parameters:
  ///   - epoch: finished epochs of the run; left out outside of training.
  ///   - labels: the class of every row of the data set; nil for none.
  public func begin(
    rows: UnsafeBufferPointer<Int32>, dimensions: Int, purpose: Purpose, time: Int,
    epoch: Int = .max, labels: [Int32]? = nil,
    fill: (UnsafeMutablePointer<Float>) throws -> Void
  ) rethrows {
    tape.reset()
    memory.removeAll(keepingCapacity: true)
    terms.removeAll(keepingCapacity: true)
    reported.removeAll(keepingCapacity: true)
    self.rows.removeAll(keepingCapacity: true)
    self.rows.append(contentsOf: rows)
    self.labels.removeAll(keepingCapacity: true)
    if let labels { self.labels.append(contentsOf: rows.lazy.map { labels[Int($0)] }) }
    self.purpose = purpose
    self.time = time
    self.epoch = epoch
    let target = tape.constant(Shape(rows.count, dimensions))
    try fill(target.pointer)
    keep(target, targetKey)
  }

  /// The batch with noise of training, [B, D]: draw number `repetition` of this step.
  ///
  /// Each call with one number gives the same draw. Without noise the result is the target.
  public func corrupted(repetition: Int = 0) -> Variable {
    guard let corrupt else { return target }
    let key = -2 - repetition
    if let found = find(key) { return found }
    let noisy = tape.constant(target.shape)
    write(to: noisy.pointer, repetition: repetition, corrupt)
    keep(noisy, key)
    return noisy
  }

  /// Several draws of the batch with noise, one below another, [repetitions.count * B, D].
  ///
  /// Each draw equals `corrupted(repetition:)` of its number in `repetitions`.
  public func corruptedCopies(_ repetitions: [Int]) -> Variable {
    let copies = tape.constant(Shape(repetitions.count * target.shape.rows, target.shape.columns))
    for (place, repetition) in repetitions.enumerated() {
      write(to: copies.pointer + place * target.shape.count, repetition: repetition, corrupt)
    }
    return copies
  }

  /// Writes the batch and adds noise number `repetition` to it.
  private func write(to noisy: UnsafeMutablePointer<Float>, repetition: Int, _ corrupt: Corrupter?)
  {
    let (source, columns) = (target, target.shape.columns)
    noisy.update(from: source.pointer, count: source.shape.count)
    guard let corrupt else { return }
    let draws = corruptionDraws(repetition: repetition)
    Workers.share(rows.count, grain: Self.sharedRows) { part in
      for i in part { corrupt(noisy + i * columns, columns, Int(rows[i]), draws) }
    }
  }

  /// The batch with noise of training, `copies` draws of each example, [B copies, D].
  ///
  /// The draws of an example lie one below another. Copy m of an example is its row of
  /// `corrupted(repetition: m)`. Without noise all copies are the example.
  public func corruptedRows(copies: Int) -> Variable {
    if copies == 1 { return corrupted() }
    let (source, columns) = (target, target.shape.columns)
    let all = tape.constant(Shape(rows.count * copies, columns))
    Workers.share(rows.count, grain: Self.sharedRows) { part in
      for i in part {
        for copy in 0..<copies {
          let values = all.pointer + (i * copies + copy) * columns
          values.update(from: source.pointer + i * columns, count: columns)
          guard let corrupt else { continue }
          corrupt(values, columns, Int(rows[i]), corruptionDraws(repetition: copy))
        }
      }
    }
    return all
  }

  /// The draws of the noise of training with number `repetition` of this step.
  private func corruptionDraws(repetition: Int) -> Draws {
    purpose == .latent
      ? Draws(seed: seed, purpose: .trainingNoise, time: time, repetition: repetition)
      : Draws(seed: seed, purpose: purpose, time: time, repetition: 128 + repetition)
  }

  /// Standard normal noise for the latents of this batch, [B, columns]; `repetition` numbers
  /// repeated draws.
  public func latentNoise(_ columns: Int, repetition: Int = 0) -> Variable {
    normal(columns, purpose, repetition: repetition)
  }

  /// Standard normal noise for samples that are recycled after recycling pass `pass`, [B, columns].
  public func recyclingNoise(_ columns: Int, pass: Int) -> Variable {
    isTraining
      ? normal(columns, .recycling, repetition: pass)
      : normal(columns, purpose, repetition: Self.firstRecyclingRepetition + pass)
  }

  /// Standard normal noise for each row of this batch, [B, columns].
  public func normal(_ columns: Int, _ purpose: Purpose, repetition: Int = 0) -> Variable {
    let draws = Draws(seed: seed, purpose: purpose, time: time, repetition: repetition)
    let noise = tape.constant(Shape(rows.count, columns))
    let values = noise.pointer
    Workers.share(rows.count, grain: Self.sharedRows) { part in
      for i in part { drawNormal(values + i * columns, columns, Int(rows[i]), draws) }
    }
    return noise
  }

  /// Factors that leave out some of `columns` units in each row of this batch, [B, columns].
  ///
  /// A factor is 0 with probability `rate`, otherwise 1 / (1 - rate), so that sums keep their mean
  /// (Srivastava et al., JMLR 2014). `repetition` numbers the layers and their uses in a step.
  public func dropout(_ columns: Int, rate: Float, repetition: Int) -> Variable {
    let draws = Draws(seed: seed, purpose: .dropout, time: time, repetition: repetition)
    let factors = tape.constant(Shape(rows.count, columns))
    for (i, row) in rows.enumerated() {
      let kept = factors.pointer + i * columns
      draws.uniform(row: Int(row), into: kept, count: columns)
      for j in 0..<columns { kept[j] = kept[j] < rate ? 0 : 1 / (1 - rate) }
    }
    return factors
  }

  /// Keeps a variable for a later phase of this step under a key of the model (0 and up).
  public func keep(_ variable: Variable, _ key: Int) { memory.append((key, variable)) }

  /// The variable that was kept under `key` in this step.
  public func kept(_ key: Int) -> Variable {
    guard let variable = find(key) else { preconditionFailure("nothing kept under \(key)") }
    return variable
  }

  private func find(_ key: Int) -> Variable? {
    for entry in memory where entry.key == key { return entry.variable }
    return nil
  }

  /// Reports a part of the loss, one value an example [B]; it is logged as the mean over the global
  /// batch.
  public func report(_ part: LossPart, _ rows: Variable) {
    report(part, sum: rows.sum)
    reported.append((part, rows))
  }

  /// Reports a measurement by its sum over the batch; the log has the mean over the global batch.
  public func report(_ part: LossPart, sum: Double) { terms.append((part, sum)) }

  /// The sum of a part that the losses reported; nil where none did.
  public func sum(of part: LossPart) -> Double? { terms.first { $0.part == part }?.sum }

  /// A part that the losses reported, one value an example [B]; nil where none did.
  public func rows(of part: LossPart) -> Variable? { reported.first { $0.part == part }?.rows }
}
