import MPI

/// Sums of the loss and its terms over the rows of the last step and of the epoch so far.
///
/// They are kept lane by lane (or at the first lane of a rank, where its lanes are one pass) and added in lane order, so
/// that a total does not depend on how an all-reduce adds.
public struct TermSums {
  /// Terms a model may report, the loss included.
  private static let capacity = 8
  /// "loss", then the terms in the order of their first report.
  ///
  /// With several phases the loss is the sum of theirs.
  public private(set) var names = ["loss"]
  private var step: [Double]  // [lanes, capacity]
  private var epoch: [Double]  // [lanes, capacity]
  /// Steps of this epoch that the sums hold.
  public private(set) var steps = 0

  init(lanes: Int) {
    step = Array(repeating: 0, count: lanes * Self.capacity)
    epoch = step
  }

  mutating func beginStep() {
    for i in step.indices { step[i] = 0 }
  }

  mutating func add(loss: Double, lane: Int) {
    step[lane * Self.capacity] += loss
  }

  mutating func add(_ terms: [(name: StaticString, sum: Double)], lane: Int) {
    for (i, term) in terms.enumerated() {
      if i + 1 == names.count { names.append("\(term.name)") }
      step[lane * Self.capacity + i + 1] += term.sum
    }
  }

  mutating func endStep() {
    for i in step.indices { epoch[i] += step[i] }
    steps += 1
  }

  mutating func clearEpoch() {
    for i in epoch.indices { epoch[i] = 0 }
    steps = 0
  }

  /// Means over the last global batch, by term.
  ///
  /// **Collective.**
  func stepMeans(batch: Int, on world: Communicator) throws -> [(name: String, value: Double)] {
    try totals(step, on: world).map { ($0.name, $0.value / Double(batch)) }
  }

  /// Means over the images of the epoch so far, by term.
  ///
  /// **Collective.**
  func epochMeans(batch: Int, on world: Communicator) throws -> [(name: String, value: Double)] {
    let images = Double(max(steps, 1) * batch)
    return try totals(epoch, on: world).map { ($0.name, $0.value / images) }
  }

  private func totals(
    _ local: [Double], on world: Communicator
  ) throws -> [(name: String, value: Double)] {
    let all = try gathered(local, on: world)
    return names.enumerated().map { term, name in
      let values = stride(from: term, to: all.count, by: Self.capacity).map { all[$0] }
      return (name, values.reduce(0, +))
    }
  }

  private func gathered(_ local: [Double], on world: Communicator) throws -> [Double] {
    var all = local
    try world.allReduce(&all, .sum)
    return all
  }

  /// The epoch's sums of all ranks, for a checkpoint.
  ///
  /// **Collective.**
  func saved(on world: Communicator) throws -> [Double] {
    try [Double(steps)] + gathered(epoch, on: world)
  }

  /// Takes up what `saved` gave, element by element: the sums of the lanes that this rank owns, of terms `names`.
  mutating func restore(
    _ saved: (Int) -> Double, names: [String], lanes owns: (Int) -> Bool
  ) {
    self.names = names
    steps = Int(saved(0))
    for i in epoch.indices where owns(i / Self.capacity) { epoch[i] = saved(i + 1) }
  }
}
