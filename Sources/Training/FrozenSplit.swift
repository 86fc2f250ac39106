import CKernels
import Layers
import Tensors

/// Splits images X = L + S that a robust model was not trained on, with frozen weights.
///
/// It repeats L = D(E(X - S)), S = shrink(X - L, t) from S = 0, as the outer loop does with the rows
/// it trains on, by mean codes. An image rests when a round moves its L by less than the tolerance;
/// later rounds leave it out. Shapes: B images, D pixels.
public final class FrozenSplit {
  /// The largest number of rounds by default; most images rest before (docs/results.md, New images).
  public static let usualRounds = 50
  /// How far L of an image that rests may have moved: root mean square over its pixels.
  public static let usualTolerance: Float = 1e-3

  /// How S comes from X - L; an infinite threshold leaves S empty.
  public let shrinkage: Shrinkage
  /// The largest number of rounds.
  public let rounds: Int
  /// How far an image that rests may have moved.
  private let tolerance: Float
  private let model: any Encoding
  private let dimensions: Int
  private let step: Step
  private var moving: [Int] = []  // images of the batch that do not rest yet
  private var batch: [Int32] = []

  /// A split by a model of images of `dimensions` pixels.
  public init(
    by model: any Encoding, dimensions: Int, shrinkage: Shrinkage, rounds: Int = usualRounds,
    tolerance: Float = usualTolerance, seed: UInt64
  ) {
    precondition(rounds > 0, "\(rounds) rounds")
    self.model = model
    self.dimensions = dimensions
    self.shrinkage = shrinkage
    self.rounds = rounds
    self.tolerance = tolerance
    step = Step(seed: seed)
  }

  /// Splits a batch; the result is a function of the weights and the batch alone.
  ///
  /// - Parameters:
  ///   - rows: the rows of the images.
  ///   - x: pixels, [B, D].
  ///   - hidden: 1 for pixels that do not count, [B, D]; nil for none. The model sees L of the round
  ///     before in their place, in the first round what `x` has there; they have no S.
  ///   - l: gets L, [B, D], in [0, 1].
  ///   - s: gets S, [B, D].
  public func run(
    _ rows: Range<Int>, _ x: UnsafePointer<Float>, hidden: UnsafePointer<UInt8>? = nil,
    l: UnsafeMutablePointer<Float>, s: UnsafeMutablePointer<Float>
  ) {
    let d = dimensions
    let limit = Double(tolerance) * Double(tolerance) * Double(d)
    moving = Array(0..<rows.count)
    ck_copy(l, x, rows.count * d)
    s.update(repeating: 0, count: rows.count * d)
    for round in 0..<rounds where !moving.isEmpty {
      batch.removeAll(keepingCapacity: true)
      batch.append(contentsOf: moving.lazy.map { Int32(rows.lowerBound + $0) })
      batch.withUnsafeBufferPointer {
        step.begin(rows: $0, dimensions: d, purpose: .evaluation, time: 0) { target in
          for (place, image) in moving.enumerated() {
            let (input, at) = (target + place * d, image * d)
            ck_copy(input, x + at, d)
            ck_axpy(input, s + at, -1, d)
            guard let hidden else { continue }
            for j in 0..<d where hidden[at + j] != 0 { input[j] = l[at + j] }
          }
        }
      }
      let output = model.reconstruct(step.target, step, sampling: false).pointer
      var still: [Int] = []
      for (place, image) in moving.enumerated() {
        let (new, at) = (output + place * d, image * d)
        ck_copy(s + at, l + at, d)
        ck_axpy(s + at, new, -1, d)
        if round == 0 || ck_sum_squares(s + at, d) > limit { still.append(image) }
        ck_copy(l + at, new, d)
        ck_copy(s + at, x + at, d)
        ck_axpy(s + at, new, -1, d)
        shrinkage.apply(s + at, to: s + at, count: d)
        guard let hidden else { continue }
        for j in 0..<d where hidden[at + j] != 0 { s[at + j] = 0 }
      }
      moving = still
    }
  }
}
