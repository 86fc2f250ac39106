import Checkpoints
import Datasets
import Layers
import MPI
import Support
import Tensors

/// The rows of a training set on which this rank works, and the arrays that live with them.
///
/// Rows belong to lanes, lanes to ranks. Work on all rows goes block by block. Blocks never cross
/// lanes, so a row is always computed in a batch of the same shape. Sums are added lane by lane.
/// Therefore results do not depend on the number of ranks.
public final class TrainingRows {
  /// The training images X, with the static noise of the settings; rows by global index.
  public let images: ImageSet
  /// The same rows without noise, if they are available.
  public let clean: ImageSet?
  /// The ranks that train together.
  public let world: Communicator
  /// The lanes of the training set.
  public let lanes: Lanes
  /// Lanes of this rank, and their rows.
  public let localLanes: Range<Int>, localRows: Range<Int>
  /// The arrays that live with the rows of this rank; nil where the loop keeps none.
  public let state: RowState?
  /// Key of all draws.
  public let seed: UInt64
  private let isExact: Bool
  /// Draws the targets of a step anew, if each step draws them.
  let redraw: Corruption?
  /// Whether `images` have static noise that other rows of the set do not have.
  let hasStaticNoise: Bool

  /// The rows in use, with their noise.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - common: resolved, so that lanes and rows are set.
  ///   - images: the training set; static noise is applied here.
  ///   - arrays: the arrays that live with the rows.
  /// - Throws: `ConfigurationError` for more ranks than lanes; errors of the data set and of MPI.
  public init(
    _ common: CommonSettings, images: ImageSet, arrays: [RowArray], on world: Communicator
  ) throws {
    try common.lanes.check(ranks: world.size)
    let data = common.data
    self.world = world
    seed = common.lanes.seed
    isExact = common.lanes.exact
    let limited = try images.limited(to: data.modelRows ?? images.count)
    lanes = Lanes(count: common.lanes.count, rows: limited.count)
    localLanes = lanes.lanes(of: world.rank, of: world.size)
    localRows = lanes.rows(of: world.rank, of: world.size)
    let noise = try Self.prepared(data.staticNoise, for: limited, lanes: lanes, on: world)
    hasStaticNoise = !noise.isNone
    var used =
      noise.isNone
      ? limited : limited.corrupted(by: noise, seed: common.lanes.seed, rows: localRows)
    if data.binarize == .once { used = used.binarized(seed: common.lanes.seed, rows: localRows) }
    redraw = data.binarize == .eachStep ? .binarize : nil
    self.images = used
    clean = used.clean
    state =
      arrays.isEmpty
      ? nil : RowState(rows: localRows, dimensions: images.shape.count, arrays: arrays)
  }

  /// Rows of the training set, over all ranks.
  public var count: Int { lanes.rowCount }

  /// Pixels of an image.
  public var dimensions: Int { images.shape.count }

  /// The number of rows in a block.
  public var blockRows: Int { images.shape.blockRows }

  /// The shape of an image, [H, W, C].
  var shape: [Int] { [images.shape.height, images.shape.width, images.shape.channels] }

  /// The row state, if it holds the sparse part of X = L + S; otherwise nil.
  public var sparse: RowState? { state?.arrays.hasSparsePart == true ? state : nil }

  // MARK: - Blocks of rows

  /// Calls `body` with each lane of this rank and each block of its rows, in order.
  public func forEachBlock(_ body: (_ lane: Int, _ rows: Range<Int>) throws -> Void) rethrows {
    for lane in localLanes {
      let rows = lanes.rows(of: lane)
      var first = rows.lowerBound
      while first < rows.upperBound {
        let last = min(first + blockRows, rows.upperBound)
        Activity.begin("a pass over all rows", lane: lane)
        try body(lane, first..<last)
        first = last
      }
    }
  }

  /// Adds sums of lanes, [lanes, width], of all ranks in lane order.
  ///
  /// **Collective.**
  public func totals(_ perLane: [Double], width: Int) throws -> [Double] {
    var all = perLane
    try world.allReduce(&all, .sum)
    var sums = Array(repeating: 0.0, count: width)
    for i in all.indices { sums[i % width] += all[i] }
    return sums
  }

  /// The most numbers that sums of all lanes may have: 2 GiB.
  private static let largestSum = 1 << 28

  /// The sums over all ranks to which `body` adds for each block of rows.
  ///
  /// **Collective.** In exact mode they are kept lane by lane and do not depend on the number of
  /// ranks.
  ///
  /// - Throws: `ConfigurationError` for more lanes than there is room for; errors of `body`, of
  ///   MPI.
  public func sum(
    _ count: Int, _ body: (Range<Int>, UnsafeMutablePointer<Double>) throws -> Void
  ) throws -> [Double] {
    let parts = isExact ? lanes.count : 1
    let most = max(1, Self.largestSum / max(1, count))
    guard parts <= most else {
      throw ConfigurationError(
        key: "lanes", found: "\(parts) with exact=true",
        expected: "at most \(most), as each lane has \(Quantity.grouped(count)) sums of its own")
    }
    var sums = [Double](repeating: 0, count: parts * count)
    try sums.withUnsafeMutableBufferPointer { buffer in
      guard let first = buffer.baseAddress else { return }
      try forEachBlock { lane, rows in
        try body(rows, first + (parts > 1 ? lane * count : 0))
      }
    }
    return try totals(sums, width: count)
  }

  /// Pixels X of consecutive rows of this rank, [rows.count, D].
  public func pixels(_ rows: Range<Int>) -> [Double] {
    let count = rows.count * dimensions
    let floats = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let start = buffer.baseAddress { images.gather(rows, into: start) }
      initialized = count
    }
    return floats.map { Double($0) }
  }

  // MARK: - Facts about the whole set

  /// The mean of all rows, [D], in double precision; lanes are added in their order, for any number
  /// of ranks.
  ///
  /// **Collective.**
  private static func meanImage(
    of images: ImageSet, lanes: Lanes, on world: Communicator
  ) throws -> [Float] {
    let d = images.shape.count
    var perLane = Array(repeating: 0.0, count: lanes.count * d)
    for lane in lanes.lanes(of: world.rank, of: world.size) {
      let sums = images.columnSums(of: lanes.rows(of: lane))
      for j in 0..<d { perLane[lane * d + j] = sums[j] }
    }
    try world.allReduce(&perLane, .sum)
    return (0..<d).map { j in
      let sum = stride(from: j, to: perLane.count, by: d).reduce(0.0) { $0 + perLane[$1] }
      return Float(sum / Double(lanes.rowCount))
    }
  }

  private static func prepared(
    _ noise: Corruption, for images: ImageSet, lanes: Lanes, on world: Communicator
  ) throws -> Corruption {
    guard noise.needsMeanImage else { return noise }
    return noise.knowing(meanImage: try meanImage(of: images, lanes: lanes, on: world))
  }

  /// The mean of all rows, [D].
  ///
  /// **Collective.**
  public func meanImage() throws -> [Float] {
    try Self.meanImage(of: images, lanes: lanes, on: world)
  }

  /// A corruption with the facts about the images that it needs.
  ///
  /// **Collective.**
  func prepared(_ noise: Corruption) throws -> Corruption {
    try Self.prepared(noise, for: images, lanes: lanes, on: world)
  }
}

extension Corruption {
  /// The function with which a step draws fresh noise on images of a shape; nil for no noise.
  public func corrupter(of shape: ImageShape) -> Step.Corrupter? {
    isNone ? nil : { apply(to: $0, shape: shape, row: $2, draws: $3) }
  }
}
