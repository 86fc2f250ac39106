/// What noise some images seem to have, found from the images alone.
///
/// It looks at flat windows: squares of 7 x 7 values of one channel, most of which lie close
/// together. Their core is what a clean image would have there; values far from it are noise, or
/// structure. Structure sits in some windows, independent noise in all of them: so the rate is
/// taken from the windows with few such values. Noise that depends on neighbours is seen only as
/// blocks of 0.
public struct NoiseEstimate: Equatable, Sendable {
  /// The kind of noise.
  public enum Kind: String, Equatable, Sendable {
    /// None was found.
    case none
    /// Isolated values are far from their neighbours: dark ones became 1, bright ones 0.
    case flips
    /// Isolated values became 0 or 1, whatever they were.
    case impulses
    /// Isolated values became 0.
    case zeros
    /// Isolated values became any value.
    case uniform
    /// Every value has moved a little.
    case gaussian
    /// All values are 0 or 1; whether that is noise cannot be told.
    case binary
  }

  /// What the values show before anything is concluded.
  public struct Facts: Equatable, Sendable {
    /// Images and values that were looked at.
    public var images = 0, values = 0
    /// Shares of values that are exactly 0, exactly 1, and beyond 0...1.
    public var zeros = 0.0, ones = 0.0, beyond = 0.0
    /// The smallest and the largest mean of a pixel over the images.
    public var lowestMean = 0.0, highestMean = 0.0
    /// The share of windows that are flat.
    public var flat = 0.0
    /// Values far from the core of their flat window, as shares of all: together, those that are 0,
    /// those that are 1 and those that lie between.
    public var isolated = 0.0, isolatedZeros = 0.0, isolatedOnes = 0.0, isolatedBetween = 0.0
    /// The standard deviation of what differs from pixel to pixel, by the median of a second
    /// difference.
    public var roughness = 0.0
    /// The share of images with a square of 5 x 5 pixels of 0; nil where 0 is the background.
    public var blocks: Double?
  }

  /// The kind of the noise of single values.
  public let kind: Kind
  /// The share of values that were replaced or, of Gaussian noise, its standard deviation.
  public let level: Double
  /// Whether Gaussian noise was clipped to 0...1.
  public let isClipped: Bool
  /// Whether all channels of a pixel were replaced together.
  public let isWholePixel: Bool
  /// The share of images with a dark block; nil where such blocks cannot be seen.
  public let blocks: Double?
  /// What was looked at.
  public let facts: Facts
  /// What cannot be told from these images, a line each.
  public let doubts: [String]

  /// The nearest corruption of the catalogue, as `--noise` takes it; nil where none is near.
  public var spec: String? {
    func rounded(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
    switch kind {
    case .flips: return "salt-pepper:\(rounded(level))"
    case .impulses:
      let odds = facts.isolatedZeros / max(1e-9, facts.isolatedZeros + facts.isolatedOnes)
      guard (0.4...0.6).contains(odds) else { return nil }
      return "salt-pepper-random\(isWholePixel ? "-pixel" : ""):\(rounded(level))"
    case .zeros: return "zero-mask:\(rounded(level))"
    case .uniform: return "uniform:\(rounded(level))"
    case .gaussian: return "gaussian\(isClipped ? "-clip" : ""):\(rounded(level))"
    case .binary: return nil
    case .none: return blocks.map { $0 > 0 ? "circle:\(rounded($0))" : "none" } ?? "none"
    }
  }

  /// The level, if this kind was found.
  func level(of kind: Kind) -> Double? { self.kind == kind ? level : nil }

  /// What noise makes of a clean value c in the mean, offset + gain c; nil where it is no such
  /// line, or not known.
  ///
  /// For flips it is exact where clean values are 0 or 1.
  public var expectation: (offset: Double, gain: Double)? {
    var (offset, gain) = (0.0, 1.0)
    switch kind {
    case .flips: (offset, gain) = (level, 1 - 2 * level)
    case .impulses: (offset, gain) = (facts.isolatedOnes, 1 - level)
    case .zeros: gain = 1 - level
    case .uniform: (offset, gain) = (level / 2, 1 - level)
    case .gaussian: if isClipped { return nil }
    case .none, .binary: return nil
    }
    return gain > 0.1 ? (offset: offset, gain: gain) : nil
  }

  /// Fewer values than this share are not called noise.
  private static let least = 0.02
  /// A smaller deviation is not called Gaussian noise.
  private static let leastDeviation = 0.04

  /// Looks at images.
  ///
  /// - Parameters:
  ///   - values: [N, H, W, C]; 200 images of MNIST's size suffice.
  ///   - shape: of an image.
  public init(of values: [Float], shape: ImageShape) {
    precondition(values.count % shape.count == 0, "\(values.count) values of \(shape)")
    var facts = Facts()
    facts.images = values.count / shape.count
    facts.values = values.count
    Self.addShares(of: values, shape, to: &facts)
    let windows = FlatWindows(values, shape)
    facts.flat = windows.flatShare
    facts.roughness = Self.roughness(of: values, shape)
    let isBinary = facts.zeros + facts.ones > 1 - 1e-9
    let zeroBackground = Self.medianZeroShare(of: values, shape) > 0.2
    if !zeroBackground { facts.blocks = Self.blockShare(of: values, shape) }
    let middle = windows.middle
    let found = middle.map { Self.mean($0.low, $0.high) } ?? windows.isolated()
    facts.isolated = found.rate
    facts.isolatedZeros = found.zeros
    facts.isolatedOnes = found.ones
    facts.isolatedBetween = found.between

    var doubts: [String] = []
    var (kind, level, isClipped) = (Kind.none, 0.0, false)
    // Independent noise is rough; what is smooth but steep is not noise.
    let roughness = facts.roughness
    func isRough(_ deviation: Double) -> Bool { roughness > deviation / 4 }
    let isWide = windows.deviation.map { width in
      // Isolated values leave fewer for the core, which widens it a little.
      width > Self.leastDeviation && !(found.rate > 0.05 && width < 0.08)
    }
    if isBinary {
      (kind, level) = (.binary, found.rate)
      doubts.append(
        "all values are 0 or 1: flips of binary images and draws from grey ones look alike")
    } else if facts.beyond > 1e-3 {
      (kind, level) = (.gaussian, facts.roughness)
    } else if found.rate > Self.least && found.zeros + found.ones > found.between {
      kind = Self.impulses(found, middle)
      level = found.zeros + found.ones
      if kind == .flips && middle == nil {
        doubts.append(
          "the background is dark: flips, and 0 or 1 at random at twice the rate, look alike")
      }
    } else if let deviation = windows.deviation, isWide == true, isRough(deviation) {
      (kind, level, isClipped) = (.gaussian, deviation, true)
    } else if let half = windows.halfNormal, isRough(half) {
      (kind, level, isClipped) = (.gaussian, half, true)
    } else if found.rate > Self.least {
      // A draw near the core is not far from it.
      (kind, level) = (.uniform, found.rate / max(0.1, 1 - windows.blindShare))
    }
    if kind == .gaussian && level < 0.01 { (kind, level) = (.none, 0) }
    if zeroBackground {
      doubts.append("the background is 0: blocks and specks of 0 cannot be seen on it")
    }
    let blocks = facts.blocks.map { $0 > 0.06 ? $0 : 0 }
    self.kind = kind
    self.level = level
    self.isClipped = isClipped
    self.blocks = blocks
    self.facts = facts
    self.doubts = doubts
    isWholePixel =
      shape.channels > 1 && (kind == .flips || kind == .impulses || kind == .zeros)
      && Self.wholePixelShare(of: values, shape) > 0.7
  }

  private static func mean(
    _ a: FlatWindows.Isolated, _ b: FlatWindows.Isolated
  ) -> FlatWindows.Isolated {
    FlatWindows.Isolated(
      rate: (a.rate + b.rate) / 2, zeros: (a.zeros + b.zeros) / 2, ones: (a.ones + b.ones) / 2,
      between: (a.between + b.between) / 2)
  }

  /// Whether values that became 0 or 1 were flipped, or became that whatever they were.
  ///
  /// - Parameter middle: windows that are neither dark nor bright, which alone can show it.
  private static func impulses(
    _ found: FlatWindows.Isolated,
    _ middle: (low: FlatWindows.Isolated, high: FlatWindows.Isolated)?
  ) -> Kind {
    if found.ones < 0.1 * found.zeros { return .zeros }
    guard let (low, high) = middle else { return .flips }
    return low.zeros + high.ones < 0.35 * (low.ones + high.zeros) ? .flips : .impulses
  }

  private static func addShares(of values: [Float], _ shape: ImageShape, to facts: inout Facts) {
    guard facts.images > 0 else { return }
    var means = [Double](repeating: 0, count: shape.count)
    var (zeros, ones, beyond) = (0, 0, 0)
    for (i, value) in values.enumerated() {
      if value == 0 { zeros += 1 }
      if value == 1 { ones += 1 }
      if value < 0 || value > 1 { beyond += 1 }
      means[i % shape.count] += Double(value)
    }
    let count = Double(values.count)
    (facts.zeros, facts.ones) = (Double(zeros) / count, Double(ones) / count)
    facts.beyond = Double(beyond) / count
    facts.lowestMean = (means.min() ?? 0) / Double(facts.images)
    facts.highestMean = (means.max() ?? 0) / Double(facts.images)
  }

  /// The standard deviation of independent noise: the median of |second differences| along both
  /// sides, which has 6 sigma (Immerkaer, "Fast noise variance estimation", 1996, with a median).
  private static func roughness(of values: [Float], _ shape: ImageShape) -> Double {
    let (h, w, c) = (shape.height, shape.width, shape.channels)
    guard h > 2, w > 2 else { return 0 }
    var found: [Float] = []
    let every = max(1, values.count / 300_000)
    var number = 0
    for image in 0..<values.count / shape.count {
      for y in 1..<h - 1 {
        for x in 1..<w - 1 {
          for channel in 0..<c {
            number += 1
            if number % every != 0 { continue }
            func at(_ dy: Int, _ dx: Int) -> Float {
              values[image * shape.count + ((y + dy) * w + x + dx) * c + channel]
            }
            let corners = at(-1, -1) + at(-1, 1) + at(1, -1) + at(1, 1)
            let sides = at(-1, 0) + at(1, 0) + at(0, -1) + at(0, 1)
            found.append(abs(corners - 2 * sides + 4 * at(0, 0)))
          }
        }
      }
    }
    found.sort()
    return found.isEmpty ? 0 : Double(found[found.count / 2]) / (6 * 0.6745)
  }

  /// The median over the images of the share of pixels that are 0 in all channels.
  private static func medianZeroShare(of values: [Float], _ shape: ImageShape) -> Double {
    let positions = shape.height * shape.width
    var shares = (0..<values.count / shape.count).map { image in
      (0..<positions).count { isZero(values, image * shape.count + $0 * shape.channels, shape) }
    }
    shares.sort()
    return shares.isEmpty ? 0 : Double(shares[shares.count / 2]) / Double(positions)
  }

  private static func isZero(_ values: [Float], _ first: Int, _ shape: ImageShape) -> Bool {
    for channel in 0..<shape.channels where values[first + channel] != 0 { return false }
    return true
  }

  /// The share of images that have a square of 5 x 5 pixels of 0.
  private static func blockShare(of values: [Float], _ shape: ImageShape) -> Double {
    let (h, w) = (shape.height, shape.width)
    let images = values.count / shape.count
    guard images > 0 else { return 0 }
    var hits = 0
    for image in 0..<images {
      // The side of the largest square of 0 that ends at each pixel.
      var sides = [Int](repeating: 0, count: h * w)
      var largest = 0
      for y in 0..<h {
        for x in 0..<w {
          let first = image * shape.count + (y * w + x) * shape.channels
          guard isZero(values, first, shape) else { continue }
          let at = y * w + x
          sides[at] =
            y == 0 || x == 0 ? 1 : 1 + min(sides[at - 1], sides[at - w], sides[at - w - 1])
          largest = max(largest, sides[at])
        }
      }
      if largest >= 5 { hits += 1 }
    }
    return Double(hits) / Double(images)
  }

  /// Of the pixels with a channel of 0 or 1, how many have it in all channels, roughly.
  private static func wholePixelShare(of values: [Float], _ shape: ImageShape) -> Double {
    let c = shape.channels
    var (any, all) = (0, 0)
    for first in stride(from: 0, to: values.count, by: c) {
      let extreme = (first..<first + c).count { values[$0] == 0 || values[$0] == 1 }
      if extreme > 0 { any += 1 }
      if extreme == c { all += 1 }
    }
    return any > 0 ? Double(all) / Double(any) : 0
  }
}
