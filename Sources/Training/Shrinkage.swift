import CKernels
import Datasets

/// How the sparse part is made from X - L.
public enum ShrinkageRule: String, CaseIterable, Sendable {
  /// Each value by itself: sign(v) max(|v| - t, 0), the proximal step of the l1 norm.
  case soft
  /// The channels of a pixel together, towards 0 by t in their Euclidean norm: the proximal step of
  /// the l2,1 norm (Yuan & Lin, JRSS B 2006, for groups).
  case group
  /// The channels of a pixel together, by the largest of them: nothing up to t, all of it above 2 t,
  /// and linear between (Gao & Bruce, Statistica Sinica 1997, for groups).
  case firm
  /// All values of an image together, towards 0 by t in their Euclidean norm: images that do not
  /// belong to the others get an S (Zhou & Paffenroth, KDD 2017: the l2,1 norm).
  case row
  /// The values at one place of all images together, by their norm: places that are spoilt in all
  /// images get an S. It is that of the rows trained on; other images have none.
  case column

  /// Where S is not 0, and what it takes there, to follow a threshold.
  public var words: String {
    switch self {
    case .soft: "of 0…1; where |X - L| of a pixel is larger, S takes what exceeds it"
    case .group:
      "of 0…1; where |X - L| of a pixel is larger, by the norm over its channels, S takes what "
        + "exceeds it"
    case .firm:
      "of 0…1; where |X - L| of a pixel is larger in some channel, S takes a part of it, and all of "
        + "it beyond twice the threshold"
    case .row:
      "for the norm of X - L over all values of an image; S takes what exceeds it, of all of them "
        + "alike"
    case .column:
      "for the norm of X - L over all images at one place; S takes what exceeds it there, of all "
        + "images alike"
    }
  }

  /// Whether the values of several pixels decide together.
  public var isOfWholeImages: Bool { self == .row || self == .column }
}

/// A rule with its threshold, for images of one shape.
public struct Shrinkage: Sendable {
  /// The rule.
  public let rule: ShrinkageRule
  /// t; infinity leaves nothing, 0 everything.
  public let threshold: Float
  /// The images; of rules by pixels their channels alone count.
  public let shape: ImageShape
  /// What S keeps of each place, [D], with the rule `column`; empty, and S is 0, where the images
  /// are not those trained on.
  public var shares: [Float] = []

  /// A rule with its threshold.
  public init(_ rule: ShrinkageRule, threshold: Float, shape: ImageShape) {
    self.rule = rule
    self.threshold = threshold
    self.shape = shape
  }

  /// A rule by pixels with its threshold, for images of any sides.
  ///
  /// Traps for a rule of whole images.
  public init(_ rule: ShrinkageRule, threshold: Float, channels: Int) {
    precondition(!rule.isOfWholeImages, "\(rule) needs the shape of the images")
    self.init(
      rule, threshold: threshold, shape: ImageShape(height: 1, width: 1, channels: channels))
  }

  /// What is left of values whose norm is `norm`: 1 - t / norm, or 0 up to t.
  public func share(ofNorm norm: Double) -> Float {
    norm > Double(threshold) ? Float(1 - Double(threshold) / norm) : 0
  }

  /// Shrinks `count` values of whole pixels, or of whole images where `rule.isOfWholeImages`;
  /// `result` may be `values`.
  public func apply(
    _ values: UnsafePointer<Float>, to result: UnsafeMutablePointer<Float>, count: Int
  ) {
    switch rule {
    case .soft: ck_soft_threshold(values, result, threshold, count)
    case .group, .firm:
      ck_shrink_pixels(
        values, result, count / shape.channels, Int32(shape.channels), threshold,
        rule == .firm ? 1 : 0)
    case .row:
      for first in stride(from: 0, to: count, by: shape.count) {
        let kept = share(ofNorm: ck_sum_squares(values + first, shape.count).squareRoot())
        for i in first..<first + shape.count { result[i] = kept == 0 ? 0 : values[i] * kept }
      }
    case .column:
      for i in 0..<count { result[i] = shares.isEmpty ? 0 : values[i] * shares[i % shape.count] }
    }
  }

  /// Repairs an image: x where it is near l, l where they differ by more than 2 t, blended between.
  ///
  /// It is x - S for S by the rule `firm`, whichever rule splits the images by pixels. By the rule
  /// `row` an image is x or l, by its norm; by `column` it is l.
  ///
  /// - Parameters:
  ///   - x: values of whole pixels.
  ///   - l: the clean part, as many.
  public func repair(_ x: [Float], _ l: [Float]) -> [Float] {
    var s = zip(x, l).map { $0 - $1 }
    switch rule {
    case .column: return l
    case .row:
      for first in stride(from: 0, to: s.count, by: shape.count) {
        let image = first..<first + shape.count
        let norm = image.reduce(0.0) { $0 + Double(s[$1]) * Double(s[$1]) }.squareRoot()
        let t = Double(threshold)
        let share = norm > t ? Float(min(1, (norm - t) / t)) : 0
        for i in image { s[i] *= share }
      }
    case .soft, .group, .firm:
      let deviations = s
      Shrinkage(.firm, threshold: threshold, shape: shape)
        .apply(deviations, to: &s, count: s.count)
    }
    return zip(x, s).map { $0 - $1 }
  }

  /// Splits x - l into s and r = x - l - s.
  ///
  /// - Parameters:
  ///   - r: at entry the previous rest.
  ///   - sums: gets |r|² added, |r - previous r|² and the number of values of s that are not 0.
  public func project(
    _ x: UnsafePointer<Float>, _ l: UnsafePointer<Float>, s: UnsafeMutablePointer<Float>,
    r: UnsafeMutablePointer<Float>, count: Int, sums: UnsafeMutablePointer<Double>
  ) {
    switch rule {
    case .soft: ck_project_sparse(x, l, s, r, count, threshold, sums)
    case .group, .firm:
      ck_project_pixels(
        x, l, s, r, count / shape.channels, Int32(shape.channels), threshold,
        rule == .firm ? 1 : 0, sums)
    case .row, .column:
      for first in stride(from: 0, to: count, by: shape.count) {
        projectImage(x + first, l + first, s: s + first, r: r + first, sums: sums)
      }
    }
  }

  /// `project` for one image, by a rule of whole images.
  private func projectImage(
    _ x: UnsafePointer<Float>, _ l: UnsafePointer<Float>, s: UnsafeMutablePointer<Float>,
    r: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Double>
  ) {
    let count = shape.count
    ck_copy(s, x, count)
    ck_axpy(s, l, -1, count)
    var (residual, change, nonzeros) = (0.0, 0.0, 0)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { deviation in
      guard let v = deviation.baseAddress else { return }
      ck_copy(v, s, count)
      apply(v, to: s, count: count)
      for i in 0..<count {
        let rest = v[i] - s[i]
        let moved = Double(rest) - Double(r[i])
        r[i] = rest
        residual += Double(rest) * Double(rest)
        change += moved * moved
        if s[i] != 0 { nonzeros += 1 }
      }
    }
    sums[0] += residual
    sums[1] += change
    sums[2] += Double(nonzeros)
  }
}
