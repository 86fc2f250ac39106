import Foundation
import HDF5
import TestSupport
import Testing

@testable import Datasets

/// Pictures of mixed sizes as they lie in a file.
struct MixedPicturesTests {
  /// A file with pictures of these sizes, whose last pixels alone are written.
  private func file(
    _ sizes: [Int32], pixels: Int, labels: [Int32]? = nil, in folder: URL
  ) throws -> String {
    let path = folder.appending(path: "m.h5").path
    try DatasetWriter.write(path, name: "m", source: "test", force: true) { writer in
      let dataset = try writer.createPixels(.train, count: pixels, channels: 1)
      let last: [UInt8] = [9]
      try last.withUnsafeBytes { bytes in
        if let start = bytes.baseAddress {
          try dataset.write(rows: pixels - 1..<pixels, from: start, as: .uint8)
        }
      }
      try writer.write(sizes: sizes, of: .train)
      if let labels { try writer.write(labels: labels, of: .train) }
    }
    return path
  }

  private let options = {
    var options = ImageSetOptions()
    options.takesMixed = true
    return options
  }()

  /// A set may have more pixels than 32 bits can tell; the file is sparse.
  @Test func morePixelsThanRowsCanTell() throws {
    try withTemporaryFolder { folder in
      let sizes: [Int32] = [40_000, 40_000, 30_000, 40_000]
      let path = try file(sizes, pixels: 2_800_000_000, labels: [4, 7], in: folder)
      let set = try ImageSet.open(path, options: options)
      #expect(set.count == 2 && set.isMixed && set.labels == [4, 7])
      #expect(set.stored(1..<2).last == 9)
      #expect(set.reading?.contains("labels of 2 classes") == true)
    }
  }

  /// Sides whose areas overflow, and sums of them, are told from those of the pixels.
  @Test func sizesThatAreNotThoseOfThePixels() throws {
    let most = Int32.max
    let cases: [([Int32], String)] = [
      ([most, most, most, most, most, most], "found \(most)x\(most) in row 0"),
      ([2, 2, 3, 3], "found 3x3 in row 1, expected no more than the 6 pixels that are left of 10"),
      ([2, 2, 1, 1], "found 10 pixels, expected 5, those of all sizes"),
      ([1, -1, 1, 1], "found 1x-1 in row 0, expected positive sides"),
    ]
    for (sizes, words) in cases {
      try withTemporaryFolder { folder in
        let path = try file(sizes, pixels: 10, in: folder)
        let error = #expect(throws: DatasetError.self) {
          try ImageSet.open(path, options: options)
        }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
      }
    }
  }

  /// The first pictures of a set have labels, sizes and smallest sides of their own.
  @Test func firstPictures() throws {
    try withTemporaryFolder { folder in
      let path = try file([3, 3, 2, 4, 1, 1], pixels: 18, labels: [5, 6, 7], in: folder)
      let set = try ImageSet.open(path, options: options)
      #expect(set.shape == ImageShape(height: 1, width: 1, channels: 1))
      let some = try set.limited(to: 2)
      #expect(some.shape == ImageShape(height: 2, width: 3, channels: 1))
      #expect(some.labels == [5, 6] && some.sizes?.count == 2)
      #expect(try Originals(of: set).labels == [5, 6, 7])
    }
  }
}
