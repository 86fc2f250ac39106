import Dispatch
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Inception

/// The network against that of the package pytorch-fid with the same random weights.
///
/// pytorch-fid's own single precision is 85 to 230 units off its double precision.
@Suite struct GoldenInceptionTests {
  /// 1e-4 of the largest feature, in units of float epsilon.
  private static let tolerance = 1e-4 / Double(Float.ulpOfOne)
  private static let seed = 1

  @Test func weightsByRuleAreThoseOfTheScript() throws {
    let golden = try Golden("inception.h5")
    let weights = RandomWeights(seed: Self.seed)
    let shapes = [
      "Conv2d_1a_3x3.conv.weight": [32, 3, 3, 3],
      "Mixed_7c.branch_pool.conv.weight": [192, 2048, 1, 1],
      "Mixed_6e.branch7x7_2.bn.running_var": [192],
      "Mixed_5b.branch1x1.bn.weight": [64], "Mixed_5b.branch1x1.bn.bias": [64],
    ]
    #expect(try golden.names(in: "weights").sorted() == shapes.keys.sorted())
    for (name, shape) in shapes {
      let values = try weights.values(name, shape)
      #expect(try Array(values.suffix(8)) == golden.floats("weights/\(name)"), "\(name)")
    }
  }

  @Test func featuresAreThoseOfPyTorch() throws {
    let golden = try Golden("inception.h5")
    let extractor = try InceptionV3(randomWeights: Self.seed)
    #expect(extractor.name == "inception-v3-random")
    var rows: [[Float]] = []
    for number in try golden.names(in: "features") {
      let path = "features/\(number)"
      func side(_ name: String) throws -> Int {
        try Int(#require(try golden.number(name, of: path)))
      }
      let picture = Picture(
        try #require(Int(number)), try side("height"), try side("width"), try side("channels"))
      let found = try extractor.features(
        of: picture.values, count: 1, height: picture.height, width: picture.width,
        channels: picture.channels)
      #expect(found.count == 2048)
      let off = try deviation(found, from: golden.values(path))
      #expect(off < Self.tolerance, "\(picture.height)x\(picture.width): \(off) units")
      rows.append(found)
    }
    #expect(rows.count == 6)
    // The comparison tells something only if features differ from image to image, and are alive.
    let (first, second) = (rows[0], rows[2])
    let largest = try #require(rows.joined().max())
    let apart = zip(first, second).filter { abs($0 - $1) > 1e-3 * largest }.count
    #expect(apart > 1024, "\(apart) features differ")
    #expect(second.filter { $0 > 1e-3 * largest }.count > 1024)
  }

  /// oneDNN's own scratchpads belong to the thread that made a primitive; ours go with the images.
  @Test func featuresDoNotDependOnTheThread() throws {
    nonisolated(unsafe) let extractor = try InceptionV3(randomWeights: 3)
    let picture = Picture(0, 32, 32, 3)
    let expected = try extractor.features(
      of: picture.values, count: 1, height: 32, width: 32, channels: 3)
    for _ in 0..<2 {
      nonisolated(unsafe) var found: Result<[Float], any Error>?
      let isOver = DispatchSemaphore(value: 0)
      let thread = Thread {
        found = Result {
          try extractor.features(of: picture.values, count: 1, height: 32, width: 32, channels: 3)
        }
        isOver.signal()
      }
      thread.start()
      isOver.wait()
      #expect(try found?.get() == expected)
    }
  }

  @Test func featuresDoNotDependOnNeighbours() throws {
    let extractor = try InceptionV3(randomWeights: 2)
    // More images than a group has.
    let pictures = (0..<10).map { Picture($0, 28, 28, 1) }
    let together = try extractor.features(
      of: pictures.flatMap(\.values), count: pictures.count, height: 28, width: 28, channels: 1)
    for number in [0, 7, 9] {
      let alone = try extractor.features(
        of: pictures[number].values, count: 1, height: 28, width: 28, channels: 1)
      #expect(alone == Array(together[2048 * number..<2048 * (number + 1)]), "image \(number)")
    }
    let grey = pictures[3].values
    let colour = grey.flatMap { [$0, $0, $0] }
    let (ofGrey, ofColour) = (
      Array(together[2048 * 3..<2048 * 4]),
      try extractor.features(of: colour, count: 1, height: 28, width: 28, channels: 3)
    )
    #expect(ofGrey == ofColour)
  }

  @Test func noImagesHaveNoFeatures() throws {
    let extractor = try InceptionV3(randomWeights: 2)
    #expect(
      try extractor.features(of: [0], count: 0, height: 28, width: 28, channels: 1).isEmpty)
  }

  @Test func imagesThatAreNotFiniteAreRefused() throws {
    let extractor = try InceptionV3(randomWeights: 2)
    var images = Picture(0, 28, 28, 1).values + Picture(1, 28, 28, 1).values
    images[28 * 28 + 300] = .nan
    let error = #expect(throws: FeatureError.self) {
      _ = try extractor.features(of: images, count: 2, height: 28, width: 28, channels: 1)
    }
    #expect(
      error?.description
        == "features by inception-v3-random: image 1: found nan as value 300, expected finite values"
    )
    #expect(error?.exitStatus == 65)
  }
}

/// An image by the rule of `picture` in `Tests/Golden/inception.py`.
struct Picture {
  let height: Int, width: Int, channels: Int
  /// [height, width, channels].
  let values: [Float]

  init(_ number: Int, _ height: Int, _ width: Int, _ channels: Int) {
    (self.height, self.width, self.channels) = (height, width, channels)
    let m = 97 + 31 * number
    var values: [Float] = []
    for y in 0..<height {
      for x in 0..<width {
        for channel in 0..<channels {
          let t =
            (3 + 5 * number) * y + (7 + 2 * number) * x + 40 * (number + 1) * channel
            + x * y * (number % 3) / 4
          values.append(Float(abs(2 * (t % m) - m)) / Float(m))
        }
      }
    }
    self.values = values
  }
}
