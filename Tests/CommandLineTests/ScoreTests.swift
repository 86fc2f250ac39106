import Foundation
import HDF5
import Images
import Support
import TestSupport
import Testing

/// `cleave score`: numbers of each image, the threshold, the verdict.
@Suite(.serialized) struct ScoreTests {
  private static let count = 200

  private func prepare(in folder: URL) throws {
    try prepareDigits(Self.count, in: folder)
    let file = try File.open(folder.appending(path: "d.h5").path, writable: true)
    let names = (0..<Self.count).map { $0 == 3 ? "a, \"b\"/3.png" : "\($0).png" }
    try file.createDataset("/train/names", .string, shape: [names.count]).write(strings: names)
    try file.close()
    try Tool.succeed(
      "train demo --data d.h5 --out run --set grid_every=0 --quiet \(tiny)", in: folder)
  }

  private func table(_ name: String, in folder: URL) throws -> [[String]] {
    let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    return text.split(separator: "\n").map { line in
      var (cells, cell, isQuoted) = ([String](), "", false)
      for character in line {
        if character == "\"" { isQuoted.toggle() }
        if character == ",", !isQuoted {
          cells.append(cell)
          cell = ""
        } else {
          cell.append(character)
        }
      }
      return cells + [cell]
    }
  }

  /// The numbers are those of L and S as denoise writes them, the same on any number of ranks.
  @Test func scoresAreThoseOfLAndS() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      let result = try Tool.document("score run --out s.csv --worst 5 --json", in: folder)
      for ranks in [2, 3] {
        try Tool.succeed("score run --out s\(ranks).csv", ranks: ranks, in: folder)
        #expect(
          try Data(contentsOf: folder.appending(path: "s.csv"))
            == Data(contentsOf: folder.appending(path: "s\(ranks).csv")))
      }
      try Tool.succeed("denoise run --out o.h5 --with X,scores", ranks: 2, in: folder)
      let file = try File.open(folder.appending(path: "o.h5").path)
      let s: [Float] = try file.dataset("/S").readAll()
      let l: [UInt8] = try file.dataset("/L").readAll()
      let x: [UInt8] = try file.dataset("/X").readAll()
      let rows = try table("s.csv", in: folder)
      #expect(rows.count == Self.count + 1)
      #expect(
        rows[0] == [
          "row", "name", "label", "s_l1", "s_squares", "nonzero", "residual", "kl", "bound",
          "verdict",
        ])
      #expect(rows[4][1] == "\"a, \"\"b\"\"/3.png\"")
      var residuals: [Float] = []
      for row in 0..<Self.count {
        let cells = rows[row + 1]
        let part = s[row * 784..<(row + 1) * 784]
        let numbers = cells[3...8].map { Double($0) ?? .nan }
        #expect(cells[0] == "\(row)")
        #expect(abs(numbers[0] - part.reduce(0.0) { $0 + Double(abs($1)) }) < 1e-3)
        #expect(abs(numbers[1] - part.reduce(0.0) { $0 + Double($1 * $1) }) < 1e-3)
        #expect(abs(numbers[2] - Double(part.count { $0 != 0 }) / 784) < 1e-6)
        let residual = (row * 784..<(row + 1) * 784).reduce(0.0) {
          let rest = (Double(x[$1]) - Double(l[$1])) / 255
          return $0 + rest * rest
        }
        // L in the file is rounded to bytes.
        #expect(abs(numbers[3] - residual) < 0.01 * residual + 0.2, "\(numbers[3]) \(residual)")
        #expect(numbers[4] > 0 && numbers[5] < 0)
        residuals.append(Float(cells[6]) ?? .nan)
        let stored: [Float] = try file.dataset("/scores/residual").read(rows: row..<row + 1)
        #expect(stored[0] == residuals.last)
      }
      // The verdict is that of the best cut, found by trying all of them.
      let threshold = try #require(result["threshold"]?.number)
      let outliers = rows.dropFirst().filter { $0.last == "outlier" }
      #expect(outliers.count == result["outliers"]?.integer)
      for (row, residual) in residuals.enumerated() {
        #expect((rows[row + 1].last == "outlier") == (Double(residual) >= threshold))
      }
      func within(_ cut: Int, _ sorted: [Double]) -> Double {
        [sorted[..<cut], sorted[cut...]].reduce(0) { sum, side in
          let mean = side.reduce(0, +) / Double(side.count)
          return sum + side.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        }
      }
      let sorted = residuals.map { Double($0) }.sorted()
      let best = (1..<sorted.count).min { within($0, sorted) < within($1, sorted) } ?? 0
      #expect(abs(sorted[best] - threshold) < 1e-6)
      // The mean of KL is what evaluate measures.
      let kl = try Tool.document("evaluate run --metrics kl,elbo --json", in: folder)["metrics"]
      func mean(_ column: Int) -> Double {
        rows.dropFirst().reduce(0) { $0 + (Double($1[column]) ?? .nan) } / Double(Self.count)
      }
      #expect(abs(mean(7) - (kl?["kl"]?.number ?? .nan)) < 1e-4)
      #expect(abs(mean(8) - (kl?["elbo"]?.number ?? .nan)) < 1e-2)
      guard case .array(let worst)? = result["worst"] else {
        Issue.record("\(result)")
        return
      }
      #expect(worst.count == 5)
      #expect(worst[0]["residual"]?.number == sorted.last)
    }
  }

  /// The picture of the worst shows them as they are.
  @Test func thePictureOfTheWorst() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      let result = try Tool.document(
        "score run --out s.h5 --worst 3 --grid worst.png --json", ranks: 2, in: folder)
      let picture = try PNG.read(folder.appending(path: "worst.png").path)
      let images: [UInt8] = try File.open(folder.appending(path: "d.h5").path)
        .dataset("/train/images").readAll()
      guard case .array(let worst)? = result["worst"] else { return }
      let places = try worst.map { image in
        let row = try #require(image["row"]?.integer)
        return try #require(
          picture.places(
            of: Array(images[row * 784..<(row + 1) * 784]), height: 28, width: 28, zoom: 5
          ).first, "row \(row)")
      }
      #expect(places[0].top < places[1].top && places[1].top < places[2].top)
      #expect(Set(places.map(\.left)).count == 1)
      let file = try File.open(folder.appending(path: "s.h5").path)
      #expect(try file.dataset("/names").readStrings().count == Self.count)
      #expect(try file.stringAttribute("by", on: "/scores") == "residual")
    }
  }

  /// A model without S is scored by its residual; a score that a model lacks cannot decide.
  @Test func modelsWithoutSparsePart() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(Self.count, in: folder)
      try Tool.succeed(
        "train mnist-ae --data d.h5 --out ae --set hidden=16 --set latent=2 --set batch=16 "
          + "--max-steps 4 --set grid_every=0 --quiet", in: folder)
      try Tool.succeed("score ae --out s.csv", ranks: 2, in: folder)
      let rows = try table("s.csv", in: folder)
      for row in rows.dropFirst() {
        #expect(row[3...5].allSatisfy(\.isEmpty) && row[7...8].allSatisfy(\.isEmpty), "\(row)")
        #expect((Double(row[6]) ?? 0) > 0)
      }
      try BadInput(
        "score ae --out t.csv --by nonzero",
        "--by: found nonzero, expected a score that the model has: residual", 64
      ).expectFailure(ranks: 2, in: folder)
      try BadInput("score ae --out s.csv", "exists already", 64).expectFailure(
        ranks: nil, in: folder)
      try BadInput("score ae --out t.csv --grid t.jpg", "--grid: found t.jpg", 64)
        .expectFailure(ranks: nil, in: folder)
    }
  }

  /// Images that are of another kind are the outliers.
  @Test func otherImagesAreOutliers() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 400 --test 0 --out d.h5", in: folder)
      let file = try File.open(folder.appending(path: "d.h5").path, writable: true)
      let images = try file.dataset("/train/images")
      var bytes: [UInt8] = try images.readAll()
      // Every twentieth image becomes a chequered one.
      for row in stride(from: 0, to: 400, by: 20) {
        for i in 0..<784 { bytes[row * 784 + i] = (i / 28 / 4 + i % 28 / 4) % 2 == 0 ? 255 : 0 }
      }
      try images.write(bytes)
      try file.close()
      try Tool.succeed(
        "train mnist-vae --data d.h5 --out run --set hidden=32 --set latent=2 --set batch=20 "
          + "--set epochs=8 --set rows=null --set grid_every=0 --quiet", in: folder)
      let result = try Tool.document("score run --out s.csv --json", ranks: 2, in: folder)
      let rows = try table("s.csv", in: folder).dropFirst()
      let outliers = Set(rows.filter { $0.last == "outlier" }.compactMap { Int($0[0]) })
      #expect(outliers == Set(stride(from: 0, to: 400, by: 20)), "\(result)")
    }
  }
}
