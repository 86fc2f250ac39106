import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite("Noise of binary images")
struct BinaryNoiseTests {
  private let size = 1000
  private let images = 400

  /// The mean over corrupted images in which every pixel had the value `value`.
  private func mean(_ corruption: Corruption, of value: Float) -> Double {
    var sum = 0.0
    for row in 0..<images {
      sum += Double(corrupted([Float](repeating: value, count: size), corruption, row).reduce(0, +))
    }
    return sum / Double(images * size)
  }

  private func corrupted(_ image: [Float], _ corruption: Corruption, _ row: Int) -> [Float] {
    var image = image
    let draws = Draws(seed: 9, purpose: .trainingNoise, time: 4)
    let shape = ImageShape(height: 1, width: image.count, channels: 1)
    image.withUnsafeMutableBufferPointer {
      guard let start = $0.baseAddress else { return }
      corruption.apply(to: start, shape: shape, row: row, draws: draws)
    }
    return image
  }

  /// 400,000 draws: the standard deviation is at most 8e-4.
  @Test("X28: the marginals of C6", arguments: [0.05, 0.1, 0.15, 0.5, 1])
  func marginals(c: Double) {
    let (plain, balanced) = (Corruption.bernoulli(c), Corruption.bernoulli(c, balanced: true))
    #expect(abs(mean(plain, of: 0) - c * c) < 4e-3)
    #expect(abs(1 - mean(plain, of: 1) - c * (1 - c)) < 4e-3)
    #expect(abs(mean(balanced, of: 0) - c / 2) < 4e-3)
    #expect(abs(1 - mean(balanced, of: 1) - c / 2) < 4e-3)
  }

  @Test("Without a rate nothing changes; results are binary", arguments: [0, 0.3])
  func binaryStaysBinary(c: Double) {
    let image = (0..<size).map { Float($0 % 3 == 0 ? 1 : 0) }
    for corruption in [.bernoulli(c), .bernoulli(c, balanced: true), Corruption.zeroMask(c)] {
      let found = corrupted(image, corruption, 7)
      #expect((found == image) == (c == 0))
      #expect(found.allSatisfy { $0 == 0 || $0 == 1 })
    }
  }

  @Test(
    """
    X28: C9 leaves an image alone where the mean image is black, and has the rates of C6 where it \
    is not
    """
  )
  func meanImage() {
    let rates = (0..<size).map { $0 < 500 ? Float(0) : 0.25 }
    let noise = Corruption.meanImage.knowing(meanImage: rates)
    var changed = 0.0
    for row in 0..<images {
      let found = corrupted([Float](repeating: 1, count: size), noise, row)
      #expect(found[..<500].allSatisfy { $0 == 1 })
      changed += Double(found[500...].filter { $0 == 0 }.count)
    }
    #expect(abs(changed / Double(images * 500) - 0.25 * 0.75) < 6e-3)
    #expect(noise == .meanImage && noise.spec == "mean-image")
  }

  @Test("C10 multiplies by Bernoulli(1 - c)")
  func zeroMask() {
    #expect(abs(mean(.zeroMask(0.3), of: 0.5) - 0.35) < 3e-3)
    #expect(mean(.zeroMask(0.3), of: 0) == 0)
  }

  @Test("C11 draws from the grey values; binary images stay")
  func binarize() {
    #expect(abs(mean(.binarize, of: 0.3) - 0.3) < 4e-3)
    #expect(mean(.binarize, of: 0) == 0 && mean(.binarize, of: 1) == 1)
  }

  @Test("Images are binarised once: the same draws from any rows, others in another split")
  func binarizedSet() {
    let shape = ImageShape(height: 10, width: 10, channels: 1)
    let grey = ImageSet(
      bytes: (0..<4000).map { UInt8($0 % 256) }, shape: shape, labels: nil, name: "grey")
    let all = grey.binarized(seed: 3, rows: 0..<40)
    #expect(all.values(0..<40).allSatisfy { $0 == 0 || $0 == 1 })
    #expect(grey.binarized(seed: 3, rows: 10..<20).values(10..<20) == all.values(10..<20))
    #expect(grey.binarized(seed: 4, rows: 0..<40).values(0..<40) != all.values(0..<40))
    #expect(all.binarized(seed: 5, rows: 0..<40).values(0..<40) == all.values(0..<40))
    #expect(all.clean == nil)
    #expect(!all.isCorrupted)
    let noisy = grey.corrupted(by: .bernoulli(0.1), seed: 3, rows: 0..<40)
    #expect(noisy.isCorrupted && noisy.binarized(seed: 3, rows: 0..<40).isCorrupted)
    let mean = all.meanImage(of: 0..<40)
    #expect(mean.count == 100 && mean.allSatisfy { (0...1).contains($0) })
  }
}
