/// Noise that images are known to have: kinds of the registry whose density is known, in the order
/// in which they came about, such as `gaussian-clip:0.1+salt-pepper:0.25`.
///
/// A level is a number, `auto` for one estimated from the images, or `LOW..HIGH` for one learned
/// within these bounds.
public struct KnownNoise: Equatable, Sendable, CustomStringConvertible {
  /// The level of a kind.
  public enum Level: Equatable, Sendable {
    /// As given; 0 for a kind without levels.
    case given(Double)
    /// Estimated from the images before training.
    case estimated
    /// Learned, from the middle of the range on.
    case learned(ClosedRange<Double>)
  }

  private struct Part: Equatable {
    let kind: any Noise.Type
    let level: Level

    var spec: String {
      switch level {
      case .given(let level): kind.levels == nil ? kind.name : "\(kind.name):\(level)"
      case .estimated: "\(kind.name):auto"
      case .learned(let range): "\(kind.name):\(range.lowerBound)..\(range.upperBound)"
      }
    }

    static func == (left: Part, right: Part) -> Bool { left.spec == right.spec }
  }

  private let parts: [Part]

  /// No noise.
  public static let none = KnownNoise(parts: [Part(kind: NoNoise.self, level: .given(0))])

  private init(parts: [Part]) { self.parts = parts }

  /// Reads a SPEC.
  ///
  /// - Throws: `DatasetError.specification` for a kind that is unknown or has no density, a level
  ///   out of range, or more than one level that is not given.
  public init(parsing spec: String) throws(DatasetError) {
    var parts: [Part] = []
    for text in spec.split(separator: "+", omittingEmptySubsequences: false) {
      parts.append(try Self.part(String(text)))
    }
    let open = parts.count { if case .given = $0.level { false } else { true } }
    if open > 0, parts.count > 1 {
      throw .specification(found: spec, expected: "given levels in a mixture")
    }
    self.parts = parts
  }

  private static func part(_ text: String) throws(DatasetError) -> Part {
    let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      .map(String.init)
    let kind = Corruption.catalogue.first { $0.name == halves[0] }
    if let kind, let levels = kind.levels, halves.count == 2, Double(halves[1]) == nil {
      if halves[1] == "auto" { return Part(kind: kind, level: .estimated) }
      if let range = range(halves[1]), levels.contains(range.lowerBound),
        levels.contains(range.upperBound)
      {
        return Part(kind: kind, level: .learned(range))
      }
      throw .specification(
        found: text,
        expected: "\(kind.name):LEVEL with a level from \(levels.lowerBound) to "
          + "\(levels.upperBound), auto, or LOW..HIGH")
    }
    // The registry's own reader says what is wrong.
    _ = try Corruption(parsing: text)
    guard let kind else { preconditionFailure("\(text): read, but no kind of the registry") }
    return Part(kind: kind, level: .given(halves.count == 2 ? Double(halves[1]) ?? 0 : 0))
  }

  /// `0.2..0.3`.
  private static func range(_ text: String) -> ClosedRange<Double>? {
    guard let dots = text.firstRange(of: "..") else { return nil }
    guard let low = Double(text[..<dots.lowerBound]), let high = Double(text[dots.upperBound...]),
      low < high, high >= 0.001
    else { return nil }
    return low...high
  }

  /// The SPEC.
  public var description: String { parts.map(\.spec).joined(separator: "+") }

  /// Whether it is `none`.
  public var isNone: Bool { parts.allSatisfy { $0.kind == NoNoise.self } }

  /// Whether it has its own rate at each place of an image.
  public var isOfPlaces: Bool {
    parts.contains { $0.kind == MeanImage.self || $0.kind == DeadPixels.self }
  }

  /// Whether it is dead pixels.
  public var isOfDeadPixels: Bool { parts.contains { $0.kind == DeadPixels.self } }

  /// Whether Gaussian noise is in it.
  public var isGaussian: Bool {
    parts.contains { $0.kind == Gaussian.self || $0.kind == GaussianClipped.self }
  }

  /// The bounds of a level that is learned; nil for none.
  public var bounds: ClosedRange<Double>? {
    if case .learned(let range) = parts[0].level { range } else { nil }
  }

  /// Whether a level is estimated from the images.
  public var isEstimated: Bool { parts[0].level == .estimated }

  /// Its kinds in order; without those whose level is not given.
  public var corruptions: [Corruption] {
    parts.compactMap { part in
      guard case .given(let level) = part.level else { return nil }
      return Corruption(part.kind, level: level)
    }
  }

  /// What it makes of a pixel of such images; where the level is learned, at the level 1.
  ///
  /// - Throws: `DatasetError.specification` for noise without a density, and for mixtures without
  ///   one.
  public func channel(of shape: ImageShape) throws(DatasetError) -> NoiseChannel {
    var channel = NoiseChannel()
    for part in parts {
      let level: Double
      switch part.level {
      case .given(let value): level = value
      case .learned: level = 1
      case .estimated: throw .specification(found: part.spec, expected: "a level")
      }
      guard let next = part.kind.init(level: level).channel(of: shape) else {
        throw .specification(found: part.spec, expected: Self.known(of: shape))
      }
      guard let mixed = channel.followed(by: next) else {
        throw .specification(
          found: description,
          expected: "Gaussian noise first, flips once, mean-image and dead-pixels alone")
      }
      channel = mixed
    }
    guard channel.deviation == 0 || channel.deviation >= Self.leastDeviation,
      abs(channel.meanLine(level: bounds?.upperBound).gain) >= Self.leastGain
    else {
      throw .specification(
        found: description,
        expected: "noise that leaves something of the images, of a deviation of at least "
          + "\(Self.leastDeviation)")
    }
    if bounds != nil {
      let half = parts[0].kind.init(level: 0.5).channel(of: shape) ?? channel
      guard half.isMultiple(0.5, of: channel, within: 1 / Double(shape.count)) else {
        throw .specification(
          found: description,
          expected: "a level as number or auto: only rates of flips, of 0, of 1 "
            + "and of uniform values are learned")
      }
    }
    return channel
  }

  /// Narrower Gaussians, and what is left of a difference in the mean, are beyond single precision.
  private static let leastDeviation = 0.001, leastGain = 0.01

  /// What images show in place of the level given; nil where both agree, or images do not tell.
  public func contradiction(in images: ImageSet) -> String? {
    guard parts.count == 1, !isNone, case .given(let level) = parts[0].level else { return nil }
    let open = KnownNoise(parts: [Part(kind: parts[0].kind, level: .estimated)])
    guard let shown = try? open.estimated(from: images),
      case .given(let other) = shown.parts[0].level,
      abs(other - level) > max(0.07, 0.25 * level)
    else { return nil }
    return shown.description
  }

  /// The same with the level that images show, in place of `auto`.
  ///
  /// Flat parts of images show it (`NoiseEstimate`); they need not lie at the same place in all.
  ///
  /// - Throws: `DatasetError.specification` where the images show no such noise.
  public func estimated(from images: ImageSet) throws(DatasetError) -> KnownNoise {
    guard isEstimated else { return self }
    let count = max(
      1, min(images.heldRows.count, Self.looked, Self.lookedValues / images.shape.count))
    let estimate = NoiseEstimate(of: images.values(0..<count), shape: images.shape)
    guard let level = parts[0].kind.level(in: estimate), let levels = parts[0].kind.levels else {
      let shown = estimate.spec ?? estimate.kind.rawValue
      throw .specification(
        found: "\(self), but \(count) images show \(shown)",
        expected: "the level as a number, or the noise that images have (cleave advise)")
    }
    let rounded = (level * 1000).rounded() / 1000
    let within = min(max(rounded, levels.lowerBound), levels.upperBound)
    return KnownNoise(parts: [Part(kind: parts[0].kind, level: .given(within))])
  }

  /// Images that an estimate looks at, at most, and their values.
  private static let looked = 1000, lookedValues = 1 << 22

  /// The kinds with a density for images of a shape, in words.
  static func known(of image: ImageShape) -> String {
    let names = Corruption.catalogue.filter { $0.init(level: 0.5).channel(of: image) != nil }
      .map { $0.name }
    return "noise whose density is known: \(names.joined(separator: ", ")), or a mixture by +"
  }
}
