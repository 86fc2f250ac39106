import Datasets
import Tensors
import Training

/// The images that advice is made from, in memory on every rank.
struct Sample {
  /// Those trained on, then those that judge.
  let images: ImageSet
  /// How many are trained on.
  let trained: Int
  /// The middle of each image that was taken; nil for whole images.
  let middle: ImageShape?

  private static let mostTrained = 3000, mostJudged = 1000
  /// Values of all images together, at most: 256 MiB.
  private static let mostValues = 1 << 26
  /// Values of an image, at most; of larger ones, and of mixed sizes, the middle is taken.
  private static let mostWhole = 1 << 16
  /// The side of such a middle, at most.
  private static let side = 128

  /// Draws images spread over the whole set: one of each of so many equal parts of it.
  ///
  /// - Throws: `RunError.data` for fewer than 40 images.
  init(of set: ImageSet, seed: UInt64) throws {
    guard set.count >= 40 else {
      throw RunError.data(
        set.path, "found \(set.count) images, expected at least 40 to give advice about")
    }
    // The shape of a set of mixed sizes is that of the smallest sides.
    var shape = set.shape
    if set.isMixed || shape.count > Self.mostWhole {
      shape = ImageShape(
        height: min(Self.side, shape.height), width: min(Self.side, shape.width),
        channels: shape.channels)
      middle = shape
    } else {
      middle = nil
    }
    let most = max(40, Self.mostValues / shape.count)
    let judged = min(Self.mostJudged, set.count / 5, most / 4)
    trained = min(Self.mostTrained, set.count - judged, most - judged)
    let count = trained + judged
    let draws = Draws(seed: seed, purpose: .hidden, time: 1)
    let chosen = (0..<count).map { i -> (row: Int, word: UInt32) in
      let first = i * set.count / count
      let length = (i + 1) * set.count / count - first
      return (
        first + draws.integer(below: length, row: i, element: 0), draws.word(row: i, element: 1)
      )
    }
    var values: [Float] = []
    values.reserveCapacity(count * shape.count)
    for (row, _) in chosen.sorted(by: { ($0.word, $0.row) < ($1.word, $1.row) }) {
      values += Self.middle(set.values(row..<row + 1), set.shape(of: row), shape)
    }
    images =
      set.isEightBit
      ? ImageSet(
        bytes: values.map { UInt8(($0 * 255).rounded()) }, shape: shape, name: set.path)
      : ImageSet(floats: values, shape: shape, name: set.path)
  }

  /// The middle of an image, [H, W, C].
  private static func middle(_ values: [Float], _ whole: ImageShape, _ part: ImageShape) -> [Float]
  {
    if whole == part { return values }
    let (top, left) = ((whole.height - part.height) / 2, (whole.width - part.width) / 2)
    return (top..<top + part.height).flatMap { y -> ArraySlice<Float> in
      let first = (y * whole.width + left) * whole.channels
      return values[first..<first + part.width * whole.channels]
    }
  }
}
