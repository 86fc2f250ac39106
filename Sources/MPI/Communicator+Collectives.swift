import CMPI
import Glibc

/// How values of several ranks become one value.
public enum Reduction: Sendable {
  case sum, max, min

  var handle: MPI_Op? {
    switch self {
    case .sum: cmpi_sum()
    case .max: cmpi_max()
    case .min: cmpi_min()
    }
  }
}

/// Collective operations: every rank must call the same operations in the same order.
extension Communicator {
  /// Waits until every rank has called the barrier.
  ///
  /// **Collective.** The C function is `MPI_Barrier`.
  public func barrier() throws(MPIError) {
    guard size > 1 else { return }
    try checkWaiting("MPI_Barrier", MPI_Barrier(handle))
  }

  /// Waits as ``barrier()`` does, without taking processor time from others.
  ///
  /// **Collective.** The C function is `MPI_Ibarrier`.
  public func sleepingBarrier() throws(MPIError) {
    guard size > 1 else { return }
    var request: MPI_Request?
    try check("MPI_Ibarrier", MPI_Ibarrier(handle, &request))
    var isDone: Int32 = 0
    while true {
      try check("MPI_Test", MPI_Test(&request, &isDone, cmpi_statuses_ignore()))
      if isDone != 0 { return }
      usleep(2000)
    }
  }

  /// The bytes of rank `root`, on every rank.
  ///
  /// The argument of other ranks is ignored and may have any length.
  ///
  /// **Collective.** The C function is `MPI_Bcast`.
  public func broadcast(_ bytes: [UInt8], from root: Int = 0) throws(MPIError) -> [UInt8] {
    guard size > 1 else { return bytes }
    var count = [Int64(bytes.count)]
    try broadcast(&count, from: root)
    var result = rank == root ? bytes : [UInt8](repeating: 0, count: Int(count[0]))
    try result.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try broadcast(UnsafeMutableRawBufferPointer(buffer), from: root)
    }
    return result
  }

  /// The text of rank `root`, on every rank.
  ///
  /// **Collective.** The C function is `MPI_Bcast`.
  public func broadcast(_ text: String, from root: Int = 0) throws(MPIError) -> String {
    guard size > 1 else { return text }
    return String(decoding: try broadcast(Array(text.utf8), from: root), as: UTF8.self)
  }

  /// Overwrites memory on every rank with the memory of rank `root`; sizes are equal.
  ///
  /// **Collective.** The C function is `MPI_Bcast`.
  public func broadcast(
    _ memory: UnsafeMutableRawBufferPointer, from root: Int = 0
  ) throws(MPIError) {
    guard size > 1 else { return }
    var offset = 0
    while offset < memory.count {  // a count is an Int32
      let part = Swift.min(memory.count - offset, 1 << 30)
      try checkWaiting(
        "MPI_Bcast",
        MPI_Bcast(
          memory.baseAddress.map { $0 + offset }, Int32(part), cmpi_byte(), Int32(root), handle))
      offset += part
    }
  }

  /// Overwrites integers on every rank with the integers of rank `root`; numbers are equal.
  func broadcast(_ values: inout [Int64], from root: Int) throws(MPIError) {
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try broadcast(UnsafeMutableRawBufferPointer(buffer), from: root)
    }
  }

  /// Reduces each element over the ranks; every rank gets the result.
  ///
  /// **Collective.** The C function is `MPI_Allreduce`.
  public func allReduce(_ values: inout [Double], _ reduction: Reduction = .sum) throws(MPIError) {
    guard size > 1, !values.isEmpty else { return }
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try allReduce(buffer.baseAddress, buffer.count, cmpi_double(), reduction)
    }
  }

  /// Reduces each element over the ranks; every rank gets the result.
  ///
  /// **Collective.** The C function is `MPI_Allreduce`.
  public func allReduce(_ values: inout [Int64], _ reduction: Reduction = .sum) throws(MPIError) {
    guard size > 1, !values.isEmpty else { return }
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try allReduce(buffer.baseAddress, buffer.count, cmpi_int64(), reduction)
    }
  }

  /// Adds `count` floats in place over the ranks; the library chooses the order.
  ///
  /// **Collective.** The C function is `MPI_Allreduce`.
  public func allReduce(_ values: UnsafeMutablePointer<Float>, count: Int) throws(MPIError) {
    guard size > 1, count > 0 else { return }
    try allReduce(values, count, cmpi_float(), .sum)
  }

  private func allReduce(
    _ memory: UnsafeMutableRawPointer?, _ count: Int, _ type: MPI_Datatype?, _ reduction: Reduction
  ) throws(MPIError) {
    precondition(count <= Int(Int32.max), "\(count) values are too many for one reduction")
    try checkWaiting(
      "MPI_Allreduce",
      MPI_Allreduce(cmpi_in_place(), memory, Int32(count), type, reduction.handle, handle))
  }

  /// The bytes of every rank, in rank order, on rank `root`; empty on other ranks.
  ///
  /// Lengths may differ.
  ///
  /// **Collective.** The C function is `MPI_Gatherv`.
  public func gather(_ bytes: [UInt8], at root: Int = 0) throws(MPIError) -> [[UInt8]] {
    guard size > 1 else { return [bytes] }
    let counts = try allGather([Int64(bytes.count)])
    var all = [UInt8](repeating: 0, count: rank == root ? counts.reduce(0) { $0 + Int($1) } : 0)
    let (lengths, offsets) = Self.placement(counts.map { Int($0) })
    try checkWaiting(
      "MPI_Gatherv",
      MPI_Gatherv(
        bytes, Int32(bytes.count), cmpi_byte(), &all, lengths, offsets, cmpi_byte(), Int32(root),
        handle))
    guard rank == root else { return [] }
    return zip(lengths, offsets).map { Array(all[Int($1)..<Int($1) + Int($0)]) }
  }

  /// The bytes of every rank, in rank order, on every rank.
  ///
  /// Lengths may differ.
  ///
  /// **Collective.** The C function is `MPI_Allgatherv`.
  public func allGather(_ bytes: [UInt8]) throws(MPIError) -> [[UInt8]] {
    guard size > 1 else { return [bytes] }
    let counts = try allGather([Int64(bytes.count)])
    var all = [UInt8](repeating: 0, count: counts.reduce(0) { $0 + Int($1) })
    let (lengths, offsets) = Self.placement(counts.map { Int($0) })
    try checkWaiting(
      "MPI_Allgatherv",
      MPI_Allgatherv(
        bytes, Int32(bytes.count), cmpi_byte(), &all, lengths, offsets, cmpi_byte(), handle))
    return zip(lengths, offsets).map { Array(all[Int($1)..<Int($1) + Int($0)]) }
  }

  /// The text of every rank, in rank order, on every rank.
  ///
  /// **Collective.**
  public func allGather(_ text: String) throws(MPIError) -> [String] {
    try allGather(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The integers of every rank, joined in rank order, on every rank.
  ///
  /// Each rank gives an equal number of integers.
  ///
  /// **Collective.** The C function is `MPI_Allgather`.
  public func allGather(_ values: [Int64]) throws(MPIError) -> [Int64] {
    guard size > 1 else { return values }
    var all = [Int64](repeating: 0, count: values.count * size)
    let count = Int32(values.count)
    try checkWaiting(
      "MPI_Allgather",
      MPI_Allgather(values, count, cmpi_int64(), &all, count, cmpi_int64(), handle))
    return all
  }

  /// The numbers of every rank joined in rank order, on every rank.
  ///
  /// Lengths may differ.
  ///
  /// **Collective.** The C function is `MPI_Allgatherv`.
  public func allGather(_ values: [Double]) throws(MPIError) -> [Double] {
    guard size > 1 else { return values }
    let counts = try allGather([Int64(values.count)])
    var all = [Double](repeating: 0, count: counts.reduce(0) { $0 + Int($1) })
    let (lengths, offsets) = Self.placement(counts.map { Int($0) })
    try checkWaiting(
      "MPI_Allgatherv",
      MPI_Allgatherv(
        values, Int32(values.count), cmpi_double(), &all, lengths, offsets, cmpi_double(), handle))
    return all
  }

  /// The floats of every rank joined in rank order on rank `root`; empty on other ranks.
  ///
  /// Lengths may differ.
  ///
  /// **Collective.** The C function is `MPI_Gatherv`.
  public func gather(_ values: [Float], at root: Int = 0) throws(MPIError) -> [Float] {
    let counts = try allGather([Int64(values.count)]).map { Int($0) }
    var all = [Float](repeating: 0, count: rank == root ? counts.reduce(0, +) : 0)
    try all.withUnsafeMutableBufferPointer { (target) throws(MPIError) in
      try gather(values, counts: counts, into: target.baseAddress, at: root)
    }
    return all
  }

  /// Joins the floats of every rank in rank order at `target` on rank `root`.
  ///
  /// `counts` holds the lengths of all ranks.
  ///
  /// **Collective.** The C function is `MPI_Gatherv`.
  public func gather(
    _ values: UnsafePointer<Float>, counts: [Int], into target: UnsafeMutablePointer<Float>?,
    at root: Int = 0
  ) throws(MPIError) {
    precondition(counts.count == size, "\(counts.count) lengths for \(size) ranks")
    guard size > 1 else {
      target?.update(from: values, count: counts[0])
      return
    }
    let (lengths, offsets) = Self.placement(counts)
    try checkWaiting(
      "MPI_Gatherv",
      MPI_Gatherv(
        values, lengths[rank], cmpi_float(), target, lengths, offsets, cmpi_float(), Int32(root),
        handle))
  }

  /// Cuts the floats of rank `root` into parts and returns this rank's part.
  ///
  /// Lengths are the same list on every rank. `values` is ignored on other ranks than `root`.
  ///
  /// **Collective.** The C function is `MPI_Scatterv`.
  public func scatter(
    _ values: [Float], counts: [Int], from root: Int = 0
  ) throws(MPIError) -> [Float] {
    precondition(rank != root || values.count == counts.reduce(0, +), "lengths and values disagree")
    var own = [Float](repeating: 0, count: counts[rank])
    try values.withUnsafeBufferPointer { (source) throws(MPIError) in
      try own.withUnsafeMutableBufferPointer { (target) throws(MPIError) in
        guard let address = target.baseAddress else { return }
        try scatter(source.baseAddress, counts: counts, into: address, from: root)
      }
    }
    return own
  }

  /// Cuts the floats at `values` on rank `root` into parts and writes this rank's part at `target`.
  ///
  /// **Collective.** The C function is `MPI_Scatterv`.
  public func scatter(
    _ values: UnsafePointer<Float>?, counts: [Int], into target: UnsafeMutablePointer<Float>,
    from root: Int = 0
  ) throws(MPIError) {
    precondition(counts.count == size, "\(counts.count) lengths for \(size) ranks")
    guard size > 1 else {
      if let values { target.update(from: values, count: counts[0]) }
      return
    }
    let (lengths, offsets) = Self.placement(counts)
    try checkWaiting(
      "MPI_Scatterv",
      MPI_Scatterv(
        values, lengths, offsets, cmpi_float(), target, lengths[rank], cmpi_float(), Int32(root),
        handle))
  }

  /// Lengths and offsets of adjacent parts, as the C functions expect them.
  private static func placement(_ counts: [Int]) -> (lengths: [Int32], offsets: [Int32]) {
    var total = 0
    let offsets = counts.map { count in
      defer { total += count }
      return Int32(total)
    }
    precondition(total <= Int(Int32.max), "\(total) values are too many for one operation")
    return (counts.map { Int32($0) }, offsets)
  }

  /// Seconds that an all-reduce of `bytes` of floats takes: the median of several repetitions.
  ///
  /// All buffers are in cache.
  ///
  /// **Collective.** The C function is `MPI_Allreduce`.
  public func measureAllReduce(bytes: Int, repetitions: Int = 15) throws(MPIError) -> Double {
    let count = Swift.max(1, bytes / 4)
    let buffer = UnsafeMutablePointer<Float>.allocate(capacity: count)
    defer { buffer.deallocate() }
    buffer.initialize(repeating: 0, count: count)
    let clock = ContinuousClock()
    var times: [Double] = []
    for _ in 0..<Swift.max(1, repetitions) + 2 {
      try barrier()
      let start = clock.now
      try allReduce(buffer, count: count)
      let elapsed = (clock.now - start).components
      times.append(Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
    }
    try allReduce(&times, .max)
    let settled = times.dropFirst(2).sorted()  // the first repetitions make connections
    return settled[settled.count / 2]
  }
}
