import Autodiff
import Datasets
import Layers
import Testing

@testable import Training

@Suite("Planted damage")
struct PlantedRepairTests {
  private let shape = ImageShape(height: 24, width: 40, channels: 3)

  private func grey(_ count: Int) -> [Float] { Array(repeating: 0.5, count: count * shape.count) }

  @Test func aTenthOfThePixelsIsPaintedTheSameAtEveryCall() {
    var images: Set<[Float]> = []
    for row in 0..<20 {
      var (first, again) = (grey(1), grey(1))
      PlantedDamage.plant(on: &first, shape: shape, row: row, seed: 3)
      PlantedDamage.plant(on: &again, shape: shape, row: row, seed: 3)
      #expect(first == again)
      let painted = stride(from: 0, to: first.count, by: 3).count { at in
        (at..<at + 3).contains { first[$0] != 0.5 }
      }
      // A blotch more than a tenth has at most 11 x 11 pixels and a line.
      #expect(painted >= 96 && painted < 96 + 121 + 3 * 47)
      images.insert(first)
    }
    #expect(images.count == 20)
  }

  /// A model that knows the clean images repairs them; without S, its L is judged; a median cannot.
  @Test func aRightModelRepairsAndAWrongOneDoesNot() {
    func found(_ value: Float, threshold: Float) -> BlindSums {
      PlantedRepair(
        of: Constant(value: value), shape: shape, patchesOf: nil, rule: .firm,
        threshold: threshold, seed: 3
      ).measure(0..<4, grey(4)).total
    }
    let right = found(0.5, threshold: 0.1)
    #expect(right.count == Double(4 * shape.count))
    // Colours within 2 t of grey stay in part.
    #expect(right.error < 0.1 * right.medianError && right.medianError > 0)
    #expect(found(0.5, threshold: 0).error == 0)
    // Nothing is repaired at a threshold above all damage: a tenth of the values is off.
    let blind = found(0.5, threshold: 0.6)
    #expect(blind.error > 3 * right.error)
    // L of another grey, as it is.
    #expect(abs(found(0.7, threshold: 0).error - 0.02) < 1e-6)
  }

  /// Patches give L of whole images: a constant has the same error by patches and as a whole.
  @Test(arguments: [1, 5]) func patchesAreJudgedAsWholeImages(stride: Int) throws {
    let images = ImageSet(floats: grey(3), shape: shape)
    let patches = try images.patches(8, stride: stride)
    let whole = PlantedRepair(
      of: Constant(value: 0.4), shape: shape, patchesOf: nil, rule: .firm, threshold: 0.2, seed: 3
    ).measure(0..<3, grey(3))
    let parts = PlantedRepair(
      of: Constant(value: 0.4), shape: patches.shape, patchesOf: patches.patching, rule: .firm,
      threshold: 0.2, seed: 3
    ).measure(0..<3, grey(3))
    for (a, b) in zip(whole, parts) {
      #expect(a.count == b.count && abs(a.error - b.error) < 1e-6 && a.median == b.median)
    }
    let hidden = HiddenPixels(
      of: Constant(value: 0.4), shape: patches.shape, patchesOf: patches.patching, threshold: 0,
      seed: 3
    ).measure(0..<3, grey(3))
    let usual = HiddenPixels(of: Constant(value: 0.4), shape: shape, threshold: 0, seed: 3)
      .measure(0..<3, grey(3))
    for (a, b) in zip(hidden, usual) {
      #expect(a.count == b.count && abs(a.error - b.error) < 1e-6 && a.median == b.median)
    }
  }
}
