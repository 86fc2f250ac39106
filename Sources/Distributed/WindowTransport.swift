import MPI

/// Shared memory between the ranks of one host; it holds gradients and values.
///
/// Each rank sums and updates its slices in place. Each rank's segment holds its counters and its
/// gradient buffers. The segment of rank 0 also holds the only copy of the values.
///
/// A bucket's counter holds the number of the last phase in which its rank finished the bucket. One
/// more counter holds the last phase in which the rank updated all its slices.
final class WindowTransport: Transport {
  let values: UnsafeMutablePointer<Float>
  private let window: SharedWindow
  private let communicator: Communicator
  private let owned: OwnedSlices
  private let sum: SliceSum
  private let inputs: UnsafeMutablePointer<UnsafePointer<Float>>
  /// The partial sums of all ranks, in the order of addition.
  private let roots: [UnsafeMutablePointer<Float>]
  private let ownBuffers: [UnsafeMutablePointer<Float>]
  private let posted: [UnsafeMutablePointer<UInt64>]
  private let bucketCount: Int
  private var waiting: Waiting
  private var phase: UInt64 = 0
  private var inFlight: [Int] = []

  /// Makes the window of all ranks.
  ///
  /// - Throws: `MPIError` if the window is impossible, `AgreedError` if it is impossible on some
  ///   rank.
  init(_ plan: ReductionPlan, owned: OwnedSlices, on communicator: Communicator) throws {
    let layout = plan.layout
    let (rank, size) = (communicator.rank, communicator.size)
    bucketCount = layout.buckets.count
    let counterBytes = Self.wholePages((bucketCount + 1) * 8)
    let bufferBytes = Self.wholePages(layout.count * 4)
    let ownBytes = counterBytes + plan.bufferCount * bufferBytes
    let window = try communicator.agree {
      try SharedWindow(bytes: ownBytes + (rank == 0 ? bufferBytes : 0), on: communicator)
    }
    func buffer(_ index: Int, of rank: Int) -> UnsafeMutablePointer<Float> {
      (window.segment(of: rank) + counterBytes + index * bufferBytes)
        .assumingMemoryBound(to: Float.self)
    }
    posted = (0..<size).map { window.segment(of: $0).assumingMemoryBound(to: UInt64.self) }
    ownBuffers = (0..<plan.bufferCount).map { buffer($0, of: rank) }
    roots = plan.rootsOfRank.enumerated().flatMap { rank, roots in
      roots.map { buffer($0, of: rank) }
    }
    let rootBuffers = try communicator.allGather([Int64(plan.bufferCount)])
    values = buffer(Int(rootBuffers[0]), of: 0)
    // The system places each page near the rank that writes it first.
    window.segment(of: rank).initializeMemory(as: UInt8.self, repeating: 0, count: ownBytes)
    for slice in owned.ranges where !slice.isEmpty {
      (values + slice.lowerBound).initialize(repeating: 0, count: slice.count)
    }
    sum = SliceSum(plan.program)
    inputs = .allocate(capacity: roots.count)
    waiting = try Waiting(on: communicator)
    inFlight.reserveCapacity(bucketCount)
    self.window = window
    self.communicator = communicator
    self.owned = owned
    try communicator.barrier()
  }

  private static func wholePages(_ bytes: Int) -> Int {
    (bytes + SharedWindow.alignment - 1) / SharedWindow.alignment * SharedWindow.alignment
  }

  func buffer(_ index: Int) -> UnsafeMutablePointer<Float> { ownBuffers[index] }

  func begin(_ buckets: [Int]) { phase += 1 }

  func post(_ bucket: Int) {
    SharedCounter(at: posted[communicator.rank] + bucket).publish(phase)
    inFlight.append(bucket)
  }

  func advanceMessages() {
    var kept = 0
    for index in inFlight.indices {
      let bucket = inFlight[index]
      if isPosted(bucket) {
        reduce(bucket)
      } else {
        inFlight[kept] = bucket
        kept += 1
      }
    }
    inFlight.removeLast(inFlight.count - kept)
  }

  /// Whether every rank has posted the event of a counter in this phase.
  private func isPosted(_ counter: Int) -> Bool {
    for pointer in posted where SharedCounter(at: pointer + counter).value < phase { return false }
    return true
  }

  private func reduce(_ bucket: Int) {
    let slice = owned.ranges[bucket]
    guard !slice.isEmpty else { return }
    for (index, root) in roots.enumerated() {
      inputs[index] = UnsafePointer(root + slice.lowerBound)
    }
    owned.apply(bucket, values: values, sum: sum, of: inputs)
  }

  var firstInFlight: Int? { inFlight.first }

  func finish(_ buckets: [Int]) {
    advanceMessages()
    waiting.start()
    while !inFlight.isEmpty {
      waiting.pause()
      advanceMessages()
    }
    // From here on, this rank reads no rank's gradient, and its slices of the values are final.
    SharedCounter(at: posted[communicator.rank] + bucketCount).publish(phase)
    waiting.start()
    while !isPosted(bucketCount) { waiting.pause() }
  }

  func share(_ buckets: [Int]) {
    phase += 1
    SharedCounter(at: posted[communicator.rank] + bucketCount).publish(phase)
    waiting.start()
    while !isPosted(bucketCount) { waiting.pause() }
  }

  func publish(_ flat: UnsafeBufferPointer<Float>) throws {
    try communicator.barrier()
    if communicator.isRoot, let source = flat.baseAddress {
      values.update(from: source, count: flat.count)
    }
    try communicator.barrier()
  }

  func release() throws { try window.release() }

  deinit { inputs.deallocate() }
}
