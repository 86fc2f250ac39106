import CKernels
import Datasets
import Images
import Layers
import Tensors

/// Judges how well a model tells images from their noise, without clean images (docs/systems.md,
/// 8.13).
///
/// A share of the pixels of each image is hidden, all channels of a pixel together. The model fills
/// them in by the L of the split that frozen weights make, and L is compared with the X that was
/// there. The model has not seen the noise of a hidden pixel, so it cannot copy it.
///
/// The measure is Huber's: e² / 2 of an error e = |X - L| up to 0.2, linear beyond. Small errors,
/// which are the model's, count as in the squared error to clean images; large ones, which are
/// mostly noise, cannot rule, as they would in a squared error that is biased towards grey. Where it
/// is known what noise makes of a value in the mean, the squared error can be corrected instead.
/// Shapes: B images, D values.
public final class HiddenPixels {
  /// How X and L are compared at a hidden value.
  public enum Measure: Equatable, Sendable {
    /// Huber's, for noise that is not known.
    case huber
    /// The square of (X - offset) / gain - L, for noise that makes offset + gain C of a clean value
    /// C in the mean: then its mean is that of (C - L)², but for a part that is no model's.
    case corrected(offset: Float, gain: Float)

    /// The measure of one value.
    func callAsFunction(_ x: Float, _ l: Float) -> Double {
      switch self {
      case .huber:
        let e = abs(x - l)
        let bend = HiddenPixels.bend
        return Double(e < bend ? e * e / 2 : bend * (e - bend / 2))
      case .corrected(let offset, let gain):
        let e = (x - offset) / gain - l
        return Double(e * e)
      }
    }
  }

  /// The error from which Huber's measure is linear.
  public static let bend: Float = 0.2
  /// The share of the pixels that is hidden.
  public static let share = 0.15
  /// The name of the criterion in histories and logs.
  public static let name = "hidden"

  /// The sums over the hidden values of some images.
  public struct Sums: Equatable, Sendable {
    /// Hidden values.
    public var count = 0.0
    /// The sum of the measure of X - L there.
    public var model = 0.0
    /// The sum of the measure of X - M there; M is the median of the neighbours that are seen.
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
    /// The criterion: the mean of the measure of X - L over the hidden values; lower is better.
    public var error: Double { count > 0 ? model / count : .nan }
    /// The same of the median of the seen neighbours, which knows no model.
    public var medianError: Double { count > 0 ? median / count : .nan }

    /// Adds sums of other images.
    public static func += (left: inout Sums, right: Sums) {
      left.count += right.count
      left.model += right.model
      left.median += right.median
    }
  }

  private let shape: ImageShape
  private let split: FrozenSplit
  private let draws: Draws
  private let compare: Measure
  private var pixels: [Float] = []
  private var l: [Float] = []
  private var s: [Float] = []
  private var hidden: [UInt8] = []

  /// A judge of a model of images of a shape.
  ///
  /// - Parameters:
  ///   - rule: how S comes from X - L.
  ///   - threshold: its threshold; 0 for a model without a sparse part.
  ///   - rounds: the largest number of rounds of the split.
  ///   - seed: of the choice of the hidden pixels.
  public init(
    of model: any Encoding, shape: ImageShape, rule: ShrinkageRule = .soft, threshold: Float,
    rounds: Int = FrozenSplit.usualRounds, measure: Measure = .huber, seed: UInt64
  ) {
    self.shape = shape
    compare = measure
    split = FrozenSplit(
      by: model, dimensions: shape.count,
      shrinkage: Shrinkage(
        rule, threshold: threshold > 0 ? threshold : .infinity, channels: shape.channels),
      rounds: rounds, seed: seed)
    draws = Draws(seed: seed, purpose: .hidden, time: 0)
  }

  /// Hides pixels of the images, lets the model fill them in, and compares; one result an image.
  ///
  /// The result is a function of the weights, the rows and their pixels alone.
  ///
  /// - Parameters:
  ///   - rows: the rows of the images, which choose the hidden pixels.
  ///   - x: their values, [B, D].
  public func measure(_ rows: Range<Int>, _ x: UnsafePointer<Float>) -> [Sums] {
    let d = shape.count
    let count = rows.count * d
    if pixels.count != count {
      pixels = Array(repeating: 0, count: count)
      l = pixels
      s = pixels
      hidden = Array(repeating: 0, count: count)
    }
    var sums = Array(repeating: Sums(), count: rows.count)
    pixels.withUnsafeMutableBufferPointer { pixels in
      hidden.withUnsafeMutableBufferPointer { hidden in
        guard let start = pixels.baseAddress, let mask = hidden.baseAddress else { return }
        ck_copy(start, x, count)
        for (i, row) in rows.enumerated() {
          let at = i * d
          Self.choose(row, shape, draws, mask + at)
          Self.fill(x + at, mask + at, shape, into: start + at)
          for j in at..<at + d where mask[j] != 0 {
            sums[i].count += 1
            sums[i].median += compare(x[j], start[j])
          }
        }
        split.run(rows, start, hidden: mask, l: &l, s: &s)
        for j in 0..<count where mask[j] != 0 {
          sums[j / d].model += compare(x[j], l[j])
        }
      }
    }
    return sums
  }

  /// Marks the hidden values of one image, [D], by 1, others by 0.
  static func choose(
    _ row: Int, _ shape: ImageShape, _ draws: Draws, _ hidden: UnsafeMutablePointer<UInt8>
  ) {
    let (positions, channels) = (shape.height * shape.width, shape.channels)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: positions) { uniform in
      guard let first = uniform.baseAddress else { return }
      draws.uniform(row: row, into: first, count: positions)
      for i in 0..<positions {
        for channel in 0..<channels {
          hidden[i * channels + channel] = uniform[i] < Float(share) ? 1 : 0
        }
      }
    }
  }

  /// Replaces the hidden values of an image by the median of the seen values around them, in the
  /// smallest square, of 3 to 9 pixels a side, that has any; by 0.5 where there is none.
  static func fill(
    _ x: UnsafePointer<Float>, _ hidden: UnsafePointer<UInt8>, _ shape: ImageShape,
    into result: UnsafeMutablePointer<Float>
  ) {
    let (height, width, channels) = (shape.height, shape.width, shape.channels)
    var seen: [Float] = []
    for row in 0..<height {
      for column in 0..<width {
        for channel in 0..<channels {
          let place = (row * width + column) * channels + channel
          if hidden[place] == 0 { continue }
          result[place] = 0.5
          for reach in 1...4 {
            seen.removeAll(keepingCapacity: true)
            for y in max(0, row - reach)...min(height - 1, row + reach) {
              for x1 in max(0, column - reach)...min(width - 1, column + reach) {
                let other = (y * width + x1) * channels + channel
                if hidden[other] == 0 { seen.append(x[other]) }
              }
            }
            if seen.isEmpty { continue }
            seen.sort()
            result[place] = (seen[(seen.count - 1) / 2] + seen[seen.count / 2]) / 2
            break
          }
        }
      }
    }
  }
}
