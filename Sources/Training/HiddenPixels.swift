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
public final class HiddenPixels: BlindMeasure {
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

  private let split: WholeSplit
  private let draws: Draws
  private let compare: Measure

  /// A judge of a model of rows of a shape.
  ///
  /// - Parameters:
  ///   - source: the images of which rows are patches, which are then judged; nil to judge rows.
  ///   - rule: how S comes from X - L.
  ///   - threshold: its threshold; 0 for a model without a sparse part.
  ///   - rounds: the largest number of rounds of the split.
  ///   - seed: of the choice of the hidden pixels.
  public init(
    of model: any Encoding, shape: ImageShape, patchesOf source: PatchSource? = nil,
    rule: ShrinkageRule = .soft, threshold: Float, rounds: Int = FrozenSplit.usualRounds,
    measure: Measure = .huber, seed: UInt64
  ) {
    compare = measure
    split = WholeSplit(
      FrozenSplit(
        by: model, dimensions: shape.count,
        shrinkage: Shrinkage(
          rule, threshold: threshold > 0 ? threshold : .infinity, shape: shape),
        rounds: rounds, seed: seed), of: shape, patchesOf: source)
    draws = Draws(seed: seed, purpose: .hidden, time: 0)
  }

  /// Consecutive images in blocks that are measured together.
  public func blocks(_ images: Range<Int>) -> [Range<Int>] { split.blocks(images) }

  /// Hides pixels of the images, lets the model fill them in, and compares X and L there.
  ///
  /// `BlindSums.median` is of the median of the neighbours that are seen.
  public func measure(_ images: Range<Int>, _ x: [Float]) -> [BlindSums] {
    var (filled, hidden) = (x, [UInt8](repeating: 0, count: x.count))
    var (first, owner) = (0, [Int](repeating: 0, count: x.count))
    for (i, image) in images.enumerated() {
      let shape = split.shape(of: image)
      x.withUnsafeBufferPointer { x in
        filled.withUnsafeMutableBufferPointer { filled in
          hidden.withUnsafeMutableBufferPointer { hidden in
            guard let x = x.baseAddress, let filled = filled.baseAddress,
              let hidden = hidden.baseAddress
            else { return }
            Self.choose(image, shape, draws, hidden + first)
            Self.fill(x + first, hidden + first, shape, into: filled + first)
          }
        }
      }
      for j in first..<first + shape.count { owner[j] = i }
      first += shape.count
    }
    let l = split.l(images, filled, hidden: hidden)
    var sums = [BlindSums](repeating: BlindSums(), count: images.count)
    for j in hidden.indices where hidden[j] != 0 {
      sums[owner[j]].count += 1
      sums[owner[j]].model += compare(x[j], l[j])
      sums[owner[j]].median += compare(x[j], filled[j])
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
