import Testing

@testable import Datasets

/// What noise images seem to have, for every corruption of the catalogue, on painted digits and
/// faces.
@Suite("Estimates of noise")
struct NoiseEstimateTests {
  enum Painted: String, CaseIterable, Sendable { case digits, faces }

  struct Case: Sendable, CustomStringConvertible {
    let images: Painted
    let noise: String
    let kind: NoiseEstimate.Kind
    /// The level that should be found, within `tolerance`.
    let level: Double
    var tolerance = 0.04
    var description: String { "\(noise) on \(images.rawValue)" }

    init(
      _ images: Painted, _ noise: String, _ kind: NoiseEstimate.Kind, _ level: Double,
      _ tolerance: Double = 0.04
    ) {
      (self.images, self.noise, self.kind, self.level) = (images, noise, kind, level)
      self.tolerance = tolerance
    }
  }

  private static func images(_ kind: Painted) -> ImageSet {
    kind == .digits
      ? SyntheticDigits.images(count: 150, seed: 4) : SyntheticFaces.images(count: 60, seed: 4)
  }

  private func estimate(_ kind: Painted, _ spec: String) throws -> NoiseEstimate {
    let clean = Self.images(kind)
    var noise = try Corruption(parsing: spec)
    if noise.needsMeanImage {
      noise = noise.knowing(meanImage: clean.meanImage(of: 0..<clean.count))
    }
    let images = clean.corrupted(by: noise, seed: 7, rows: 0..<clean.count)
    return NoiseEstimate(of: images.values(0..<images.count), shape: images.shape)
  }

  static let cases: [Case] = everywhere + special

  /// What both kinds of images show alike.
  private static let everywhere: [Case] = Painted.allCases.flatMap { images -> [Case] in
    var cases: [Case] = []
    for p in [0.1, 0.25, 0.4] { cases.append(Case(images, "salt-pepper:\(p)", .flips, p)) }
    for p in [0.1, 0.3] {
      cases.append(Case(images, "uniform:\(p)", .uniform, p))
      cases.append(Case(images, "uniform-exact:\(p)", .uniform, p))
    }
    for s in [0.1, 0.2, 0.3] {
      cases.append(Case(images, "gaussian:\(s)", .gaussian, s, 0.25 * s))
      cases.append(Case(images, "gaussian-clip:\(s)", .gaussian, s, 0.3 * s))
    }
    return cases
  }

  private static let special: [Case] =
    [
      Case(.digits, "none", .none, 0, 0), Case(.faces, "none", .none, 0, 0),
      Case(.faces, "salt-pepper-random:0.2", .impulses, 0.2),
      Case(.faces, "salt-pepper-random:0.4", .impulses, 0.4, 0.06),
      Case(.faces, "salt-pepper-random-pixel:0.2", .impulses, 0.2),
      Case(.faces, "bernoulli-balanced:0.2", .impulses, 0.2),
      Case(.faces, "bernoulli:0.3", .impulses, 0.3),
      Case(.faces, "zero-mask:0.1", .zeros, 0.1), Case(.faces, "zero-mask:0.3", .zeros, 0.3),
      Case(.faces, "salt-pepper-replace:0.25", .flips, 0.2, 0.05),
      // Half of the draws at random are what a dark pixel is already.
      Case(.digits, "salt-pepper-random:0.2", .flips, 0.1),
      Case(.digits, "salt-pepper-replace:0.25", .flips, 0.2, 0.05),
      Case(.digits, "bernoulli-balanced:0.2", .flips, 0.1),
    ]

  @Test(arguments: cases) func theKindAndTheLevelAreFound(_ wanted: Case) throws {
    let found = try estimate(wanted.images, wanted.noise)
    #expect(found.kind == wanted.kind, "\(found)")
    #expect(abs(found.level - wanted.level) <= wanted.tolerance, "\(found)")
  }

  @Test func wholePixelsAreToldFromChannels() throws {
    #expect(try estimate(.faces, "salt-pepper-random-pixel:0.2").isWholePixel)
    #expect(try !estimate(.faces, "salt-pepper-random:0.2").isWholePixel)
    #expect(try estimate(.faces, "salt-pepper-random-pixel:0.2").spec?.contains("-pixel:") == true)
  }

  /// Blocks are counted where the background is not 0, and doubted where it is.
  @Test func blocksAreSeenOnFacesAlone() throws {
    for (spec, share) in [("circle:0.5", 0.5), ("circle-large:0.3", 0.3), ("rectangle:0.6", 0.6)] {
      let faces = try estimate(.faces, spec)
      #expect(faces.kind == .none && abs((faces.blocks ?? 0) - share) < 0.15, "\(spec): \(faces)")
      let digits = try estimate(.digits, spec)
      #expect(digits.blocks == nil && digits.doubts.contains { $0.contains("blocks") })
    }
    #expect(try estimate(.faces, "none").blocks == 0)
  }

  /// The line that noise makes of clean values in the mean.
  @Test func whatNoiseMakesOfAValueIsKnown() throws {
    let lines: [(String, Double, Double)] = [
      ("salt-pepper:0.25", 0.25, 0.5), ("uniform:0.3", 0.15, 0.7), ("zero-mask:0.3", 0, 0.7),
      ("salt-pepper-random:0.2", 0.1, 0.8), ("gaussian:0.2", 0, 1),
    ]
    for (spec, offset, gain) in lines {
      let line = try #require(try estimate(.faces, spec).expectation, "\(spec)")
      #expect(abs(line.offset - offset) < 0.05 && abs(line.gain - gain) < 0.09, "\(spec): \(line)")
    }
    for spec in ["none", "gaussian-clip:0.2", "binarize"] {
      #expect(try estimate(.faces, spec).expectation == nil, "\(spec)")
    }
  }

  /// Where several causes look alike, that is said.
  @Test func whatCannotBeToldIsSaid() throws {
    let binary = try estimate(.faces, "binarize")
    #expect(binary.kind == .binary && binary.doubts.contains { $0.contains("0 or 1") })
    #expect(try estimate(.digits, "salt-pepper:0.25").doubts.contains { $0.contains("look alike") })
    #expect(try estimate(.faces, "salt-pepper:0.25").doubts.isEmpty)
  }
}
