import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite struct FreyImporterTests {
  /// Pixel p of face i.
  private func pixel(_ face: Int, _ p: Int) -> UInt8 { UInt8((face * 31 + p * 7) % 251) }

  private func faces(_ count: Int) -> [UInt8] {
    (0..<count).flatMap { face in (0..<560).map { pixel(face, $0) } }
  }

  private func image(_ set: ImageSet, _ row: Int) -> [UInt8] {
    set.values(row..<row + 1).map { UInt8(($0 * 255).rounded()) }
  }

  @Test(arguments: MATLABFiles.Version.allCases, [true, false])
  func columnsBecomeImages(version: MATLABFiles.Version, isBytes: Bool) throws {
    try withTemporaryFolder { folder in
      let (mat, out) = (folder.appending(path: "f.mat").path, folder.appending(path: "f.h5").path)
      let pixels = faces(9)
      try MATLABFiles.write(
        mat, version, variable: "ff", rows: 560, columns: 9,
        isBytes ? .bytes(pixels) : .doubles(pixels.map(Double.init)))
      try FreyImporter.run(sources: [mat], to: out)
      let set = try ImageSet.open(out)
      #expect(set.shape == ImageShape(height: 28, width: 20, channels: 1) && set.count == 9)
      for face in 0..<9 { #expect(image(set, face) == (0..<560).map { pixel(face, $0) }) }
      #expect(throws: (any Error).self) { try ImageSet.open(out, split: "test") }
    }
  }

  /// D-20: 1572, 295 and 98 of the 1965 faces, each face once; or the first faces in all splits.
  @Test func splits() throws {
    try withTemporaryFolder { folder in
      let mat = folder.appending(path: "f.mat").path
      // The first two pixels hold the number of the face.
      var pixels = [UInt8](repeating: 0, count: 1965 * 560)
      for face in 0..<1965 {
        (pixels[face * 560], pixels[face * 560 + 1]) = (UInt8(face / 256), UInt8(face % 256))
      }
      try MATLABFiles.write(mat, variable: "faces", rows: 560, columns: 1965, .bytes(pixels))
      func rows(_ file: String, _ split: String) throws -> [Int] {
        let set = try ImageSet.open(folder.appending(path: file).path, split: split)
        return (0..<set.count).map {
          let first = image(set, $0).prefix(2)
          return Int(first[0]) * 256 + Int(first[1])
        }
      }
      func run(_ file: String, _ options: [String: String]) throws {
        try FreyImporter.run(
          sources: [mat], options: options.merging(["variable": "faces"]) { $1 },
          to: folder.appending(path: file).path)
      }
      try run("shuffled.h5", ["splits": "shuffled"])
      let parts = try ["train", "validation", "test"].map { try rows("shuffled.h5", $0) }
      #expect(parts.map(\.count) == [1572, 295, 98])
      #expect(parts.joined().sorted() == Array(0..<1965))
      #expect(parts[0] != parts[0].sorted())
      try run("again.h5", ["splits": "shuffled", "seed": "1"])
      #expect(try rows("again.h5", "test") != parts[2])
      try run("first.h5", ["splits": "first"])
      for (split, count) in [("train", 1572), ("validation", 295), ("test", 200)] {
        #expect(try rows("first.h5", split) == Array(0..<count))
      }
    }
  }

  private func message(_ folder: URL, _ options: [String: String] = [:]) -> String {
    do {
      try FreyImporter.run(
        sources: [folder.appending(path: "f.mat").path], options: options,
        to: folder.appending(path: "f.h5").path)
    } catch { return "\(error)".replacing(folder.path + "/", with: "") }
    return ""
  }

  @Test func whatIsWrongIsSaidInOneLine() throws {
    try withTemporaryFolder { folder in
      let mat = folder.appending(path: "f.mat").path
      #expect(message(folder) == "f.mat: No such file or directory")
      try Data("MATLAB it is not".utf8).write(to: URL(filePath: mat))
      #expect(message(folder) == "f.mat: cannot be read as a MATLAB file")
      try FileManager.default.removeItem(atPath: mat)
      try MATLABFiles.write(mat, variable: "ff", rows: 560, columns: 2, .bytes(faces(2)))
      #expect(
        message(folder, ["variable": "gg"])
          == "f.mat: variable gg: found none of that name, expected one of ff")
      #expect(
        message(folder, ["splits": "shuffled"])
          == "f.mat: variable ff: found 2 faces, expected more than 1867 for --splits shuffled")
      #expect(
        message(folder, ["splits": "dvae"])
          == "--splits: found dvae, expected one of all, shuffled, first")
      try MATLABFiles.write(mat, variable: "ff", rows: 280, columns: 4, .bytes(faces(2)))
      #expect(
        message(folder)
          == "f.mat: variable ff: found 280 x 4 numbers, expected 560 x N, one face of 28 x 20 a "
          + "column"
      )
      try MATLABFiles.write(
        mat, .sevenPointThree, variable: "ff", rows: 560, columns: 1,
        .doubles(Array(repeating: 0.5, count: 560)))
      #expect(
        message(folder)
          == "f.mat: variable ff: found 0.5, expected whole numbers from 0 to 255")
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "f.h5").path))
    }
  }

  @Test(.enabled(if: TestData.has("frey/frey_rawface.mat"), "no frey/frey_rawface.mat"))
  func theRealFaces() throws {
    try withTemporaryFolder { folder in
      let out = folder.appending(path: "frey.h5").path
      try FreyImporter.run(sources: [try TestData.path("frey/frey_rawface.mat")], to: out)
      let set = try ImageSet.open(out)
      #expect(set.count == 1965 && set.shape == ImageShape(height: 28, width: 20, channels: 1))
      let values = set.values(0..<1965).map { Int(($0 * 255).rounded()) }
      #expect(values.min() == 8 && values.max() == 238)
      #expect(abs(Double(values.reduce(0, +)) / Double(values.count) - 154.46) < 0.01)
      // A row of a face resembles the next row; the columns of a transposed face differ more.
      let face = Array(values[0..<560])
      let down = (0..<540).reduce(0) { $0 + abs(face[$1] - face[$1 + 20]) }
      let wrong = (0..<532).reduce(0) { $0 + abs(face[$1] - face[$1 + 28]) }
      #expect(Double(down) / 540 < 0.8 * Double(wrong) / 532)

      // docs/systems.md, 2: 1179 of the 1965 faces get a disc at f = 0.6; the errors are in
      // docs/expected-recycling.md, 1.
      func error(_ noise: Corruption) -> (hit: Int, mse: Double) {
        let noisy = set.corrupted(by: noise, seed: 595, rows: 0..<1965).values(0..<1965)
        let clean = set.values(0..<1965)
        let squares = zip(noisy, clean).map { Double($0 - $1) * Double($0 - $1) }
        let hit = (0..<1965).filter { row in
          squares[row * 560..<row * 560 + 560].contains { $0 > 0 }
        }
        return (hit.count, squares.reduce(0, +) / Double(squares.count))
      }
      let discs = error(.disc(0.6))
      #expect(abs(discs.hit - 1179) <= 1)
      #expect(abs(discs.mse - 342e-4) < 20e-4)
      #expect(abs(error(.disc(0.6, large: true)).mse - 639e-4) < 40e-4)
      let rectangles = error(.rectangle(1))
      #expect(rectangles.hit == 1965 && abs(rectangles.mse - 558e-4) < 30e-4)
    }
  }
}
