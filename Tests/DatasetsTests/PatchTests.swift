import Datasets
import TestSupport
import Testing

@Suite("Patches of images")
struct PatchTests {
  /// Every pixel of images of mixed sizes is seen, and the last patch of a side ends with the image.
  @Test func theGridCoversImagesOfAnySize() {
    let sizes = [(height: 16, width: 16), (height: 17, width: 33), (height: 40, width: 23)]
    for stride in [1, 4, 5, 16] {
      let grid = PatchGrid(side: 16, stride: stride, sizes: sizes)
      #expect(grid.images == 3)
      var row = 0
      for (image, size) in sizes.enumerated() {
        var seen = Array(repeating: 0, count: size.height * size.width)
        #expect(grid.rows(of: image).lowerBound == row)
        for patch in grid.rows(of: image) {
          #expect(grid.image(of: patch) == image)
          let (y, x) = grid.corner(of: patch, in: image)
          for dy in 0..<16 { for dx in 0..<16 { seen[(y + dy) * size.width + x + dx] += 1 } }
          row += 1
        }
        #expect(seen.allSatisfy { $0 > 0 }, "\(size), stride \(stride)")
      }
      #expect(grid.count == row)
    }
    #expect(PatchGrid(side: 16, stride: 4, sizes: [(64, 64)]).count == 13 * 13)
    #expect(PatchGrid(side: 16, stride: 4, sizes: [(16, 16), (17, 16)]).count == 1 + 2)
  }

  @Test func patchesAreTheirPixelsAndMakeTheImageAgain() throws {
    let shape = ImageShape(height: 9, width: 7, channels: 3)
    let bytes = (0..<2 * shape.count).map { UInt8($0 % 251) }
    let images = ImageSet(bytes: bytes, shape: shape)
    let patches = try images.patches(4, stride: 3)
    #expect(patches.shape == ImageShape(height: 4, width: 4, channels: 3))
    #expect(patches.count == 2 * 3 * 2 && patches.isPatches && patches.whole === images)
    let source = try #require(patches.patching)
    let whole = images.values(0..<2)
    for image in 0..<2 {
      let rows = source.grid.rows(of: image)
      let values = patches.values(rows)
      var (sums, counts) = (
        [Float](repeating: 0, count: shape.count), [Float](repeating: 0, count: 9 * 7)
      )
      source.add(rows, of: image, values, to: &sums, &counts)
      for i in sums.indices {
        #expect(abs(sums[i] / counts[i / 3] - whole[image * shape.count + i]) < 1e-6)
      }
    }
    // Rows in any order, and the noise of a set.
    let some: [Int32] = [11, 0, 7]
    var gathered = [Float](repeating: 0, count: 3 * 48)
    some.withUnsafeBufferPointer { patches.gather($0, into: &gathered) }
    #expect(gathered == some.flatMap { patches.values(Int($0)..<Int($0) + 1) })
    let noisy = images.corrupted(by: .saltPepper(0.5), seed: 1, rows: 0..<2)
    let ofNoisy = try noisy.patches(4, stride: 3)
    #expect(ofNoisy.values(0..<12) != patches.values(0..<12))
    #expect(try #require(ofNoisy.clean).values(0..<12) == patches.values(0..<12))
  }

  /// What rows and images are, in words; numbers of rows have 32 bits.
  @Test func extentsAreSaid() throws {
    let shape = ImageShape(height: 9, width: 7, channels: 3)
    let images = ImageSet(bytes: Array(repeating: 9, count: 2 * shape.count), shape: shape)
    #expect(images.extent == "2 images of 9x7x3" && images.rowsName == "images")
    let patches = try images.patches(4, stride: 3)
    #expect(patches.extent == "2 images, 12 patches of 4x4x3" && patches.rowsName == "patches")
    #expect(patches.extent(of: 1) == "1 image, 1 patch of 4x4x3")
    #expect(patches.extent(of: 6) == "1 image, 6 patches of 4x4x3")
    #expect(patches.extent(of: 7) == "2 images, 7 patches of 4x4x3")
    let large = ImageSet(
      count: 1, shape: .init(height: 65536, width: 65536, channels: 1), heldRows: 0..<0
    ) { _, _ in }
    #expect {
      try large.patches(16, stride: 1)
    } throws: {
      "\($0)".contains("found 4,293,001,441 patches, expected no more than 2,147,483,647")
    }
    #expect(try large.patches(16, stride: 4).count == 16381 * 16381)
  }

  @Test func imagesBelowAPatchAreRefused() {
    let images = ImageSet(
      bytes: Array(repeating: 0, count: 100), shape: .init(height: 10, width: 10, channels: 1))
    #expect {
      try images.patches(11, stride: 4)
    } throws: {
      "\($0)".contains("found 10x10x1 in row 0, expected at least 11 pixels on each side")
    }
  }

  /// Rows are told by 32 bits; the error says what makes fewer.
  @Test func tooManyPatchesAreRefused() throws {
    let images = ImageSet(
      count: 40_000, shape: ImageShape(height: 256, width: 256, channels: 1), heldRows: 0..<0
    ) { _, _ in }
    let error = #expect(throws: DatasetError.self) { try images.patches(2, stride: 1) }
    #expect(
      error?.description.contains(
        "found 2,601,000,000 patches, expected no more than 2,147,483,647")
        == true, "\(String(describing: error))")
    #expect(try images.patches(2, stride: 1, of: 10).count == 650_250)
    #expect(try images.patches(2, stride: 2).count == 40_000 * 128 * 128)
  }

  /// A limit counts images, and what is left out can still be found.
  @Test func patchesOfTheFirstImages() throws {
    let images = ImageSet(
      bytes: Array(repeating: 7, count: 5 * 64), shape: ImageShape(height: 8, width: 8, channels: 1)
    )
    let some = try images.patches(4, stride: 4, of: 2)
    #expect(some.count == 8 && some.whole.count == 2 && some.patching?.all === images)
    #expect(try images.patches(4, stride: 4, of: 9).count == 20)
  }
}
