import Tensors

/// The division of a training set into lanes, and of lanes over ranks.
///
/// V lanes share N rows. Lane v owns the rows floor(vN/V) ..< floor((v+1)N/V). Rank r of P owns the
/// lanes floor(rV/P) ..< floor((r+1)V/P), so its rows are contiguous. A step takes an equal number
/// of rows from each lane, in the order of the lane. So the rows of a step do not depend on P.
public struct Lanes: Sendable, Equatable {
  /// The number of lanes, V.
  public let count: Int
  /// The number of rows in the training set, N.
  public let rowCount: Int

  /// `count` lanes over `rows` rows.
  ///
  /// Traps without lanes. With fewer rows than lanes, a lane may be empty.
  public init(count: Int, rows: Int) {
    precondition(count > 0 && rows >= 0, "\(count) lanes over \(rows) rows")
    self.count = count
    rowCount = rows
  }

  /// The rows of a lane.
  public func rows(of lane: Int) -> Range<Int> {
    precondition((0..<count).contains(lane), "lane \(lane) of \(count)")
    return lane * rowCount / count..<(lane + 1) * rowCount / count
  }

  /// The lanes of rank `rank` of `size`; `size` is at most the number of lanes.
  public func lanes(of rank: Int, of size: Int) -> Range<Int> {
    precondition(size <= count, "\(size) ranks share \(count) lanes")
    precondition((0..<size).contains(rank), "rank \(rank) of \(size)")
    return rank * count / size..<(rank + 1) * count / size
  }

  /// The rows of rank `rank` of `size`: the rows of its lanes.
  public func rows(of rank: Int, of size: Int) -> Range<Int> {
    let lanes = lanes(of: rank, of: size)
    return rows(of: lanes.lowerBound).lowerBound..<rows(of: lanes.upperBound - 1).upperBound
  }

  /// The length of the longest lane.
  public var longest: Int { (rowCount + count - 1) / count }

  /// Steps of one epoch: enough for the longest lane.
  ///
  /// After its last row, a lane continues at the start of the same epoch's order. So every batch is
  /// full and every row is seen.
  ///
  /// - Parameter perLane: rows of a step from each lane, B/V.
  public func steps(perLane: Int) -> Int {
    precondition(perLane > 0, "\(perLane) rows of each lane a step")
    return (longest + perLane - 1) / perLane
  }

  /// Writes the order in which an epoch visits a lane's rows to `order`, as global row indices.
  ///
  /// The order is a keyed Fisher-Yates permutation: a pure function of (seed, epoch, lane) on any
  /// rank.
  ///
  /// - Parameters:
  ///   - shuffled: if false, the order is the order of the file.
  ///   - order: replaced; its memory is reused.
  public func order(
    of lane: Int, epoch: Int, seed: UInt64, shuffled: Bool, into order: inout [Int32]
  ) {
    let rows = rows(of: lane)
    order.removeAll(keepingCapacity: true)
    order.append(contentsOf: rows.lazy.map(Int32.init))
    guard shuffled, rows.count > 1 else { return }
    let draws = Draws(seed: seed, purpose: .order, time: epoch)
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: rows.count - 1) { words in
      guard let first = words.baseAddress else { return }
      draws.words(row: lane, into: first, count: words.count)
      for last in stride(from: rows.count - 1, to: 0, by: -1) {
        order.swapAt(last, Draws.integer(below: last + 1, from: words[last - 1]))
      }
    }
  }
}
