import Testing

@testable import Datasets

@Suite struct LanesTests {
  @Test(
    "Lanes and ranks partition the rows",
    arguments: [0, 1, 7, 8, 10, 63, 1000, 55_000, 60_001], [1, 2, 4, 8, 16])
  func partition(rows: Int, count: Int) {
    let lanes = Lanes(count: count, rows: rows)
    var next = 0
    for lane in 0..<count {
      let range = lanes.rows(of: lane)
      #expect(range.lowerBound == next)
      #expect(range.count <= lanes.longest && range.count >= lanes.longest - 1)
      next = range.upperBound
    }
    #expect(next == rows)
    for size in 1...count {
      var nextLane = 0
      var nextRow = 0
      for rank in 0..<size {
        let owned = lanes.lanes(of: rank, of: size)
        #expect(owned.lowerBound == nextLane && !owned.isEmpty)
        let range = lanes.rows(of: rank, of: size)
        #expect(range.lowerBound == nextRow)
        #expect(range.count == owned.map { lanes.rows(of: $0).count }.reduce(0, +))
        nextLane = owned.upperBound
        nextRow = range.upperBound
      }
      #expect(nextLane == count && nextRow == rows)
    }
  }

  @Test func boundsAreFloored() {
    let lanes = Lanes(count: 4, rows: 10)
    #expect((0..<4).map { lanes.rows(of: $0) } == [0..<2, 2..<5, 5..<7, 7..<10])
    #expect((0..<3).map { lanes.lanes(of: $0, of: 3) } == [0..<1, 1..<2, 2..<4])
    #expect(lanes.rows(of: 2, of: 3) == 5..<10)
  }

  @Test("An epoch has steps for the longest lane")
  func steps() {
    #expect(Lanes(count: 8, rows: 60_000).steps(perLane: 25) == 300)
    #expect(Lanes(count: 4, rows: 10).steps(perLane: 2) == 2)
    #expect(Lanes(count: 4, rows: 8).steps(perLane: 2) == 1)
    #expect(Lanes(count: 4, rows: 9).steps(perLane: 2) == 2)
  }

  private func order(_ lanes: Lanes, _ lane: Int, epoch: Int, seed: UInt64 = 595) -> [Int32] {
    var order: [Int32] = [99]
    lanes.order(of: lane, epoch: epoch, seed: seed, shuffled: true, into: &order)
    return order
  }

  @Test("A shuffled order is a permutation of the lane's rows and depends on its whole key")
  func shuffledOrders() {
    for rows in [0, 3, 4, 5, 1000, 1001] {
      let lanes = Lanes(count: 4, rows: rows)
      for lane in 0..<4 {
        #expect(order(lanes, lane, epoch: 3).sorted() == lanes.rows(of: lane).map(Int32.init))
      }
    }
    let lanes = Lanes(count: 2, rows: 200)
    let first = order(lanes, 0, epoch: 0)
    #expect(first == order(lanes, 0, epoch: 0))
    #expect(first != order(lanes, 0, epoch: 1))
    #expect(first != order(lanes, 0, epoch: 0, seed: 596))
    #expect(first != order(lanes, 1, epoch: 0).map { $0 - 100 })
    #expect(first != Array(0..<100))
  }

  @Test("Every row comes first, and last, equally often")
  func shuffledOrdersAreUniform() {
    let lanes = Lanes(count: 1, rows: 6)
    var first = [Int](repeating: 0, count: 6)
    var last = first
    for epoch in 0..<6000 {
      let order = order(lanes, 0, epoch: epoch)
      first[Int(order[0])] += 1
      last[Int(order[5])] += 1
    }
    // The standard deviation of a count is 29.
    #expect((first + last).allSatisfy { abs($0 - 1000) < 150 }, "\(first) \(last)")
  }

  @Test func unshuffledRowsComeAsStored() {
    var order: [Int32] = []
    Lanes(count: 4, rows: 10).order(of: 3, epoch: 9, seed: 1, shuffled: false, into: &order)
    #expect(order == [7, 8, 9])
  }
}
