import Tensors
import TestSupport
import Testing

@testable import Statistics

@Suite("Nearest neighbours") struct NeighbourTests {
  @Test func rowsAndDistancesAreThoseOfScikitLearn() throws {
    let golden = try Golden("measures.h5")
    let reference = try golden.tensor("neighbours/reference")
    let nearest = try NearestNeighbours(of: reference)
    let found = try nearest.nearest(to: golden.tensor("neighbours/queries"), k: 5)
    #expect(found.rows == (try golden.integers("neighbours/rows")))
    expectClose(found.distances, try golden.values("neighbours/distances"), 1e-13)
    let own = try nearest.nearest(to: reference, k: 5, excludingFrom: 0)
    #expect(own.rows == (try golden.integers("neighbours/self_rows")))
    expectClose(own.distances, try golden.values("neighbours/self_distances"), 1e-13)
  }

  @Test func classesAreThoseOfTheMajority() throws {
    let golden = try Golden("measures.h5")
    let nearest = try NearestNeighbours(of: golden.tensor("neighbours/reference"))
    let labels = try golden.integers("neighbours/labels").map { Int32($0) }
    let found = try nearest.classify(golden.tensor("neighbours/queries"), labels: labels, k: 5)
    #expect(found == (try golden.integers("neighbours/predicted").map { Int32($0) }))
    // Two neighbours of two classes: the nearer has the say.
    let line = try NearestNeighbours(of: matrix(3, 1, [0, 1, 5]))
    #expect(try line.classify(matrix(2, 1, [0.4, 0.6]), labels: [8, -2, 8], k: 2) == [8, -2])
    #expect(throws: StatisticsError.labels(found: 0, rows: 3)) {
      try line.classify(matrix(1, 1, [0]), labels: [], k: 1)
    }
  }

  @Test("X42: a copy is at distance 0, a training image at more than 0 from the others")
  func copiesAndOthers() throws {
    let training = uniforms(300, 50, seed: 1)
    let nearest = try NearestNeighbours(of: training)
    let copies = try nearest.nearest(to: permuted(training, step: 7))
    #expect(copies.distances.allSatisfy { $0 == 0 })
    #expect(copies.rows.enumerated().allSatisfy { row, copy in copy * 7 % 300 == row })
    let others = try nearest.nearest(to: training, excludingFrom: 0)
    #expect(others.distances.allSatisfy { $0 > 0 })
    // A duplicate elsewhere counts.
    let doubled = matrix(301, 50, training.values + training.rows(4..<5).values)
    let found = try NearestNeighbours(of: doubled).nearest(to: doubled, excludingFrom: 0)
    #expect(found.distances[4] == 0 && found.rows[4] == 300 && found.rows[300] == 4)
    #expect(found.distances.filter { $0 == 0 }.count == 2)
  }

  /// Several tiles, near 0 and far from it; against all direct differences.
  @Test(arguments: [0, 5000] as [Float]) func isBruteForce(offset: Float) throws {
    let reference = normals(2300, 11, seed: 2, offset: offset)
    let queries = normals(1050, 11, seed: 3, offset: offset)
    let found = try NearestNeighbours(of: reference).nearest(to: queries, k: 2)
    for i in stride(from: 0, to: 1050, by: 13) {
      let all = (0..<2300).map { squaredDistance(queries, i, reference, $0) }
      let order = (0..<2300).sorted { (all[$0], $0) < (all[$1], $1) }
      #expect(Array(found.rows[2 * i..<2 * i + 2]) == Array(order.prefix(2)))
      let expected = order.prefix(2).map { all[$0].squareRoot() }
      expectClose(Array(found.distances[2 * i..<2 * i + 2]), expected, 1e-14)
    }
  }

  @Test(arguments: [1, 17, 1000]) func blocksDoNotMatterAtAll(size: Int) throws {
    let (reference, queries) = (normals(1200, 9, seed: 4), normals(90, 9, seed: 5))
    let nearest = try NearestNeighbours(of: reference)
    let whole = try nearest.nearest(to: queries, k: 3)
    let parted = try blocks(queries, of: size).map { try nearest.nearest(to: $0, k: 3) }
    #expect(parted.flatMap(\.rows) == whole.rows)
    #expect(parted.flatMap(\.distances) == whole.distances)
    let mixed = try NearestNeighbours(of: permuted(reference, step: 7)).nearest(to: queries, k: 3)
    #expect(mixed.distances == whole.distances)
    #expect(mixed.rows == whole.rows.map { $0 * 7 % 1200 })
    // The number of a row goes with its block.
    let own = try nearest.nearest(to: reference, excludingFrom: 0)
    let block = try nearest.nearest(to: reference.rows(700..<790), excludingFrom: 700)
    #expect(block.rows == Array(own.rows[700..<790]))
  }

  @Test func equalRowsGoByTheirNumber() throws {
    let nearest = try NearestNeighbours(of: matrix(5, 2, [1, 1, 0, 0, 1, 1, 0, 0, 0, 0]))
    #expect(try nearest.nearest(to: matrix(1, 2, [0, 0]), k: 4).rows == [1, 3, 4, 0])
    #expect(
      try nearest.nearest(to: matrix(1, 2, [1, 1]), k: 1, excludingFrom: 0).rows == [2])
  }

  @Test func refusesFewRowsAndBadNumbers() throws {
    let nearest = try NearestNeighbours(of: matrix(2, 1, [0, 1]))
    #expect(throws: StatisticsError.rows(quantity: "reference", found: 2, needed: 3)) {
      try nearest.nearest(to: matrix(1, 1, [0]), k: 3)
    }
    #expect(throws: StatisticsError.rows(quantity: "reference", found: 2, needed: 3)) {
      try nearest.nearest(to: matrix(1, 1, [0]), k: 2, excludingFrom: 0)
    }
    #expect(throws: StatisticsError.notFinite(quantity: "queries", row: 1)) {
      try nearest.nearest(to: matrix(2, 1, [0, -.infinity]))
    }
    #expect(throws: StatisticsError.notFinite(quantity: "reference", row: 0)) {
      try NearestNeighbours(of: matrix(1, 1, [.nan]))
    }
    #expect(throws: StatisticsError.dimensions(quantity: "queries", found: 2, expected: 1)) {
      try nearest.nearest(to: matrix(1, 2, [0, 0]))
    }
    #expect(try nearest.nearest(to: Tensor(Shape(0, 1))).rows.isEmpty)
  }
}
