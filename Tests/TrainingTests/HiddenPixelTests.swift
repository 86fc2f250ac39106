import Autodiff
import Datasets
import Layers
import Tensors
import Testing

@testable import Training

/// An encoder whose reconstruction of each image is a constant that it is told.
struct Constant: Encoding {
  let value: Float
  var children: [(String, any Module)] { [] }
  func encode(_ x: Variable) -> Code { Code(mean: x) }
  func reconstruct(_ x: Variable, _ step: Step, sampling: Bool) -> Variable {
    let result = step.tape.constant(x.shape)
    for i in 0..<x.shape.count { result.pointer[i] = value }
    return result
  }
}

/// An encoder that gives its input back: it copies noise that it sees.
private struct Copy: Encoding {
  var children: [(String, any Module)] { [] }
  func encode(_ x: Variable) -> Code { Code(mean: x) }
  func reconstruct(_ x: Variable, _ step: Step, sampling: Bool) -> Variable { x }
}

@Suite("Hidden pixels")
struct HiddenPixelTests {
  private let shape = ImageShape(height: 28, width: 28, channels: 1)

  private func measured(
    _ model: any Encoding, _ images: ImageSet, _ rows: Range<Int>, seed: UInt64 = 1
  ) -> BlindSums {
    HiddenPixels(of: model, shape: images.shape, threshold: 0, seed: seed)
      .measure(rows, images.values(rows)).total
  }

  @Test func aShareOfThePixelsIsHiddenAllChannelsTogether() {
    let shape = ImageShape(height: 20, width: 30, channels: 3)
    let draws = Draws(seed: 5, purpose: .hidden, time: 0)
    var hidden = [UInt8](repeating: 9, count: shape.count)
    var count = 0
    var masks: Set<[UInt8]> = []
    for row in 0..<50 {
      HiddenPixels.choose(row, shape, draws, &hidden)
      for first in stride(from: 0, to: shape.count, by: 3) {
        #expect(hidden[first] == hidden[first + 1] && hidden[first] == hidden[first + 2])
        count += Int(hidden[first])
      }
      masks.insert(hidden)
    }
    let share = Double(count) / Double(50 * 600)
    // Four standard errors of a share of 30,000 draws.
    #expect(abs(share - HiddenPixels.share) < 4 * (0.15 * 0.85 / 30_000).squareRoot())
    #expect(masks.count == 50)
  }

  @Test func hiddenPixelsAreFilledByTheMedianOfSeenNeighbours() {
    let shape = ImageShape(height: 3, width: 3, channels: 1)
    let x: [Float] = [0.1, 0.2, 0.3, 0.4, 9, 0.6, 0.7, 0.8, 0.9]
    var result = x
    HiddenPixels.fill(x, [0, 0, 0, 0, 1, 0, 0, 0, 0], shape, into: &result)
    #expect(result[4] == (0.4 + 0.6) / 2)
    HiddenPixels.fill(x, [1, 1, 1, 1, 1, 1, 1, 1, 1], shape, into: &result)
    #expect(result.allSatisfy { $0 == 0.5 })
    var corner = x
    HiddenPixels.fill(x, [1, 1, 0, 1, 1, 0, 0, 0, 0], shape, into: &corner)
    // No neighbour of the corner is seen within one pixel; within two: .3, .6, .7, .8, .9.
    #expect(corner[0] == 0.7)
  }

  @Test func theMeasureIsHubersUnlessNoiseIsKnown() {
    let huber = HiddenPixels.Measure.huber
    #expect(huber(0.5, 0.5) == 0)
    #expect(abs(huber(0.6, 0.5) - 0.005) < 1e-8)
    #expect(abs(huber(0.3, 0.5) - 0.02) < 1e-7)
    #expect(abs(huber(0, 1) - 0.18) < 1e-7)
    let corrected = HiddenPixels.Measure.corrected(offset: 0.25, gain: 0.5)
    #expect(abs(corrected(0.5, 0.5)) < 1e-9)
    #expect(abs(corrected(1, 0) - 2.25) < 1e-6)
  }

  /// Where a quarter of black pixels is flipped, black is the best answer to the corrected error,
  /// and a quarter grey is the best to the plain square.
  @Test func knownFlipsDoNotPullTowardsGrey() {
    let images = ImageSet(bytes: [UInt8](repeating: 0, count: 40 * shape.count), shape: shape)
      .corrupted(by: .saltPepper(0.25), seed: 3, rows: 0..<40)
    func error(_ value: Float, _ offset: Float, _ gain: Float) -> Double {
      HiddenPixels(
        of: Constant(value: value), shape: shape, threshold: 0,
        measure: .corrected(offset: offset, gain: gain), seed: 1
      ).measure(0..<40, images.values(0..<40)).total.error
    }
    let known = [Float(0), 0.25, 0.5].map { error($0, 0.25, 0.5) }
    #expect(known == known.sorted())
    #expect(error(0.25, 0, 1) < error(0, 0, 1))
  }

  /// Of flipped black images, the darkest constant is judged best.
  @Test func theCleanestConstantWinsWithoutCleanImages() {
    let clean = ImageSet(
      bytes: [UInt8](repeating: 0, count: 40 * shape.count), shape: shape)
    for rate in [0.1, 0.25] {
      let noisy = clean.corrupted(by: .saltPepper(rate), seed: 3, rows: 0..<40)
      let errors = [Float(0), 0.3, 0.6, 1].map {
        measured(Constant(value: $0), noisy, 0..<40).error
      }
      #expect(errors == errors.sorted(), "\(rate): \(errors)")
      // h(1) = 0.18 at a share `rate` of the values.
      #expect(abs(errors[0] - 0.18 * rate) < 0.02 * rate + 0.003)
    }
  }

  /// A model that copies what it sees cannot see what is hidden, so it gets no zero.
  @Test func aCopyOfTheNoiseIsNotRewarded() {
    let images = SyntheticDigits.images(count: 60, seed: 2)
      .corrupted(by: .saltPepper(0.25), seed: 3, rows: 0..<60)
    let sums = measured(Copy(), images, 0..<60)
    #expect(sums.error > 0.18 * 0.2)
    #expect(sums.error == sums.medianError)
  }

  /// The result does not depend on the rows beside a row, but on its number.
  @Test func imagesAreJudgedByThemselves() {
    let images = SyntheticDigits.images(count: 12, seed: 2)
    func each(_ rows: Range<Int>, seed: UInt64 = 1) -> [BlindSums] {
      HiddenPixels(of: Constant(value: 0.1), shape: shape, threshold: 0.2, seed: seed)
        .measure(rows, images.values(rows))
    }
    #expect(each(0..<12) == each(0..<5) + each(5..<12))
    #expect(each(0..<12) != each(0..<12, seed: 2))
  }
}
