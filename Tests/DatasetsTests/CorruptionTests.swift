import Tensors
import Testing

@testable import Datasets

@Suite struct CorruptionTests {
  private let size = 784

  private func apply(
    _ corruption: Corruption, to image: [Float], row: Int = 0, seed: UInt64 = 595,
    shape: ImageShape? = nil
  ) -> [Float] {
    var image = image
    let draws = Draws(seed: seed, purpose: .staticCorruption, time: 0)
    let count = image.count
    image.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      corruption.apply(
        to: start, shape: shape ?? ImageShape(height: 1, width: count, channels: 1), row: row,
        draws: draws)
    }
    return image
  }

  private func binary(_ row: Int) -> [Float] {
    (0..<size).map { ($0 * 7 + row) % 5 == 0 ? 1 : 0 }
  }

  @Test("X12: C1 changes exactly int(p d) pixels", arguments: [0, 0.001, 0.09, 0.25, 0.33, 0.5, 1])
  func exactCount(p: Double) {
    for row in 0..<50 {
      let image = binary(row)
      let corrupted = apply(.saltPepper(p), to: image, row: row)
      let changed = zip(image, corrupted).filter { $0 != $1 }.count
      #expect(changed == Int(p * Double(size)))
    }
  }

  @Test("X12: of a grey image too, exactly int(p d) pixels change sides")
  func exactCountOfGrey() {
    let image = (0..<size).map { Float($0 % 256) / 255 }
    let corrupted = apply(.saltPepper(0.25), to: image)
    #expect(zip(image, corrupted).filter { ($0 > 0.5) != ($1 > 0.5) }.count == 196)
    let touched = zip(image, corrupted).filter { $0 != $1 }
    #expect(touched.allSatisfy { $1 == ($0 > 0.5 ? 0 : 1) })
  }

  @Test("X12: C1 twice, with the same draws, restores a binary image")
  func twice() {
    for corruption in [Corruption.saltPepper(0.4), .saltPepper(0.4, replacing: true)] {
      let once = apply(corruption, to: binary(3), row: 3)
      #expect(once != binary(3))
      #expect(apply(corruption, to: once, row: 3) == binary(3))
    }
  }

  @Test("Every pixel is hit equally often")
  func hitsAreUniform() {
    var hits = [Int](repeating: 0, count: 64)
    for row in 0..<6400 {
      let corrupted = apply(.saltPepper(0.25), to: [Float](repeating: 0, count: 64), row: row)
      for (i, value) in corrupted.enumerated() where value != 0 { hits[i] += 1 }
    }
    // The mean is 1600, the standard deviation 35.
    #expect(hits.allSatisfy { abs($0 - 1600) < 175 }, "\(hits)")
  }

  @Test(
    "X12: C1 with replacement flips the expected fraction an odd number of times",
    arguments: [
      (0.09, 0.082), (0.17, 0.144), (0.25, 0.197), (0.33, 0.241), (0.41, 0.280), (0.49, 0.313),
    ])
  func oddHits(p: Double, published: Double) {
    let images = 2000
    var odd = 0.0
    for row in 0..<images {
      let zero = [Float](repeating: 0, count: size)
      odd += Double(apply(.saltPepper(p, replacing: true), to: zero, row: row).reduce(0, +))
    }
    let fraction = odd / Double(images * size)
    let draws = Int(p * Double(size))
    var stays = 1.0
    for _ in 0..<draws { stays *= 1 - 2 / Double(size) }
    let expected = (1 - stays) / 2
    #expect(abs(fraction / expected - 1) < 0.01)
    #expect(abs(expected - published) < 0.001)
  }

  @Test(
    "C2 replaces a fraction p of the values, or of the pixels, half by 1", arguments: [0.1, 0.4])
  func randomSaltAndPepper(p: Double) {
    let shape = ImageShape(height: 14, width: 14, channels: 3)
    let grey = [Float](repeating: 0.5, count: shape.count)
    for perPixel in [false, true] {
      var (salt, pepper, mixed) = (0, 0, 0)
      let images = 400
      for row in 0..<images {
        let image = apply(
          .saltPepperRandom(p, perPixel: perPixel), to: grey, row: row, shape: shape)
        #expect(image.allSatisfy { $0 == 0 || $0 == 1 || $0 == 0.5 })
        salt += image.count { $0 == 1 }
        pepper += image.count { $0 == 0 }
        for pixel in 0..<196 where Set(image[3 * pixel..<3 * pixel + 3]).count > 1 { mixed += 1 }
      }
      // The tolerance is more than five standard deviations of 78,400 pixels.
      let count = Double(images * shape.count)
      #expect(abs(Double(salt) / count - p / 2) < 0.008)
      #expect(abs(Double(pepper) / count - p / 2) < 0.008)
      #expect((mixed == 0) == perPixel, "\(mixed)")
    }
    let one = Corruption.saltPepperRandom(p, perPixel: true)
    #expect(one.spec == "salt-pepper-random-pixel:\(p)")
    // In grey images a value is a pixel.
    #expect(
      apply(one, to: binary(3), row: 3) == apply(.saltPepperRandom(p), to: binary(3), row: 3))
  }

  @Test func replacementBinarisesGrey() {
    let corrupted = apply(
      .saltPepper(1, replacing: true), to: [Float](repeating: 0.25, count: size))
    let touched = corrupted.filter { $0 != 0.25 }
    #expect(touched.contains(0) && touched.contains(1))
    #expect(touched.allSatisfy { $0 == 0 || $0 == 1 })
  }

  @Test("C5 replaces a fraction p by U[0, 1]", arguments: [0.1, 0.4, 1])
  func uniformFraction(p: Double) {
    let images = 400
    var replaced: [Double] = []
    for row in 0..<images {
      let marked = [Float](repeating: -1, count: size)
      replaced += apply(.uniform(p), to: marked, row: row).filter { $0 >= 0 }.map(Double.init)
    }
    // The tolerance is at least four standard deviations.
    #expect(abs(Double(replaced.count) / Double(images * size) - p) < 0.004)
    let mean = replaced.reduce(0, +) / Double(replaced.count)
    let square = replaced.map { $0 * $0 }.reduce(0, +) / Double(replaced.count)
    #expect(abs(mean - 1.0 / 2) < 0.007 && abs(square - 1.0 / 3) < 0.007)
    #expect(replaced.allSatisfy { $0 < 1 })
  }

  @Test("C5 with an exact count replaces int(p d) pixels by U[0, 1]")
  func uniformExact() {
    var replaced: [Double] = []
    for row in 0..<400 {
      let marked = [Float](repeating: -1, count: size)
      let new = apply(.uniform(0.4, exactCount: true), to: marked, row: row).filter { $0 >= 0 }
      #expect(new.count == 313)
      replaced += new.map(Double.init)
    }
    let mean = replaced.reduce(0, +) / Double(replaced.count)
    #expect(abs(mean - 0.5) < 0.004)
  }

  @Test("C4 adds noise of variance s^2, unclipped; C3 is the same, clipped")
  func gaussian() {
    var squares = 0.0
    for row in 0..<400 {
      let image = binary(row)
      let noisy = apply(.gaussian(0.5), to: image, row: row)
      for (clean, value) in zip(image, noisy) {
        squares += Double((value - clean) * (value - clean))
      }
      #expect(noisy.contains { $0 < 0 } && noisy.contains { $0 > 1 })
      let clipped = apply(.gaussianClipped(0.5), to: image, row: row)
      #expect(clipped == noisy.map { min(max($0, 0), 1) })
    }
    #expect(abs(squares / Double(400 * size) / 0.25 - 1) < 0.01)
  }

  /// Two kinds are tested separately: one needs a mean image, one does not change binary images.
  static let ofBinaryImages = Corruption.names.filter { !["mean-image", "binarize"].contains($0) }

  @Test("A row's corruption depends on seed and row alone", arguments: ofBinaryImages)
  func purity(name: String) throws {
    let spec = name == "none" ? name : "\(name):0.3"
    let corruption = try Corruption(parsing: spec)
    /// Twenty rows, because some kinds do not change every row.
    func images(from first: Int, seed: UInt64 = 595) -> [Float] {
      (first..<first + 20).flatMap { apply(corruption, to: binary(0), row: $0, seed: seed) }
    }
    let once = images(from: 17)
    #expect(once == images(from: 17))
    if corruption.isNone {
      #expect(once == (0..<20).flatMap { _ in binary(0) })
    } else {
      #expect((once != images(from: 18)) as Bool == (name != "dead-pixels"))
      #expect((once != images(from: 17, seed: 596)) as Bool)
    }
    #expect(try Corruption(parsing: corruption.spec) == corruption)
    let inRange = once.allSatisfy { (0...1).contains($0) }
    #expect(inRange == corruption.staysInUnitRange)
  }

  @Test func specsAreRead() throws {
    #expect(try Corruption(parsing: "none") == .none)
    #expect(try Corruption(parsing: "salt-pepper:0.25") == .saltPepper(0.25))
    #expect(
      try Corruption(parsing: "salt-pepper-replace:.25") == .saltPepper(0.25, replacing: true))
    #expect(try Corruption(parsing: "gaussian:0.50") == .gaussian(0.5))
    #expect(try Corruption(parsing: "gaussian-clip:0.6") == .gaussianClipped(0.6))
    #expect(try Corruption(parsing: "uniform:0.4") == .uniform(0.4))
    #expect(try Corruption(parsing: "uniform-exact:0.4") == .uniform(0.4, exactCount: true))
    #expect(Corruption.saltPepper(0.25).spec == "salt-pepper:0.25")
  }

  @Test(
    "A wrong SPEC is told what would be right",
    arguments: [
      ("salt-peper:0.3", "salt-pepper, the nearest known kind"),
      ("gausian:0.3", "gaussian, the nearest known kind"),
      (
        "zebra",
        "one of " + Corruption.names.joined(separator: ", ")
      ),
      ("salt-pepper", "salt-pepper:LEVEL with a level from 0.0 to 1.0"),
      ("salt-pepper:", "salt-pepper:LEVEL with a level from 0.0 to 1.0"),
      ("salt-pepper:1.5", "salt-pepper:LEVEL with a level from 0.0 to 1.0"),
      ("uniform:nan", "uniform:LEVEL with a level from 0.0 to 1.0"),
      ("gaussian:-1", "gaussian:LEVEL with a level from 0.0 to 1000.0"),
      ("none:0.3", "none without a level"),
    ])
  func wrongSpecs(spec: String, expected: String) {
    let error = #expect(throws: DatasetError.self) { try Corruption(parsing: spec) }
    #expect(error?.description == "noise \"\(spec)\": expected \(expected)")
  }
}
