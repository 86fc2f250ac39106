import Testing

@testable import Datasets

/// Distinct bytes for tests.
func patternBytes(_ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 9) }
}

@Suite struct ImageSetTests {
  private let shape = ImageShape(height: 3, width: 4, channels: 1)

  @Test func gatherTakesRowsInTheOrderGiven() {
    let bytes = patternBytes(5 * 12)
    let set = ImageSet(bytes: bytes, shape: shape, labels: [0, 1, 2, 3, 4])
    #expect(set.count == 5 && set.isEightBit && set.labels == [0, 1, 2, 3, 4])
    var values = [Float](repeating: -1, count: 36)
    let rows: [Int32] = [4, 0, 4]
    rows.withUnsafeBufferPointer { set.gather($0, into: &values) }
    let floats = bytes.map { Float($0) / 255 }
    #expect(values == Array(floats[48..<60] + floats[0..<12] + floats[48..<60]))
    #expect(set.values(1..<3) == Array(floats[12..<36]))
  }

  @Test func floatsComeOutAsTheyAre() {
    let floats = patternBytes(24).map { Float($0) / 256 }
    let set = ImageSet(floats: floats, shape: shape)
    #expect(set.values(0..<2) == floats && !set.isEightBit)
  }

  @Test func limitedKeepsTheFirstRows() throws {
    let set = ImageSet(bytes: patternBytes(60), shape: shape, labels: [5, 6, 7, 8, 9])
    let limited = try set.limited(to: 2)
    #expect(limited.count == 2 && limited.labels == [5, 6])
    #expect(limited.values(0..<2) == set.values(0..<2))
    let error = #expect(throws: DatasetError.self) { try set.limited(to: 6) }
    #expect(error?.description == "memory: rows: found 6, expected 1 to 5, the images there are")
    #expect(throws: DatasetError.self) { try set.limited(to: 0) }
  }

  @Test(
    "A corruption does not depend on the rows it is made for",
    arguments: ["salt-pepper:0.5", "salt-pepper-replace:0.5", "uniform:0.5", "gaussian:0.5"])
  func corruptionIsPure(spec: String) throws {
    let corruption = try Corruption(parsing: spec)
    let set = ImageSet(bytes: patternBytes(31 * 12), shape: shape)
    let whole = set.corrupted(by: corruption, seed: 7, rows: 0..<31)
    #expect(whole.noise == corruption.spec && whole.isEightBit == corruption.staysInUnitRange)
    #expect(whole.clean?.values(0..<31) == set.values(0..<31))
    #expect(whole.values(0..<31) != set.values(0..<31))
    for rows in [0..<1, 0..<10, 10..<31, 30..<31] {
      let part = set.corrupted(by: corruption, seed: 7, rows: rows)
      #expect(part.heldRows == rows && part.count == 31)
      #expect(part.values(rows) == whole.values(rows))
      var one = [Float](repeating: 0, count: 12)
      let last: [Int32] = [Int32(rows.upperBound - 1)]
      last.withUnsafeBufferPointer { part.gather($0, into: &one) }
      #expect(one == whole.values(rows.upperBound - 1..<rows.upperBound))
    }
    let other = set.corrupted(by: corruption, seed: 8, rows: 0..<31)
    #expect(other.values(0..<31) != whole.values(0..<31))
  }

  @Test(
    "Images corrupted whenever they are asked for are those that are kept",
    arguments: ["salt-pepper:0.5", "uniform:0.3", "gaussian-clip:0.5", "gaussian:0.5"])
  func derivedImagesAreTheSame(spec: String) throws {
    let corruption = try Corruption(parsing: spec)
    for set in [
      ImageSet(bytes: patternBytes(31 * 12), shape: shape),
      ImageSet(floats: (0..<31 * 12).map { Float($0 % 101) / 100 }, shape: shape),
    ] {
      let kept = set.corrupted(by: corruption, seed: 7, rows: 4..<31, kept: true)
      let made = set.corrupted(by: corruption, seed: 7, rows: 4..<31, kept: false)
      #expect(made.isDerived && !kept.isDerived)
      #expect(made.values(4..<31) == kept.values(4..<31))
      #expect(made.noise == kept.noise && made.isEightBit == kept.isEightBit)
      #expect(made.heldRows == kept.heldRows && made.clean === set)
      var (some, others) = ([Float](repeating: 0, count: 24), [Float](repeating: 1, count: 24))
      ([30, 7] as [Int32]).withUnsafeBufferPointer {
        made.gather($0, into: &some)
        kept.gather($0, into: &others)
      }
      #expect(some == others)
      #expect(try made.limited(to: 20).values(4..<20) == kept.values(4..<20))
    }
  }

  @Test func eightBitValuesAreRoundedToTheNearest() {
    #expect((0...255).allSatisfy { eightBit(Float($0) / 255) == UInt8($0) })
    #expect(eightBit(0.5) == 128 && eightBit(0.4999 / 255) == 0 && eightBit(0.5001 / 255) == 1)
  }
}

extension ImageSet {
  /// The stored bytes of some rows.
  func bytes(_ rows: Range<Int>) -> [UInt8] {
    withExtendedLifetime(self) { Array(stored(rows)) }
  }
}
