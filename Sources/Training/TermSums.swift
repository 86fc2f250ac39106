import Layers
import MPI

/// Sums of the loss and its parts over the rows of the last step and of the epoch so far.
///
/// They are kept lane by lane (or at the first lane of a rank, where its lanes are one pass) and
/// added in lane order, so that a total does not depend on how an all-reduce adds.
public struct TermSums {
  /// The parts that models have reported, in the order of their first report.
  ///
  /// The loss stands before them; with several phases it is the sum of theirs.
  public private(set) var parts: [LossPart] = []
  private let lanes: Int
  private var step: [[Double]]  // [1 + parts][lanes]
  private var epoch: [[Double]]  // [1 + parts][lanes]
  /// Steps of this epoch that the sums hold.
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

  /// Adds what a pass reported, in the order of its reports; each part once.
  mutating func add(_ terms: [(part: LossPart, sum: Double)], lane: Int) {
    for (i, term) in terms.enumerated() {
      if i == parts.count { append(term.part) }
      step[i + 1][lane] += term.sum
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

  /// Takes up what `saved` gave: the sums of the lanes that this rank owns.
  mutating func restore(_ saved: EpochSums, lanes owns: (Int) -> Bool) {
    self = TermSums(lanes: lanes)
    for part in saved.parts { append(part) }
    steps = saved.steps
    for term in epoch.indices {
      for lane in 0..<lanes where owns(lane) { epoch[term][lane] = saved.sums[term][lane] }
    }
  }
}

/// Means of the loss and of the parts that models reported, over some images.
public struct LossMeans: Sendable {
  /// The loss in nats an image.
  public let loss: Double
  /// Its parts, in the order of the reports.
  public let parts: [(part: LossPart, value: Double)]

  /// The mean of a part; nil where the model reports none.
  public subscript(_ part: LossPart) -> Double? { parts.first { $0.part == part }?.value }

  /// The loss, then the parts, by the names they have in logs.
  public var named: [(name: String, value: Double)] {
    [("loss", loss)] + parts.map { ("\($0.part)", $0.value) }
  }
}

/// Sums over the epoch so far, as a checkpoint keeps them.
public struct EpochSums: Equatable, Sendable {
  /// Steps that they hold.
  public var steps = 0
  /// The parts beside the loss.
  public var parts: [LossPart] = []
  /// The loss's, then each part's: a sum for each lane, [1 + parts.count][lanes].
  public var sums: [[Double]] = []
}
