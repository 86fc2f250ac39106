import Layers
import MPI

/// Sums of the loss and its parts over the rows of the last step and of the epoch so far.
///
/// They are kept lane by lane and added in lane order, so a total does not depend on the order of
/// an all-reduce. Where a rank's lanes are one microbatch, its first lane has the sums.
public struct TermSums {
  /// The parts that models have reported, in the order of their first report.
  ///
  /// The sum of the loss comes before the parts; with several phases it is the sum of their losses.
  public private(set) var parts: [LossPart] = []
  private let lanes: Int
  private var step: [[Double]]  // [1 + parts][lanes]
  private var epoch: [[Double]]  // [1 + parts][lanes]
  /// Steps of this epoch in the sums.
  public private(set) var steps = 0

  init(lanes: Int) {
    self.lanes = lanes
    step = [Array(repeating: 0, count: lanes)]
    epoch = step
  }

  mutating func beginStep() {
    for term in step.indices {
      for lane in 0..<lanes { step[term][lane] = 0 }
    }
  }

  mutating func add(loss: Double, lane: Int) { step[0][lane] += loss }

  /// Adds reports to the sums of their parts.
  mutating func add(_ terms: [(part: LossPart, sum: Double)], lane: Int) {
    for term in terms {
      if !parts.contains(term.part) { append(term.part) }
      guard let place = parts.firstIndex(of: term.part) else { continue }
      step[place + 1][lane] += term.sum
    }
  }

  private mutating func append(_ part: LossPart) {
    parts.append(part)
    step.append(Array(repeating: 0, count: lanes))
    epoch.append(Array(repeating: 0, count: lanes))
  }

  mutating func endStep() {
    for term in epoch.indices {
      for lane in 0..<lanes { epoch[term][lane] += step[term][lane] }
    }
    steps += 1
  }

  mutating func clearEpoch() {
    for term in epoch.indices {
      for lane in 0..<lanes { epoch[term][lane] = 0 }
    }
    steps = 0
  }

  /// Means over the last global batch.
  ///
  /// **Collective.**
  func stepMeans(batch: Int, on world: Communicator) throws -> LossMeans {
    try means(step, images: Double(batch), on: world)
  }

  /// Means over the images of the epoch so far.
  ///
  /// **Collective.**
  func epochMeans(batch: Int, on world: Communicator) throws -> LossMeans {
    try means(epoch, images: Double(max(steps, 1) * batch), on: world)
  }

  private func means(
    _ local: [[Double]], images: Double, on world: Communicator
  ) throws -> LossMeans {
    let totals = try gathered(local, on: world).map { $0.reduce(0, +) / images }
    return LossMeans(loss: totals[0], parts: Array(zip(parts, totals.dropFirst())))
  }

  private func gathered(_ local: [[Double]], on world: Communicator) throws -> [[Double]] {
    var all = local.flatMap { $0 }
    try world.allReduce(&all, .sum)
    return local.indices.map { Array(all[$0 * lanes..<($0 + 1) * lanes]) }
  }

  /// The epoch's sums of all ranks, for a checkpoint.
  ///
  /// **Collective.**
  func saved(on world: Communicator) throws -> EpochSums {
    EpochSums(steps: steps, parts: parts, sums: try gathered(epoch, on: world))
  }

  /// Restores the result of `saved`: the sums of the lanes that this rank owns.
  mutating func restore(_ saved: EpochSums, lanes owns: (Int) -> Bool) {
    self = TermSums(lanes: lanes)
    for part in saved.parts { append(part) }
    steps = saved.steps
    for term in epoch.indices {
      for lane in 0..<lanes where owns(lane) { epoch[term][lane] = saved.sums[term][lane] }
    }
  }
}

/// Means of the loss and of its reported parts, over some images.
public struct LossMeans: Sendable {
  /// The loss in nats an image.
  public let loss: Double
  /// The parts of the loss, in the order of the reports.
  public let parts: [(part: LossPart, value: Double)]

  /// The mean of a part; nil where the model does not report it.
  public subscript(_ part: LossPart) -> Double? { parts.first { $0.part == part }?.value }

  /// The loss, then the parts, by their names in logs.
  public var named: [(name: String, value: Double)] {
    [("loss", loss)] + parts.map { ("\($0.part)", $0.value) }
  }
}

/// Sums over the epoch so far, as a checkpoint keeps them.
public struct EpochSums: Equatable, Sendable {
  /// Steps in the sums.
  public var steps = 0
  /// The parts beside the loss.
  public var parts: [LossPart] = []
  /// The sums of the loss, then of each part, one for each lane: [1 + parts.count][lanes].
  public var sums: [[Double]] = []
}
