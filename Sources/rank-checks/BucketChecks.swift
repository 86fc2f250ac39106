import Distributed
import Glibc
import MPI
import Support

/// Checks of the gradient buckets.
///
/// Their first argument names the path: window, messages or allreduce.
let bucketChecks: [String: RankCheck] = [
  "fast-sums": { try checkSums($0, path: GradientBuckets.Path(argument: $1), exact: false) },
  "exact-sums": { try checkSums($0, path: GradientBuckets.Path(argument: $1), exact: true) },
  "lane-sums": checkLaneSums,
  "owned-state": checkOwnedState,
  "automatic-path": checkAutomaticPath,
  "random-phases": checkRandomPhases,
  "fail-in-phase": failInPhase,
  "too-many-ranks": { world, _ in
    _ = try world.agree {
      try GradientBuckets(
        slots: [ParameterSlot(name: "w", group: 0, count: 1)], laneCount: 1, exact: false,
        on: world)
    }
  },
]

extension GradientBuckets.Path {
  /// The path that a check's first argument names.
  init(argument arguments: [String]) throws {
    guard let path = arguments.first.map({ GradientBuckets.Path(rawValue: $0) }) ?? .automatic
    else {
      throw CheckFailure("no such path: \(arguments[0])", exitStatus: 64)
    }
    self = path
  }
}

private let laneCount = 8

/// Two interleaved groups, slots from one float to several buckets.
private let slots = [
  ParameterSlot(name: "encoder.weight", group: 0, count: 30_001),
  ParameterSlot(name: "encoder.bias", group: 0, count: 1),
  ParameterSlot(name: "judge.weight", group: 1, count: 700),
  ParameterSlot(name: "decoder.weight", group: 0, count: 2_500),
  ParameterSlot(name: "judge.bias", group: 1, count: 65),
  ParameterSlot(name: "decoder.bias", group: 0, count: 784),
]

private func makeBuckets(
  _ world: Communicator, _ path: GradientBuckets.Path, exact: Bool
) throws -> GradientBuckets {
  // Some slices take several messages, the last of them a short one.
  try GradientBuckets(
    slots: slots, laneCount: laneCount, exact: exact, on: world, path: path, bucketFloats: 4096,
    messageFloats: 500)
}

/// The gradient of one lane: any float, the same whichever rank makes it.
private func laneGradient(_ lane: Int, _ phase: Int, _ slot: Int, _ index: Int) -> Float {
  var numbers = SplitMix64(seed: ((phase * laneCount + lane) * 64 + slot) * 65_536 + index)
  return numbers.nextFloat()
}

/// What the reduced gradient must be, for `size` ranks in fast mode or any number of ranks in exact
/// mode.
private func expectedSum(
  _ phase: Int, _ slot: Int, _ index: Int, exact: Bool, size: Int
) -> Float {
  let leaves = (0..<laneCount).map { laneGradient($0, phase, slot, index) }
  guard exact else {
    let tree = LaneTree(laneCount: laneCount)
    let partial = (0..<size).map { rank in
      tree.lanes(of: rank, of: size).reduce(Float(0)) { $0 + leaves[$1] }
    }
    return partial.dropFirst().reduce(partial[0], +)
  }
  var row = leaves
  while row.count > 1 {
    row = stride(from: 0, to: row.count, by: 2).map { row[$0] + row[$0 + 1] }
  }
  return row[0]
}

/// Plays backward of one phase: last slot first, some time in between.
private func runBackward(
  _ buckets: GradientBuckets, phase: Int, groups: UInt64, exact: Bool, skipping skipped: Int? = nil,
  pause: () -> Void = {}
) {
  for microbatch in 0..<buckets.microbatches {
    let gradient = buckets.gradient(microbatch: microbatch)
    let lanes =
      exact
      ? buckets.localLanes.lowerBound + microbatch..<buckets.localLanes.lowerBound + microbatch + 1
      : buckets.localLanes
    for slot in slots.indices.reversed() where slot != skipped {
      let inPhase = groups >> UInt64(slots[slot].group) & 1 == 1
      if inPhase {
        let target = gradient + buckets.offset(of: slot)
        for index in 0..<slots[slot].count {
          target[index] = lanes.reduce(Float(0)) { $0 + laneGradient($1, phase, slot, index) }
        }
      }
      pause()
      buckets.ready(slot: slot, microbatch: microbatch)
    }
  }
}

/// Plain descent, so that the values show what the sums were: v -= g.
private func descend(
  _ bucket: Int, _ piece: Range<Int>, _ values: UnsafeMutablePointer<Float>,
  _ gradient: UnsafeMutablePointer<Float>
) {
  for index in 0..<piece.count { values[index] -= gradient[index] }
}

/// Sums are those of the definition, bit for bit, on every rank; values are published and shared.
private func checkSums(_ world: Communicator, path: GradientBuckets.Path, exact: Bool) throws {
  let buckets = try makeBuckets(world, path, exact: exact)
  try expectEqual(buckets.microbatches, exact ? buckets.localLanes.count : 1, "microbatches")
  if path != .automatic && world.size > 1 { try expectEqual(buckets.path, path, "path") }
  var values = [Float](repeating: 0, count: buckets.count)
  for slot in slots.indices {
    for index in 0..<slots[slot].count {
      values[buckets.offset(of: slot) + index] = Float(slot) + Float(index) / 1024
    }
  }
  try buckets.publishValues(world.isRoot ? values : [])
  for phase in 0..<4 {
    let groups: UInt64 = [3, 1, 2, 3][phase]
    let skipped = phase == 3 ? 2 : nil  // a slot that backward does not reach
    var updates = [Int](repeating: 0, count: buckets.buckets.count)
    buckets.begin(groups: groups) { bucket, piece, values, gradient in
      updates[bucket] += piece.count
      descend(bucket, piece, values, gradient)
    }
    runBackward(buckets, phase: phase, groups: groups, exact: exact, skipping: skipped)
    try buckets.finish()
    for (index, bucket) in buckets.buckets.enumerated() {
      let isInPhase = groups >> UInt64(bucket.group) & 1 == 1
      let expected = isInPhase ? buckets.owned(bucket: index).count : 0
      try expectEqual(
        updates[index], expected, "floats updated of bucket \(index) in phase \(phase)")
    }
    for slot in slots.indices where groups >> UInt64(slots[slot].group) & 1 == 1 {
      for index in 0..<slots[slot].count where slot != skipped {
        values[buckets.offset(of: slot) + index] -= expectedSum(
          phase, slot, index, exact: exact, size: world.size)
      }
    }
    let tolerance: Float = buckets.path == .allReduce ? 4e-6 : 0  // the library adds as it likes
    for index in 0..<buckets.count {
      let (found, expected) = (buckets.values[index], values[index])
      try expect(
        abs(found - expected) <= tolerance * max(1, abs(expected)),
        "phase \(phase), element \(index): found \(found), expected \(expected)")
    }
    try world.barrier()  // no rank goes on to change what others still compare
    if tolerance > 0 { for index in 0..<buckets.count { values[index] = buckets.values[index] } }
  }
  try buckets.release()
}

/// Rows of the lanes of all ranks are added along the tree.
private func checkLaneSums(_ world: Communicator, _ arguments: [String]) throws {
  let tree = LaneTree(laneCount: laneCount)
  func row(_ lane: Int) -> [Double] {
    (0..<3).map { Double(laneGradient(lane, 0, $0, 0)) / 3 }
  }
  let own = tree.lanes(of: world.rank, of: world.size).map(row)
  let expected = (0..<3).map { column in tree.sum((0..<laneCount).map { row($0)[column] }) }
  try expectEqual(tree.sum(own, on: world), expected, "sums over lanes")
}

/// Optimizer state goes to one flat array and back; all slices together tile every bucket.
private func checkOwnedState(_ world: Communicator, _ arguments: [String]) throws {
  let buckets = try makeBuckets(world, GradientBuckets.Path(argument: arguments), exact: false)
  let slices = buckets.buckets.indices.map { buckets.owned(bucket: $0) }
  let memory = slices.map { slice in
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: slice.count + 1)
    for (index, place) in slice.enumerated() { memory[index] = Float(place) }
    return memory
  }
  defer { for pointer in memory { pointer.deallocate() } }
  let flat = try buckets.gatherOwned { UnsafePointer(memory[$0]) }
  try expectEqual(flat, world.isRoot ? (0..<buckets.count).map { Float($0) } : [], "gathered")
  for (slice, pointer) in zip(slices, memory) {
    for index in 0..<slice.count { pointer[index] = -1 }
  }
  try buckets.scatterOwned(flat) { memory[$0] }
  for (slice, pointer) in zip(slices, memory) {
    for (index, place) in slice.enumerated() {
      try expect(pointer[index] == Float(place), "place \(place) came back as \(pointer[index])")
    }
  }
}

/// A hundred phases of random groups with random pauses, exact and fast in turn; all ranks see the
/// same values.
private func checkRandomPhases(_ world: Communicator, _ arguments: [String]) throws {
  let path = try GradientBuckets.Path(argument: arguments)
  for exact in [false, true] where !(exact && path == .allReduce) {
    let buckets = try makeBuckets(world, path, exact: exact)
    var common = SplitMix64(seed: 595)
    var own = SplitMix64(seed: 1000 + world.rank)
    var expected = [Float](repeating: 0, count: buckets.count)
    func compare(_ places: Range<Int>, _ phase: Int) throws {
      let values = buckets.values
      for index in places where values[index] != expected[index] {
        throw CheckFailure(
          "phase \(phase), element \(index): found \(values[index]), expected \(expected[index])")
      }
    }
    for phase in 0..<50 {
      let groups = UInt64(1 + common.next(below: 3))
      buckets.begin(groups: groups, update: descend)
      // A forward pass reads most slots, in order, as soon as their values have come.
      for slot in slots.indices where own.next(below: 4) > 0 {
        buckets.waitForValues(of: slot)
        let place = buckets.offset(of: slot)
        try compare(place..<place + slots[slot].count, phase)
      }
      for microbatch in 0..<buckets.microbatches {
        let gradient = buckets.gradient(microbatch: microbatch)
        for slot in slots.indices.reversed() {
          // Whole numbers, so that every order of addition gives the same sum.
          let perMicrobatch = exact ? 1 : Float(buckets.localLanes.count)
          let value = Float(phase % 7 + slot) * perMicrobatch
          if groups >> UInt64(slots[slot].group) & 1 == 1 {
            let target = gradient + buckets.offset(of: slot)
            target.update(repeating: value, count: slots[slot].count)
          }
          if own.next(below: 4) == 0 { usleep(UInt32(own.next(below: 300))) }
          buckets.ready(slot: slot, microbatch: microbatch)
        }
      }
      if own.next(below: 8) == 0 { usleep(UInt32(own.next(below: 2000))) }
      try buckets.finish()
      for slot in slots.indices where groups >> UInt64(slots[slot].group) & 1 == 1 {
        for index in 0..<slots[slot].count {
          expected[buckets.offset(of: slot) + index] -=
            Float(phase % 7 + slot) * Float(laneCount)
        }
      }
      if own.next(below: 4) == 0 { try compare(0..<buckets.count, phase) }
    }
    try compare(0..<buckets.count, 50)
    try buckets.release()
  }
}

/// The automatic path for a large model is the one named, for a reason that holds the given text.
private func checkAutomaticPath(_ world: Communicator, _ arguments: [String]) throws {
  let expected = try GradientBuckets.Path(argument: arguments)
  let buckets = try GradientBuckets(
    slots: [ParameterSlot(name: "w", group: 0, count: 8_000_000)], laneCount: laneCount,
    exact: false, on: world)
  try expectEqual(buckets.path, expected, "path")
  let reason = buckets.pathReason ?? ""
  for text in arguments.dropFirst() { try expect(reason.contains(text), "reason: \(reason)") }
}

/// One rank fails within a phase while the others wait for its gradients; the job must end.
private func failInPhase(_ world: Communicator, _ arguments: [String]) throws {
  let buckets = try makeBuckets(world, GradientBuckets.Path(argument: arguments), exact: false)
  buckets.begin(groups: 3, update: descend)
  let gradient = buckets.gradient(microbatch: 0)
  gradient.update(repeating: 1, count: buckets.count)
  for slot in slots.indices.reversed() {
    if world.rank == world.size - 1 && slot == 2 {
      throw CheckFailure("gradient of \(slots[slot].name) is not finite", exitStatus: 3)
    }
    buckets.ready(slot: slot, microbatch: 0)
  }
  try buckets.finish()
}
