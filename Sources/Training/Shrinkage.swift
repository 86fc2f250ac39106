import CKernels

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

  /// What S takes of a pixel whose X - L is larger than the threshold.
  public var words: String {
    switch self {
    case .soft: "S takes what exceeds it"
    case .group: "by the norm over its channels, S takes what exceeds it"
    case .firm: "in some channel, S takes a part of it, and all of it beyond twice the threshold"
    }
  }
}

/// A rule with its threshold, for images of some channels.
public struct Shrinkage: Sendable {
  /// The rule.
  public let rule: ShrinkageRule
  /// t; infinity leaves nothing, 0 everything.
  public let threshold: Float
  /// Values of a pixel, which lie one beside another.
  public let channels: Int

  /// A rule with its threshold.
  public init(_ rule: ShrinkageRule, threshold: Float, channels: Int) {
    self.rule = rule
    self.threshold = threshold
    self.channels = channels
  }

  /// Shrinks `count` values of whole pixels; `result` may be `values`.
  public func apply(
    _ values: UnsafePointer<Float>, to result: UnsafeMutablePointer<Float>, count: Int
  ) {
    if rule == .soft {
      ck_soft_threshold(values, result, threshold, count)
    } else {
      ck_shrink_pixels(
        values, result, count / channels, Int32(channels), threshold, rule == .firm ? 1 : 0)
    }
  }

  /// Repairs an image: x where it is near l, l where they differ by more than 2 t, blended between.
  ///
  /// It is x - S for S by the rule `firm`, whichever rule splits the images.
  ///
  /// - Parameters:
  ///   - x: values of whole pixels.
  ///   - l: the clean part, as many.
  public func repair(_ x: [Float], _ l: [Float]) -> [Float] {
    var s = zip(x, l).map { $0 - $1 }
    let deviations = s
    Shrinkage(.firm, threshold: threshold, channels: channels)
      .apply(deviations, to: &s, count: s.count)
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
    if rule == .soft {
      ck_project_sparse(x, l, s, r, count, threshold, sums)
    } else {
      ck_project_pixels(
        x, l, s, r, count / channels, Int32(channels), threshold, rule == .firm ? 1 : 0, sums)
    }
  }
}
