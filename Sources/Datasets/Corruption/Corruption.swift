import Support
import Tensors

/// A corruption of images with its SPEC, such as `salt-pepper:0.25`.
///
/// Every array element counts as a pixel: in colour images the three channels are corrupted
/// independently, except by `salt-pepper-random-pixel`. Two corruptions are equal if their SPECs
/// are equal.
public struct Corruption: Equatable, Sendable, CustomStringConvertible {
  /// Every kind of noise, one line for each.
  static let catalogue: [any Noise.Type] = [
    NoNoise.self,
    SaltPepper.self,
    SaltPepperReplacing.self,
    SaltPepperRandom.self,
    SaltPepperRandomPixel.self,
    Gaussian.self,
    GaussianClipped.self,
    UniformReplacement.self,
    UniformExact.self,
    Disc.self,
    LargeDisc.self,
    Rectangle.self,
    Blotch.self,
    BernoulliReplacement.self,
    BernoulliBalanced.self,
    MeanImage.self,
    ZeroMask.self,
    DeadPixels.self,
    Binarized.self,
  ]

  /// The SPEC, in the form `init(parsing:)` reads: `salt-pepper:0.25`, `none`.
  public let spec: String
  let noise: any Noise

  /// A kind of the catalogue at one of its levels.
  init(_ kind: any Noise.Type, level: Double) {
    precondition(
      kind.levels?.contains(level) ?? true, "\(kind.name) at level \(level)")
    spec = kind.levels == nil ? kind.name : "\(kind.name):\(level)"
    noise = kind.init(level: level)
  }

  /// Leaves every image as it is.
  public static let none = Corruption(NoNoise.self, level: 0)

  /// C1: flips int(p d) pixels of an image with d pixels: over 0.5 becomes 0, other values 1.
  ///
  /// - Parameters:
  ///   - p: the fraction of pixels, in 0...1.
  ///   - replacing: whether positions are drawn with replacement and flipped in turn, as in the
  ///     authors' code. Otherwise positions are distinct.
  public static func saltPepper(_ p: Double, replacing: Bool = false) -> Corruption {
    replacing
      ? Corruption(SaltPepperReplacing.self, level: p) : Corruption(SaltPepper.self, level: p)
  }

  /// C2: an element becomes 0 or 1 with equal probability.
  ///
  /// - Parameters:
  ///   - p: the probability of replacement, in 0...1, for each element (each channel)
  ///     independently.
  ///   - perPixel: whether one draw decides for all channels of a pixel instead.
  public static func saltPepperRandom(_ p: Double, perPixel: Bool = false) -> Corruption {
    perPixel
      ? Corruption(SaltPepperRandomPixel.self, level: p)
      : Corruption(SaltPepperRandom.self, level: p)
  }

  /// C4: x + s N(0, 1), not clipped.
  public static func gaussian(_ s: Double) -> Corruption { Corruption(Gaussian.self, level: s) }

  /// C3: x + s N(0, 1), clipped to [0, 1].
  public static func gaussianClipped(_ s: Double) -> Corruption {
    Corruption(GaussianClipped.self, level: s)
  }

  /// C5: a pixel becomes a draw from U[0, 1].
  ///
  /// - Parameters:
  ///   - p: the probability of replacement, for each pixel independently; in 0...1.
  ///   - exactCount: whether exactly int(p d) distinct pixels of d change instead.
  public static func uniform(_ p: Double, exactCount: Bool = false) -> Corruption {
    exactCount
      ? Corruption(UniformExact.self, level: p) : Corruption(UniformReplacement.self, level: p)
  }

  /// C7: a filled disc of value 0, with its centre anywhere on the image.
  ///
  /// - Parameters:
  ///   - f: the fraction of images with a disc, in 0...1.
  ///   - large: a radius of 4 to 12 pixels instead of 3 to 8.
  public static func disc(_ f: Double, large: Bool = false) -> Corruption {
    large ? Corruption(LargeDisc.self, level: f) : Corruption(Disc.self, level: f)
  }

  /// C8: a filled rectangle of value 0, 4 to 12 pixels wide and 4 to 16 high, anywhere in the
  /// image.
  ///
  /// - Parameter f: the fraction of images with a rectangle, in 0...1.
  public static func rectangle(_ f: Double) -> Corruption {
    Corruption(Rectangle.self, level: f)
  }

  /// C6: a pixel becomes a draw from Bernoulli(c), or from Bernoulli(1/2).
  ///
  /// - Parameters:
  ///   - c: the probability of replacement, for each pixel independently; in 0...1.
  ///   - balanced: whether the draw is from Bernoulli(1/2).
  public static func bernoulli(_ c: Double, balanced: Bool = false) -> Corruption {
    balanced
      ? Corruption(BernoulliBalanced.self, level: c)
      : Corruption(BernoulliReplacement.self, level: c)
  }

  /// C9: like C6, with the mean training image as rates; ``knowing(meanImage:)`` gives the image.
  public static let meanImage = Corruption(MeanImage.self, level: 0)

  /// C10: a pixel becomes 0.
  ///
  /// - Parameter c: the probability of replacement, for each pixel independently; in 0...1.
  public static func zeroMask(_ c: Double) -> Corruption { Corruption(ZeroMask.self, level: c) }

  /// C11: each pixel becomes a draw from the Bernoulli distribution with the pixel as mean.
  public static let binarize = Corruption(Binarized.self, level: 0)

  /// Whether the corruption needs a mean image before it is applied.
  public var needsMeanImage: Bool { type(of: noise).needsMeanImage }

  /// The same corruption with the mean image of a training set, one value for each pixel.
  public func knowing(meanImage: [Float]) -> Corruption {
    Corruption(spec: spec, noise: noise.knowing(meanImage: meanImage))
  }

  private init(spec: String, noise: any Noise) {
    self.spec = spec
    self.noise = noise
  }

  /// Reads a SPEC: a name of the catalogue, with a colon and a level if the kind has levels.
  ///
  /// - Throws: `DatasetError.specification` with the nearest known kind or the allowed levels.
  public init(parsing spec: String) throws(DatasetError) {
    let parts = spec.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    guard let kind = Self.catalogue.first(where: { $0.name == name }) else {
      throw .specification(found: spec, expected: Self.nearest(to: name))
    }
    guard let levels = kind.levels else {
      guard parts.count == 1 else {
        throw .specification(found: spec, expected: "\(name) without a level")
      }
      self.init(kind, level: 0)
      return
    }
    guard parts.count == 2, let level = Double(parts[1]), levels.contains(level) else {
      throw .specification(found: spec, expected: Self.form(of: kind, levels))
    }
    self.init(kind, level: level)
  }

  /// Every kind: its SPEC, with a letter for the level, and its effect on an image.
  public static var kinds: [(spec: String, summary: String)] {
    catalogue.map { ($0.levels == nil ? $0.name : "\($0.name):\($0.levelSymbol)", $0.summary) }
  }

  /// The names that begin a SPEC.
  public static var names: [String] { catalogue.map { $0.name } }

  /// The SPEC.
  public var description: String { spec }

  /// Whether the corruption changes nothing: `none`.
  public var isNone: Bool { noise is NoNoise }

  /// Whether values in [0, 1] stay in [0, 1], so that corrupted images fit into 8 bits.
  public var staysInUnitRange: Bool { type(of: noise).staysInUnitRange }

  /// Whether it suits features, which have no neighbours and no limits.
  public var isForFeatures: Bool { type(of: noise).isForFeatures }

  /// The kinds that suit features, in words.
  public static var forFeatures: String { list { $0.isForFeatures } }

  /// Some kinds, each by its SPEC, in words.
  static func list(_ isListed: (any Noise.Type) -> Bool) -> String {
    catalogue.filter(isListed)
      .map { $0.levels == nil ? $0.name : "\($0.name):\($0.levelSymbol)" }
      .joined(separator: ", ")
  }

  /// Corrupts one image in place; the result is a pure function of its values, `row` and `draws`.
  ///
  /// - Parameters:
  ///   - values: the image, `shape.count` values in [0, 1].
  ///   - shape: the image's shape.
  ///   - row: the image's global row.
  ///   - draws: seed, purpose and time of the noise. Static noise has
  ///     `Draws(seed:purpose:.staticCorruption, time:)` with the split's index; fresh noise has
  ///     `.trainingNoise` and the step.
  public func apply(
    to values: UnsafeMutablePointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    noise.apply(
      to: UnsafeMutableBufferPointer(start: values, count: shape.count), shape: shape, row: row,
      draws: draws)
  }

  /// Equal SPECs.
  public static func == (left: Corruption, right: Corruption) -> Bool { left.spec == right.spec }

  private static func form(of kind: any Noise.Type, _ levels: ClosedRange<Double>) -> String {
    "\(kind.name):LEVEL with a level from \(levels.lowerBound) to \(levels.upperBound)"
  }

  private static func nearest(to name: String) -> String {
    let ranked = names.map { ($0, Spelling.distance(name, $0)) }.sorted { $0.1 < $1.1 }
    if let (best, distance) = ranked.first, distance <= max(2, best.count / 2) {
      return "\(best), the nearest known kind"
    }
    return "one of \(names.joined(separator: ", "))"
  }
}
