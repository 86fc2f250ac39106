import Glibc
import MPI

/// Checks of the MPI module.
let communicatorChecks: [String: RankCheck] = [
  "collectives": checkCollectives,
  "agree": checkAgreement,
  "agreed-failure": { world, _ in try failTogether(world) },
  "common-failure": { world, _ in
    try world.agree { throw CheckFailure("the file is damaged", exitStatus: 65) }
  },
  "lone-failure": failAlone,
  "messages": checkMessages,
  "window": checkWindow,
]

private func checkCollectives(_ world: Communicator, _ arguments: [String]) throws {
  let (rank, size) = (world.rank, world.size)
  if let expected = arguments.first.flatMap({ Int($0) }) { try expectEqual(size, expected, "size") }
  try expect((0..<size).contains(rank), "rank \(rank) of \(size)")
  try world.barrier()
  for root in 0..<size {
    try expectEqual(
      world.broadcast("from \(rank) äß", from: root), "from \(root) äß", "broadcast text")
    try expectEqual(
      world.broadcast([UInt8](repeating: UInt8(rank), count: rank * 3), from: root),
      [UInt8](repeating: UInt8(root), count: root * 3), "broadcast bytes")
    let gathered = try world.gather([UInt8](repeating: UInt8(rank), count: rank), at: root)
    let expected = rank == root ? (0..<size).map { [UInt8](repeating: UInt8($0), count: $0) } : []
    try expectEqual(gathered, expected, "gathered bytes")
    let floats = try world.gather([Float](repeating: Float(rank), count: 1 + rank), at: root)
    let joined = (0..<size).flatMap { [Float](repeating: Float($0), count: 1 + $0) }
    try expectEqual(floats, rank == root ? joined : [], "gathered floats")
    let part = try world.scatter(
      rank == root ? joined : [], counts: (0..<size).map { $0 + 1 }, from: root)
    try expectEqual(part, [Float](repeating: Float(rank), count: 1 + rank), "scattered floats")
  }
  var values = [Double(rank), -Double(rank), 1]
  try world.allReduce(&values)
  let sum = Double(size * (size - 1) / 2)
  try expectEqual(values, [sum, -sum, Double(size)], "sum")
  values = [Double(rank), -Double(rank)]
  try world.allReduce(&values, .max)
  try expectEqual(values, [Double(size - 1), 0], "maximum")
  values = [Double(rank), -Double(rank)]
  try world.allReduce(&values, .min)
  try expectEqual(values, [0, -Double(size - 1)], "minimum")
  try expectEqual(world.allGather("r\(rank)"), (0..<size).map { "r\($0)" }, "all texts")
  try expectEqual(
    world.allGather([Double](repeating: Double(rank), count: rank)),
    (0..<size).flatMap { [Double](repeating: Double($0), count: $0) }, "all numbers")
  let node = try world.onThisHost()
  let hosts = try world.allGather(world.hostName)
  let neighbours = hosts.indices.filter { hosts[$0] == world.hostName }
  try expectEqual(node.size, neighbours.count, "the ranks on the node")
  try expectEqual(neighbours[node.rank], rank, "the rank on the node")
  try expect(try node.processorCount() > 0 || size == 1, "no processors")
  let twin = try world.duplicate()
  try expectEqual(twin.broadcast("\(rank)", from: size - 1), "\(size - 1)", "the twin's broadcast")
  try expect(try world.measureAllReduce(bytes: 1 << 16, repetitions: 3) >= 0, "negative time")
}

private func checkAgreement(_ world: Communicator, _ arguments: [String]) throws {
  try expectEqual(world.agree { world.rank }, world.rank, "the result of an agreement")
  for failing in 0..<world.size {
    do {
      try world.agree {
        if world.rank >= failing { throw CheckFailure("bad \(world.rank)", exitStatus: 65) }
      }
      throw CheckFailure("rank \(world.rank) went on after rank \(failing) failed")
    } catch let error as AgreedError {
      try expectEqual(error.rank, failing, "the failing rank")
      try expectEqual(error.message, "bad \(failing)", "the message")
      try expectEqual(error.exitStatus, 65, "the status")
      try expectEqual(error.isEverywhere, false, "whether all say the same")
      try expectEqual(error.underlying == nil, world.rank < failing, "an own error")
    } catch let error as CheckFailure where world.size == 1 {
      try expectEqual(error.description, "bad 0", "the message")
    }
  }
  guard world.size > 1 else { return }
  do {  // what was agreed on inside keeps its origin outside
    try world.agree {
      try world.agree { if world.rank == world.size - 1 { throw CheckFailure("inner") } }
    }
  } catch let error as AgreedError {
    try expectEqual(error.rank, world.size - 1, "the rank of the inner failure")
    try expectEqual(error.message, "inner", "the inner message")
  }
}

/// Ends the job with an agreed error: status 65 and one line from all ranks.
private func failTogether(_ world: Communicator) throws {
  try world.agree {
    if world.rank == world.size - 1 { throw CheckFailure("no such file: x.h5", exitStatus: 65) }
  }
}

/// Ends the job by one rank while the others wait for it.
private func failAlone(_ world: Communicator, _ arguments: [String]) throws {
  if world.rank == world.size - 1 { throw CheckFailure("this rank alone", exitStatus: 7) }
  try world.barrier()
}

private func checkMessages(_ world: Communicator, _ arguments: [String]) throws {
  let (rank, size, count) = (world.rank, world.size, 100_000)
  let memory = UnsafeMutablePointer<Float>.allocate(capacity: count * (size + 1))
  memory.initialize(repeating: -1, count: count * (size + 1))
  defer { memory.deallocate() }
  let own = memory + count * size
  let messages = PreparedMessages(on: world)
  for peer in 0..<size where peer != rank {
    try messages.addReceive(memory + count * peer, count: count, from: peer, tag: 3)
    try messages.addSend(own, count: count, to: peer, tag: 3)
  }
  for round in 0..<5 {
    for index in 0..<count { own[index] = Float(round * 100 + rank) }
    try messages.start()
    if round % 2 == 0 { while try !messages.test() {} } else { try messages.wait() }
    for peer in 0..<size where peer != rank {
      for index in 0..<count {
        try expect(memory[count * peer + index] == Float(round * 100 + peer), "round \(round)")
      }
    }
  }
}

private func checkWindow(_ world: Communicator, _ arguments: [String]) throws {
  let node = try world.onThisHost()
  let (rank, size) = (node.rank, node.size)
  guard size > 1 else { return }
  let window = try SharedWindow(bytes: 4096 * (rank + 1), on: node)
  var waiting = try Waiting(on: node)
  let numbers = (0..<size).map { window.segment(of: $0).assumingMemoryBound(to: UInt64.self) }
  for pointer in numbers {
    try expect(UInt(bitPattern: pointer) % UInt(SharedWindow.alignment) == 0, "not aligned")
  }
  try expect((0..<512 * (rank + 1)).allSatisfy { numbers[rank][$0] == 0 }, "not zeroed")
  try node.barrier()
  // A ring: each rank waits for its left neighbour's counter, then for the number beside it.
  let left = (rank + size - 1) % size
  for round in 1...2000 {
    numbers[rank][1 + round % 2] = UInt64(round * 10 + rank)
    SharedCounter(at: numbers[rank]).publish(UInt64(round))
    waiting.start()
    while SharedCounter(at: numbers[left]).value < UInt64(round) { waiting.pause() }
    // The neighbour may be one round ahead, not two: it waits for this rank, around the ring, only
    // if there are two.
    if size == 2 {
      try expectEqual(numbers[left][1 + round % 2], UInt64(round * 10 + left), "round \(round)")
    }
  }
  try node.barrier()
  try window.release()
  let second = try SharedWindow(bytes: 1, on: node)
  second.segment(of: rank).storeBytes(of: UInt8(rank), as: UInt8.self)
  try node.barrier()
  for peer in 0..<size {
    try expectEqual(second.segment(of: peer).load(as: UInt8.self), UInt8(peer), "second window")
  }
}
