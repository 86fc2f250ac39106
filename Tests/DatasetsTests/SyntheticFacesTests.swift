import Foundation
import HDF5
import TestSupport
import Testing

@testable import Datasets

@Suite struct SyntheticFacesTests {
  @Test func facesDependOnSeedSplitAndIndexAlone() {
    let faces = SyntheticFaces.images(count: 20, seed: 1)
    #expect(SyntheticFaces.images(count: 7, seed: 1).values(0..<7) == faces.values(0..<7))
    #expect(SyntheticFaces.images(count: 7, seed: 2).values(0..<7) != faces.values(0..<7))
    let test = SyntheticFaces.images(count: 7, seed: 1, split: .test)
    #expect(test.values(0..<7) != faces.values(0..<7))
    #expect(faces.labels == nil && faces.shape == ImageShape(height: 64, width: 64, channels: 3))
  }

  @Test("Writing on all cores gives the faces that one draws, more than a block of them")
  func written() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "faces.h5").path
      let count = ImageBlocks(imageSize: SyntheticFaces.shape.count).blockLength + 10
      try SyntheticFaces.write(count: count, test: 5, seed: 4, to: path)
      let (train, test) = (try ImageSet.open(path), try ImageSet.open(path, split: "test"))
      let drawn = SyntheticFaces.images(count: count, seed: 4)
      #expect(train.count == count && train.isMapped)
      #expect(train.stored(0..<count).elementsEqual(drawn.stored(0..<count)))
      let others = SyntheticFaces.images(count: 5, seed: 4, split: .test)
      #expect(test.values(0..<5) == others.values(0..<5))
    }
  }

  @Test("Every attribute comes and goes, and the pictures differ as faces do")
  func statistics() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "faces.h5").path
      let count = 2000
      try SyntheticFaces.write(count: count, test: 0, seed: 595, to: path)
      let file = try File.open(path)
      let dataset = try file.dataset("/train/attributes")
      let names = try #require(try file.stringsAttribute("names", on: dataset.path))
      #expect(dataset.shape == [count, names.count] && names == FaceTraits.attributeNames)
      let attributes = try dataset.readAll(as: Int8.self)
      for (column, name) in names.enumerated() {
        let share =
          Double((0..<count).filter { attributes[$0 * names.count + column] == 1 }.count)
          / Double(count)
        #expect((0.02...0.9).contains(share), "\(name): \(share)")
      }
      #expect(attributes.allSatisfy { abs($0) == 1 })

      // The standard deviation of a pixel over the set; CelebA has about 0.28 at this size.
      let values = try ImageSet.open(path).values(0..<count)
      let size = SyntheticFaces.shape.count
      var (sums, squares) = ([Double](repeating: 0, count: size), 0.0)
      for row in 0..<count {
        for j in 0..<size {
          let value = Double(values[row * size + j])
          sums[j] += value
          squares += value * value
        }
      }
      let means = sums.map { $0 / Double(count) }
      let variance =
        squares / Double(count * size) - means.reduce(0) { $0 + $1 * $1 } / Double(size)
      #expect((0.12...0.35).contains(variance.squareRoot()), "\(variance.squareRoot())")
    }
  }
}
