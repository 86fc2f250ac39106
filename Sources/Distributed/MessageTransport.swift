import MPI

/// Messages between ranks on any hosts.
///
/// Each rank sends the slices of its partial sums to their owners and gets updated slices back. In
/// a step, gradients cross the network once in slices, and values cross it once: together the bytes
/// of an all-reduce. All messages are prepared at the start.
///
/// Gradients go first: a gradient behind values in the line would keep every rank waiting. Values
/// leave at the end of the phase, in the order of the layers, and the next forward pass waits in
/// each layer for the values of that layer only.
///
/// A slice goes in messages of `usualFloats`. Open MPI sends those up to 64 KiB, header included,
/// at once over TCP. A longer one waits for an answer of its receiver, and that answer stands in
/// line behind everything that the receiver sends itself: with whole slices the network stood idle
/// for about half of the time.
final class MessageTransport: Transport {
  /// Floats of a message, 62 KiB.
  static let usualFloats = 62 * 256

  let values: UnsafeMutablePointer<Float>
  private let communicator: Communicator
  private let buffers: FloatBuffers
  private let owned: OwnedSlices
  private let sum: SliceSum
  private let staging: UnsafeMutablePointer<Float>
  private let inputs: UnsafeMutablePointer<UnsafePointer<Float>>
  private let exchanges: [Exchange]
  private let valueCount: Int
  private var waiting: Waiting
  private var inFlight: [Int] = []
  /// The buckets with updated slices that were not sent yet.
  private var held: [Int] = []
  /// The buckets whose values are on their way, first the one that was sent last.
  private var moving: [Int] = []

  /// The messages of one bucket.
  private struct Exchange {
    let gradientsIn, gradientsOut, valuesIn, valuesOut: PreparedMessages
    /// The partial sums of this rank's slice, in the order of addition.
    var inputs: [UnsafePointer<Float>] = []

    init(on communicator: Communicator) {
      gradientsIn = PreparedMessages(on: communicator)
      gradientsOut = PreparedMessages(on: communicator)
      valuesIn = PreparedMessages(on: communicator)
      valuesOut = PreparedMessages(on: communicator)
    }

    var isActive: Bool {
      [gradientsIn, gradientsOut, valuesIn, valuesOut].contains(where: \.isActive)
    }

    /// Whether no values are on their way; also moves messages on.
    func areValuesThere() throws -> Bool {
      let valuesLeft = try valuesOut.test()
      return try valuesIn.test() && valuesLeft
    }
  }

  /// Prepares the messages.
  ///
  /// **Collective.**
  ///
  /// - Parameter messageFloats: the most floats of a message.
  init(
    _ plan: ReductionPlan, owned: OwnedSlices, on parent: Communicator,
    messageFloats: Int = usualFloats
  ) throws {
    let communicator = try parent.duplicate()
    let layout = plan.layout
    let (rank, size) = (communicator.rank, communicator.size)
    valueCount = layout.count
    let values = allocateFloats(layout.count)
    let buffers = FloatBuffers(plan.bufferCount, floats: layout.count)
    let foreignRoots = plan.rootsOfRank.enumerated().reduce(0) { count, roots in
      roots.offset == rank ? count : count + roots.element.count
    }
    staging = allocateFloats(foreignRoots * owned.ranges.reduce(0) { $0 + $1.count })
    let tagsOfBucket = 1 + (plan.rootsOfRank.map(\.count).max() ?? 0)
    let messages = 1 + (layout.buckets.map(\.range.count).max() ?? 0) / messageFloats
    /// The messages of a slice: place in the slice, floats, tag.
    func parts(_ count: Int, tag: Int) -> [(place: Int, count: Int, tag: Int)] {
      stride(from: 0, to: count, by: messageFloats).enumerated().map { index, place in
        (place, min(messageFloats, count - place), tag * messages + index)
      }
    }
    var place = staging
    var exchanges: [Exchange] = []
    for bucket in layout.buckets.indices {
      var exchange = Exchange(on: communicator)
      let own = owned.ranges[bucket]
      let tag = bucket * tagsOfBucket
      for peer in 0..<size {
        let theirs = layout.slice(of: bucket, rank: peer, size: size)
        for (index, root) in plan.rootsOfRank[peer].enumerated() {
          guard peer != rank else {
            exchange.inputs.append(UnsafePointer(buffers[root] + own.lowerBound))
            continue
          }
          exchange.inputs.append(UnsafePointer(place))
          for part in parts(own.count, tag: tag + 1 + index) {
            try exchange.gradientsIn.addReceive(
              place + part.place, count: part.count, from: peer, tag: part.tag)
          }
          place += own.count
        }
        guard peer != rank else { continue }
        for (index, root) in plan.rootsOfRank[rank].enumerated() {
          for part in parts(theirs.count, tag: tag + 1 + index) {
            try exchange.gradientsOut.addSend(
              buffers[root] + theirs.lowerBound + part.place, count: part.count, to: peer,
              tag: part.tag)
          }
        }
        for part in parts(theirs.count, tag: tag) {
          try exchange.valuesIn.addReceive(
            values + theirs.lowerBound + part.place, count: part.count, from: peer, tag: part.tag)
        }
        for part in parts(own.count, tag: tag) {
          try exchange.valuesOut.addSend(
            values + own.lowerBound + part.place, count: part.count, to: peer, tag: part.tag)
        }
      }
      exchanges.append(exchange)
    }
    self.values = values
    self.buffers = buffers
    self.exchanges = exchanges
    sum = SliceSum(plan.program)
    inputs = .allocate(capacity: sum.inputCount)
    waiting = try Waiting(on: communicator.onThisHost())
    inFlight.reserveCapacity(layout.buckets.count)
    self.owned = owned
    self.communicator = communicator
  }

  func buffer(_ index: Int) -> UnsafeMutablePointer<Float> { buffers[index] }

  func begin(_ buckets: [Int]) throws {
    for bucket in buckets { try exchanges[bucket].gradientsIn.start() }
  }

  func post(_ bucket: Int) throws {
    try waitForValues(of: bucket)
    // This rank reads the values no more, so that new ones may come.
    try exchanges[bucket].valuesIn.start()
    try exchanges[bucket].gradientsOut.start()
    inFlight.append(bucket)
  }

  func advanceMessages() throws {
    try reduceArrived()
    while let next = moving.last, try exchanges[next].areValuesThere() { moving.removeLast() }
  }

  /// Sums and updates the slices whose gradients have come.
  private func reduceArrived() throws {
    var kept = 0
    for index in inFlight.indices {
      let bucket = inFlight[index]
      // An update changes the memory that the former values are sent from.
      if try exchanges[bucket].gradientsIn.test() && exchanges[bucket].valuesOut.test() {
        reduce(bucket)
        held.append(bucket)
      } else {
        inFlight[kept] = bucket
        kept += 1
      }
    }
    inFlight.removeLast(inFlight.count - kept)
  }

  private func reduce(_ bucket: Int) {
    let slice = owned.ranges[bucket]
    guard !slice.isEmpty else { return }
    for (index, input) in exchanges[bucket].inputs.enumerated() { inputs[index] = input }
    owned.apply(bucket, values: values, sum: sum, of: inputs)
  }

  var firstInFlight: Int? { inFlight.first }

  func finish(_ buckets: [Int]) throws {
    try reduceArrived()
    waiting.start()
    while !inFlight.isEmpty {
      waiting.pause()
      try reduceArrived()
    }
    waiting.start()
    for bucket in buckets {
      while try !exchanges[bucket].gradientsOut.test() { waiting.pause() }
    }
  }

  func sendValues() throws {
    guard !held.isEmpty else { return }
    held.sort()
    for bucket in held { try exchanges[bucket].valuesOut.start() }
    moving.insert(contentsOf: held.reversed(), at: 0)
    held.removeAll(keepingCapacity: true)
  }

  func waitForValues(of bucket: Int) throws {
    guard exchanges[bucket].valuesIn.isActive else { return }
    waiting.start()
    while try !exchanges[bucket].valuesIn.test() { waiting.pause() }
  }

  func settle() throws {
    waiting.start()
    for exchange in exchanges {
      while try !exchange.areValuesThere() { waiting.pause() }
    }
  }

  func share(_ buckets: [Int]) throws {
    for bucket in buckets {
      try exchanges[bucket].valuesIn.start()
      try exchanges[bucket].valuesOut.start()
    }
    try settle()
  }

  func publish(_ flat: UnsafeBufferPointer<Float>) throws {
    if communicator.isRoot, let source = flat.baseAddress {
      values.update(from: source, count: flat.count)
    }
    try communicator.broadcast(UnsafeMutableRawBufferPointer(start: values, count: valueCount * 4))
  }

  func release() throws { try settle() }

  deinit {
    // After an error, the library may still write to memory of messages.
    guard !exchanges.contains(where: \.isActive) else { return }
    values.deallocate()
    staging.deallocate()
    inputs.deallocate()
  }
}
