import Testing

@testable import Distributed

/// The order of addition of lanes.
@Suite struct LaneTreeTests {
  /// A sum as text that shows its order: ((0+1)+(2+3)).
  private func whole(_ lanes: Range<Int>) -> String {
    guard lanes.count > 1 else { return "\(lanes.lowerBound)" }
    let middle = lanes.lowerBound + lanes.count / 2
    return "(\(whole(lanes.lowerBound..<middle))+\(whole(middle..<lanes.upperBound)))"
  }

  private func run(_ steps: [SliceSum.Step], on inputs: [String]) -> [String] {
    var stack: [String] = []
    for step in steps {
      switch step {
      case .push(let input): stack.append(inputs[input])
      case .add:
        let right = stack.removeLast()
        stack.append("(\(stack.removeLast())+\(right))")
      }
    }
    return stack
  }

  @Test(arguments: [1, 2, 4, 8, 16, 64])
  func everyNumberOfRanksAddsAlongTheSameTree(laneCount: Int) {
    let tree = LaneTree(laneCount: laneCount)
    for size in 1...laneCount {
      var partial: [String] = []
      var nodes: [Range<Int>] = []
      for rank in 0..<size {
        let lanes = tree.lanes(of: rank, of: size)
        let schedule = tree.schedule(for: lanes)
        var buffers = [String](repeating: "?", count: schedule.bufferCount)
        for (microbatch, lane) in lanes.enumerated() {
          buffers[schedule.buffers[microbatch]] = "\(lane)"
          let added = schedule.sums[microbatch]
          #expect(added.last == schedule.buffers[microbatch])
          buffers[added[0]] =
            run(SliceSum.fromTheRight(added.count), on: added.map { buffers[$0] })[0]
        }
        partial += schedule.roots.map { buffers[$0] }
        nodes += tree.nodes(in: lanes)
        #expect(schedule.roots.count == tree.nodes(in: lanes).count)
      }
      #expect(partial == nodes.map { whole($0) }, "\(size) ranks")
      #expect(run(tree.program(over: nodes), on: partial) == [whole(0..<laneCount)])
    }
  }

  @Test func aWholeTreeNeedsOneBufferALevel() {
    for level in 0...6 {
      let schedule = LaneTree(laneCount: 1 << level).schedule(for: 0..<1 << level)
      #expect(schedule.bufferCount == level + 1)
      #expect(schedule.roots == [0])
    }
  }

  @Test func lanesOfAllRanksFollowEachOther() {
    let tree = LaneTree(laneCount: 8)
    #expect((0..<3).map { tree.lanes(of: $0, of: 3) } == [0..<2, 2..<5, 5..<8])
    #expect(tree.nodes(in: 2..<5) == [2..<4, 4..<5])
    #expect(tree.nodes(in: 1..<8) == [1..<2, 2..<4, 4..<8])
  }

  @Test func valuesAreAddedAlongTheTree() {
    let values = (0..<8).map { 1 / Double($0 + 3) }
    let expected =
      ((values[0] + values[1]) + (values[2] + values[3]))
      + ((values[4] + values[5]) + (values[6] + values[7]))
    #expect(LaneTree(laneCount: 8).sum(values) == expected)
    #expect(LaneTree(laneCount: 1).sum([0.1]) == 0.1)
  }
}

/// The loop that adds vectors in a given order.
@Suite struct SliceSumTests {
  @Test(arguments: [16, 48, 2048, 5008, 5003])
  func sumsAreTheDefinition(count: Int) {
    let tree = LaneTree(laneCount: 8)
    let nodes = (0..<3).flatMap { tree.nodes(in: tree.lanes(of: $0, of: 3)) }
    for steps in [SliceSum.inOrder(nodes.count), tree.program(over: nodes)] {
      let inputs = nodes.indices.map { input in
        (0..<count).map { Float(($0 * 7919 + input * 104_729) % 1009) / 997 }
      }
      let memory = inputs.map { values in
        let memory = allocateFloats(count)
        for (index, value) in values.enumerated() { memory[index] = value }
        return memory
      }
      let output = allocateFloats(count)
      defer { for pointer in memory + [output] { pointer.deallocate() } }
      SliceSum(steps).sum(memory.map { UnsafePointer($0) }, count: count, into: output)
      for index in 0..<count {
        var stack: [Float] = []
        for step in steps {
          switch step {
          case .push(let input): stack.append(inputs[input][index])
          case .add:
            let right = stack.removeLast()
            stack.append(stack.removeLast() + right)
          }
        }
        #expect(output[index] == stack[0])
      }
    }
  }
}
