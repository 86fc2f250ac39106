import Tensors
import Testing

@testable import Datasets

/// Noise that images are known to have: its SPEC, its channel, its level in images.
@Suite("Known noise") struct KnownNoiseTests {
  private let shape = ImageShape(height: 28, width: 28, channels: 1)

  @Test(arguments: [
    "none", "salt-pepper:0.25", "salt-pepper:auto", "salt-pepper:0.2..0.3", "mean-image",
    "gaussian-clip:0.1+salt-pepper-random:0.2", "zero-mask:0.1+salt-pepper:0.25",
  ])
  func readsItsOwnSpec(spec: String) throws {
    #expect(try KnownNoise(parsing: spec).description == spec)
  }

  @Test(arguments: [
    ("salt-peper:0.25", "salt-pepper"), ("salt-pepper:2", "from 0.0 to 1.0"),
    ("salt-pepper:0.3..0.2", "LOW..HIGH"), ("salt-pepper:often", "auto"),
    ("salt-pepper:auto+gaussian:0.1", "given levels in a mixture"), ("", "one of"),
    ("mean-image:0.5", "without a level"),
  ])
  func refusesOtherSpecs(spec: String, expected: String) {
    #expect {
      try KnownNoise(parsing: spec)
    } throws: {
      "\($0)".contains(expected)
    }
  }

  /// Noise of neighbours, mixtures that no channel says, and rates that are not a multiple of a
  /// level.
  @Test(arguments: [
    ("circle:0.5", "density"), ("blotch:0.5", "density"), ("binarize", "density"),
    ("salt-pepper:0.1+gaussian:0.1", "Gaussian noise first"),
    ("salt-pepper:0.1+salt-pepper:0.1", "flips once"), ("mean-image+zero-mask:0.1", "alone"),
    ("bernoulli:0.1..0.3", "as number"), ("gaussian:0.1..0.3", "as number"),
  ])
  func refusesNoiseWithoutADensity(spec: String, expected: String) throws {
    let noise = try KnownNoise(parsing: spec)
    #expect {
      try noise.channel(of: shape)
    } throws: {
      "\($0)".contains(expected)
    }
  }

  /// The shares of what became of bright and of dark pixels, in noise as it is drawn.
  @Test(arguments: [
    "salt-pepper:0.25", "salt-pepper-random:0.4", "salt-pepper-random-pixel:0.4", "uniform:0.4",
    "uniform-exact:0.4", "bernoulli:0.3",
    "bernoulli-balanced:0.3", "zero-mask:0.35", "zero-mask:0.2+salt-pepper:0.25",
    "uniform:0.2+salt-pepper-random:0.3",
  ])
  func channelsAreThoseOfTheNoise(spec: String) throws {
    let channel = try KnownNoise(parsing: spec).channel(of: shape)
    let kinds = try spec.split(separator: "+").map { try Corruption(parsing: String($0)) }
    let rows = 400
    for (clean, flipped) in [(Float(0.2), Float(1)), (0.8, 0)] {
      var (same, zeros, ones) = (0, 0, 0)
      for row in 0..<rows {
        var image = [Float](repeating: clean, count: shape.count)
        for (number, kind) in kinds.enumerated() {
          let draws = Draws(seed: 3, purpose: .staticCorruption, time: number)
          kind.apply(to: &image, shape: shape, row: row, draws: draws)
        }
        same += image.count { $0 == clean }
        zeros += image.count { $0 == 0 }
        ones += image.count { $0 == 1 }
      }
      let all = Double(rows * shape.count)
      // Draws of 1 are rounded down where they are no bytes: the two ends of `uniform` are missing.
      let ends = channel.uniform / 254
      #expect(abs(Double(same) / all - channel.kept) < 0.005, "\(spec) keeps")
      let zero = channel.zero + (flipped == 0 ? channel.flip : 0)
      let one = channel.one + (flipped == 1 ? channel.flip : 0)
      #expect(abs(Double(zeros) / all - zero) < 0.005 + ends, "\(spec) to 0")
      #expect(abs(Double(ones) / all - one) < 0.005 + ends, "\(spec) to 1")
    }
  }

  /// Pixels of a sensor are dead at the same places in all images.
  @Test func deadPixelsStay() throws {
    let noise = try Corruption(parsing: "dead-pixels:0.2")
    var dead: [Set<Int>] = []
    for row in 0..<5 {
      var image = [Float](repeating: 0.7, count: shape.count)
      let draws = Draws(seed: 3, purpose: .staticCorruption, time: 0)
      noise.apply(to: &image, shape: shape, row: row, draws: draws)
      dead.append(Set(image.indices.filter { image[$0] == 0 }))
      #expect(image.allSatisfy { $0 == 0 || $0 == 0.7 })
    }
    #expect(Set(dead).count == 1)
    #expect(abs(Double(dead[0].count) / Double(shape.count) - 0.2) < 0.06)
    let channel = try KnownNoise(parsing: "dead-pixels:0.2").channel(of: shape)
    #expect(channel == NoiseChannel(isOfDeadPixels: true))
  }

  /// Of binary images: two hits restore a value, so the chance is that of an odd number.
  @Test func flipsWithReplacement() throws {
    let channel = try KnownNoise(parsing: "salt-pepper-replace:0.25").channel(of: shape)
    let noise = try Corruption(parsing: "salt-pepper-replace:0.25")
    var ones = 0
    for row in 0..<400 {
      var image = [Float](repeating: 0, count: shape.count)
      let draws = Draws(seed: 3, purpose: .staticCorruption, time: 0)
      noise.apply(to: &image, shape: shape, row: row, draws: draws)
      ones += image.count { $0 == 1 }
    }
    #expect(abs(Double(ones) / Double(400 * shape.count) - channel.flip) < 0.003)
    #expect(channel == NoiseChannel(flip: channel.flip))
  }

  static let estimates: [(String, Double)] = [
    ("salt-pepper", 0.25), ("salt-pepper", 0.1), ("salt-pepper", 0.4), ("uniform", 0.3),
    ("gaussian", 0.3), ("gaussian-clip", 0.2), ("salt-pepper-random", 0.4),
  ]

  /// The level that images show, on digits with a dark background and on faces.
  @Test(arguments: estimates, [true, false])
  func estimatesLevels(of noise: (String, Double), onDigits: Bool) throws {
    let clean =
      onDigits
      ? SyntheticDigits.images(count: 200, seed: 4) : SyntheticFaces.images(count: 80, seed: 4)
    let images = clean.corrupted(
      by: try Corruption(parsing: "\(noise.0):\(noise.1)"), seed: 7, rows: 0..<clean.count)
    let found = try KnownNoise(parsing: "\(noise.0):auto").estimated(from: images)
    let text = try #require(found.description.split(separator: ":").last)
    let level = try #require(Double(text))
    #expect(abs(level - noise.1) < 0.03 + 0.15 * noise.1, "\(found) for \(noise)")
  }

  @Test func saysWhatImagesShowInstead() throws {
    let clean = SyntheticFaces.images(count: 60, seed: 4)
    #expect {
      try KnownNoise(parsing: "salt-pepper:auto").estimated(from: clean)
    } throws: {
      "\($0)".contains("images show none") && "\($0)".contains("level as a number")
    }
  }
}
