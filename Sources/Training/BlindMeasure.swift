import Datasets
import MPI
import Support

/// A measure of a model that looks at no clean images.
public protocol BlindMeasure: AnyObject {
  /// Consecutive whole images in blocks that are measured together, for any number of ranks.
  func blocks(_ images: Range<Int>) -> [Range<Int>]

  /// Measures consecutive whole images; one result an image.
  ///
  /// The result is a function of the weights, the numbers of the images and their values alone.
  ///
  /// - Parameters:
  ///   - images: their numbers, which choose what is hidden or planted.
  ///   - x: their values, one image after another, [H, W, C] each.
  func measure(_ images: Range<Int>, _ x: [Float]) -> [BlindSums]
}

/// The sums over the judged values of some images.
public struct BlindSums: Equatable, Sendable {
  /// Judged values.
  public var count = 0.0
  /// The sum of the model's measure there.
  public var model = 0.0
  /// The sum of the measure of a median, which knows no model.
  public var median = 0.0

  /// No values.
  public init() {}

  /// The sums from an array as `values` gives it.
  public init(_ values: ArraySlice<Double>) {
    precondition(values.count == Self.width, "\(values.count) values for \(Self.width) sums")
    let first = values.startIndex
    (count, model, median) = (values[first], values[first + 1], values[first + 2])
  }

  /// Numbers of an array of sums.
  public static let width = 3
  /// The sums in a fixed order.
  public var values: [Double] { [count, model, median] }
  /// The criterion: the mean of the measure over the judged values; lower is better.
  public var error: Double { count > 0 ? model / count : .nan }
  /// The same of the median.
  public var medianError: Double { count > 0 ? median / count : .nan }

  /// Adds sums of other images.
  public static func += (left: inout BlindSums, right: BlindSums) {
    left.count += right.count
    left.model += right.model
    left.median += right.median
  }
}

extension BlindMeasure {
  /// The sums of each image, in their order.
  ///
  /// **Collective.** The same bit for bit on any number of ranks.
  ///
  /// - Parameters:
  ///   - range: consecutive whole images.
  ///   - images: the set of whole images.
  public func measure(
    _ range: Range<Int>, of images: ImageSet, on world: Communicator
  ) throws -> [BlindSums] {
    try measure(blocks(range), of: images, on: world) { $0 % world.size == world.rank }
  }

  /// The sums of each image of some blocks, in their order; a rank measures whole blocks.
  ///
  /// **Collective.** The same bit for bit on any number of ranks.
  ///
  /// - Parameter isOwn: whether this rank measures a block, by its index.
  func measure(
    _ blocks: [Range<Int>], of images: ImageSet, on world: Communicator, isOwn: (Int) -> Bool
  ) throws -> [BlindSums] {
    let width = BlindSums.width
    var values = [Double](repeating: 0, count: blocks.reduce(0) { $0 + $1.count } * width)
    var first = 0
    for (index, rows) in blocks.enumerated() {
      defer { first += rows.count * width }
      guard isOwn(index) else { continue }
      Activity.advance()
      let found = measure(rows, images.values(rows)).flatMap(\.values)
      values.replaceSubrange(first..<first + found.count, with: found)
    }
    try world.allReduce(&values, .sum)
    return stride(from: 0, to: values.count, by: width).map { BlindSums(values[$0..<$0 + width]) }
  }
}

extension Sequence<BlindSums> {
  /// The sums over all images.
  public var total: BlindSums { reduce(into: BlindSums()) { $0 += $1 } }
}
