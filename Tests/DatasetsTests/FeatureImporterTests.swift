import Foundation
import HDF5
import TestSupport
import Testing

@testable import Datasets

/// Rows of features from tables, arrays of NumPy and HDF5, with labels, groups and names.
@Suite(.serialized) struct FeatureImporterTests {
  private func npy<Number: BitwiseCopyable>(
    _ descr: String, _ shape: [Int], _ values: [Number]
  ) -> Data {
    NumPyFiles.array(descr, shape, values)
  }

  /// Text of four characters at most, as NumPy stores it.
  private func npy(_ words: [String]) -> Data {
    let scalars = words.flatMap { word in
      (0..<4).map { place in
        Array(word.unicodeScalars).indices.contains(place)
          ? Array(word.unicodeScalars)[place].value : 0
      }
    }
    return NumPyFiles.array("<U4", [words.count], scalars)
  }

  /// Writes files and imports them; returns the data set's path and the lines about it.
  private func imported(
    _ files: [(String, Data)], _ options: [String: String] = [:], in folder: URL
  ) throws -> (path: String, lines: [String]) {
    let paths = try files.map { name, data in
      let file = folder.appending(path: name)
      try data.write(to: file)
      return file.path
    }
    let output = folder.appending(path: "out.h5").path
    let report = try FeatureImporter.run(
      sources: paths, options: options, to: output, force: true)
    return (
      output, report.notes.map { $0.replacingOccurrences(of: folder.path + "/", with: "") }
    )
  }

  /// The message of an import that must fail, and leave nothing.
  private func message(
    _ files: [(String, Data)], _ options: [String: String] = [:]
  ) throws -> String {
    try withTemporaryFolder { folder in
      do {
        return "imported: \(try imported(files, options, in: folder).lines)"
      } catch {
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "out.h5").path))
        return "\(error)".replacingOccurrences(of: folder.path + "/", with: "")
      }
    }
  }

  private static let table = Data(
    """
    name,query,f1,label,f2,f3
    a.png,cat,-1.5,1,1e3,0
    b.png,dog,0.25,0,2,-7
    c.png,cat,3,1,4,1e-3

    """.utf8)

  @Test func tableWithColumnsAside() throws {
    try withTemporaryFolder { folder in
      let (path, lines) = try imported([("t.csv", Self.table)], in: folder)
      #expect(
        lines == [
          "read t.csv: t (line 1 taken as names), 3 rows of 3 features, decimal values, labels "
            + "t column label, groups t groups column query, names t names column name, as train; "
            + "values from -7.0 to 1000.0; 2 groups of 1 to 2 rows"
        ])
      let set = try ImageSet.open(path)
      #expect(set.shape == ImageShape(features: 3) && set.count == 3 && set.isMapped)
      #expect(set.values(0..<3) == [-1.5, 1000, 0, 0.25, 2, -7, 3, 4, 1e-3])
      #expect(set.labels == [1, 0, 1])
      #expect(set.extent == "3 rows of 3 features" && set.rowsName == "rows")
      let originals = try Originals(of: set)
      #expect(originals.names == ["a.png", "b.png", "c.png"])
      #expect(originals.groups == ["cat", "dog", "cat"])
      let file = try File.open(path)
      #expect(try file.dataset("/train/images").shape == [3, 3])
      #expect(try file.stringAttribute("kind", on: "/train/images") == "features")
      #expect(try file.stringAttribute("scaling", on: "/train/images") == "none")
      let summary = try #require(try FeatureSummary(of: path, split: "train"))
      #expect((summary.rows, summary.columns) == (3, 3) && summary.scaling == .none)
      #expect(summary.groups.map(\.name) == ["cat", "dog"])
      #expect(summary.groups.map(\.count) == [2, 1])
      #expect(summary.labels.map(\.name) == ["0", "1"] && summary.labels.map(\.count) == [1, 2])
    }
  }

  /// Columns by number, of a table without names of columns; text becomes classes.
  @Test func tableWithoutHeading() throws {
    try withTemporaryFolder { folder in
      let table = Data("x;1;-2;q;0.5\ny;3;4;q;6\n".utf8)
      let (path, lines) = try imported(
        [("t.csv", table)], ["labels": "1", "groups": "4"], in: folder)
      #expect(lines[0].contains("t (line 1 taken as a row), 2 rows of 3 features"), "\(lines)")
      #expect(lines[0].contains("; classes x, y; 1 group of 2 rows"), "\(lines)")
      let set = try ImageSet.open(path)
      #expect(set.values(0..<2) == [1, -2, 0.5, 3, 4, 6] && set.labels == [0, 1])
    }
  }

  @Test func arraysOfNumPyAndHDF5() throws {
    let values: [Double] = [1, -2, 300, 4, 5, -6, 7, 8]
    try withTemporaryFolder { folder in
      let files = [
        ("x.npy", npy("<f8", [4, 2], values)), ("labels.npy", npy("<i8", [4], [3, 3, 5, 3])),
        ("query.npy", npy(["b", "a", "b", "b"])),
      ]
      let (path, _) = try imported(files, in: folder)
      let set = try ImageSet.open(path)
      #expect(set.values(0..<4) == values.map { Float($0) } && set.labels == [3, 3, 5, 3])
      #expect(try Originals(of: set).groups == ["b", "a", "b", "b"])
      let bare = try imported(files, ["labels": "none", "groups": "none"], in: folder).path
      #expect(try ImageSet.open(bare).labels == nil && RowGroups(of: bare) == nil)

      let source = folder.appending(path: "s.h5").path
      let file = try File.create(source)
      try file.createDataset("/train/codes", .float64, shape: [4, 2]).write(values)
      try file.createDataset("/train/spread", .float32, shape: [4, 2])
        .write([Float](repeating: 1, count: 8))
      try file.createDataset("/train/target", .int32, shape: [4]).write([1, 2, 3, 4] as [Int32])
      try file.createDataset("/train/qid", .int64, shape: [4, 1]).write([30, 4, 30, 4] as [Int64])
      try file.createDataset("/test/codes", .float64, shape: [1, 2]).write([9, 9] as [Double])
      try file.close()
      let output = folder.appending(path: "o.h5").path
      let error = #expect(throws: DatasetError.self) {
        try FeatureImporter.run(sources: [source], to: output)
      }
      #expect(
        error?.description
          == "\(source): arrays: found /train/codes, /train/spread, expected one array of rows for "
          + "each split (--features names it)")
      // The last part of a name is enough; the split follows.
      try FeatureImporter.run(
        sources: [source], options: ["features": "codes", "labels": "target"], to: output)
      let train = try ImageSet.open(output)
      #expect(train.values(0..<4) == values.map { Float($0) } && train.labels == [1, 2, 3, 4])
      // Groups of numbers come in the order of these.
      #expect(try RowGroups(of: output)?.groups.map(\.name) == ["4", "30"])
      #expect(try ImageSet.open(output, split: "test").values(0..<1) == [9, 9])
    }
  }

  /// Several files without groups are groups themselves.
  @Test func filesAreGroups() throws {
    try withTemporaryFolder { folder in
      let files = [("query-2", "7,2\n3,4\n"), ("query-1", "5,6\n")].map {
        ("\($0).csv", Data($1.utf8))
      }
      let (path, lines) = try imported(files, in: folder)
      #expect(lines[0].hasPrefix("read 2 files: query-2 (line 1 taken as a row), query-1 "))
      let set = try ImageSet.open(path)
      #expect(set.count == 3)
      #expect(set.values(0..<set.count) == [7, 2, 3, 4, 5, 6])
      #expect(try Originals(of: set).groups == ["query-2", "query-2", "query-1"])
    }
  }

  /// A group is a set of its own: values, labels, names.
  @Test func rowsOfAGroup() throws {
    try withTemporaryFolder { folder in
      let (path, _) = try imported([("t.csv", Self.table)], in: folder)
      var options = ImageSetOptions()
      options.group = "cat"
      let cats = try ImageSet.open(path, options: options)
      #expect(cats.count == 2 && cats.values(0..<2) == [-1.5, 1000, 0, 3, 4, 1e-3])
      #expect(cats.labels == [1, 1])
      #expect(cats.reading?.hasSuffix("; of these the 2 rows of the group cat") == true)
      let originals = try Originals(of: cats)
      #expect(originals.names == ["a.png", "c.png"] && originals.groups == ["cat", "cat"])
      #expect(try cats.limited(to: 1).selection?.rows == [0])
      options.group = "cta"
      let error = #expect(throws: DatasetError.self) { try ImageSet.open(path, options: options) }
      #expect(
        error?.description
          == "group: found cta, expected a group of \(path), train: cat, dog; did you mean cat?")
      // Without names the column is one of features, and no number.
      #expect(
        try message([("t.csv", Self.table)], ["names": "none"])
          == "t.csv: line 2, column 1: found \"a.png\", expected a number (--labels, --groups and "
          + "--names tell the columns aside)")
    }
  }

  /// Rows of a group without names are known by their places in the file.
  @Test func namesOfRows() throws {
    try withTemporaryFolder { folder in
      let table = Data("query,a,b\np,1,2\nq,3,4\np,5,6\n".utf8)
      let (path, _) = try imported([("t.csv", table)], in: folder)
      var options = ImageSetOptions()
      options.group = "p"
      let set = try ImageSet.open(path, options: options)
      #expect(try Originals(of: set).names == ["row 0", "row 2"])
      #expect(try Originals(of: ImageSet.open(path)).names == nil)
    }
  }

  // MARK: - Scaling

  @Test func standardScaling() throws {
    try withTemporaryFolder { folder in
      let rows: [Float] = [1, 10, 5, 3, 10, -1, 5, 10, 2, 100, 11, 100]
      let files = [("x.npy", npy("<f4", [4, 3], rows))]
      // The last row is a test row, which the scaling does not know.
      let (path, lines) = try imported(files, ["scaling": "standard", "test": "1"], in: folder)
      #expect(lines.contains("test split: the last 1"))
      #expect(
        lines.contains("1 column of 3 with one value everywhere: become 0, not divided"), "\(lines)"
      )
      let (d0, d2) = (Float((8.0 / 3).squareRoot()), Float(6.0.squareRoot()))
      let train = try ImageSet.open(path).values(0..<3)
      let expected: [Float] = [-2 / d0, 0, 3 / d2, 0, 0, -3 / d2, 2 / d0, 0, 0]
      #expect(zip(train, expected).allSatisfy { abs($0 - $1) <= 1e-6 }, "\(train)")
      let test = try ImageSet.open(path, split: "test").values(0..<1)
      #expect(zip(test, [97 / d0, 1, 98 / d2]).allSatisfy { abs($0 - $1) <= 1e-5 }, "\(test)")
      let file = try File.open(path)
      #expect(try file.dataset("/feature_mean").readAll(as: Double.self) == [3, 10, 2])
      let deviation = try file.dataset("/feature_deviation").readAll(as: Double.self)
      #expect(deviation[1] == 1 && abs(deviation[2] - 6.0.squareRoot()) < 1e-12)
      try file.close()

      // Other rows in the same way.
      let kept = folder.appending(path: "kept.h5").path
      try FileManager.default.moveItem(atPath: path, toPath: kept)
      let other = try imported(
        [("new.npy", npy("<f4", [1, 3], [3, 12, 2] as [Float]))], ["scaling": kept], in: folder)
      #expect(try ImageSet.open(other.path).values(0..<1) == [0, 2, 0])
      let narrow = #expect(throws: DatasetError.self) {
        try imported(
          [("z.npy", npy("<f4", [1, 2], [3, 12] as [Float]))], ["scaling": kept], in: folder)
      }
      #expect(
        narrow?.description
          == "\(kept): /train/images: found 3 features, expected 2, as the sources have")
    }
  }

  @Test func unitScaling() throws {
    try withTemporaryFolder { folder in
      let files = [("x.npy", npy("<f4", [3, 2], [3, -4, 0, 0, 1e20, 0] as [Float]))]
      let (path, lines) = try imported(files, ["scaling": "unit"], in: folder)
      #expect(lines.contains("1 row of zeros alone stay 0"))
      #expect(try ImageSet.open(path).values(0..<3) == [0.6, -0.8, 0, 0, 1, 0])
    }
  }

  @Test func testRowsOfEachGroup() throws {
    try withTemporaryFolder { folder in
      let table = Data("query,a,b\np,1,2\nq,3,4\np,5,6\nq,7,8\nq,9,0\n".utf8)
      let (path, lines) = try imported([("t.csv", table)], ["test": "2"], in: folder)
      #expect(lines.contains("test split: the last of each group, 1 of p, 1 of q"), "\(lines)")
      #expect(try ImageSet.open(path, split: "test").values(0..<2) == [5, 6, 9, 0])
      #expect(try RowGroups(of: path, split: .test)?.ofRows == ["p", "q"])
      #expect(try RowGroups(of: path)?.ofRows == ["p", "q", "q"])
    }
  }

  // MARK: - Refusals

  @Test func wrongValuesAndNumbers() throws {
    let good = npy("<f4", [3, 2], [1, 2, 3, 4, 5, 6] as [Float])
    let wrong: [([(String, Data)], [String: String], String)] = [
      (
        [("x.npy", npy("<f4", [3, 2], [1, 2, 3, .nan, 5, 6] as [Float]))], [:],
        "x.npy: x: found nan in row 1, column 1, both from 0, expected finite values, as floats of "
          + "32 bits hold them"
      ),
      (
        [("x.npy", npy("<f8", [1, 2], [1, 1e300] as [Double]))], [:],
        "x.npy: x: found inf in row 0, column 1, both from 0, expected finite values, as floats of "
          + "32 bits hold them"
      ),
      (
        [("x.npy", good), ("labels.npy", npy("<i4", [2], [1, 2] as [Int32]))], [:],
        "labels.npy: labels: found labels [2], expected labels of x in one array, [3] (--labels "
          + "names it, --labels none leaves them out)"
      ),
      (
        [("x.npy", good), ("q.npy", npy(["a", "b", "a", "b"]))], ["groups": "q"],
        "q.npy: q: found q [4], expected groups of x in one array, [3] (--groups names it, --groups "
          + "none leaves them out)"
      ),
      (
        [("x.npy", good), ("z.npy", npy("<f4", [1, 3], [1, 2, 3] as [Float]))], [:],
        "z.npy: z: found 3 features, expected 2, as x of x.npy has"
      ),
      (
        [("x.npy", good), ("y.npy", npy("<f4", [3], [0.5, 1, 2] as [Float]))], [:],
        "y.npy: y: found float32 with fractions, expected whole numbers or text, one for each image"
      ),
      ([("x.npy", good)], ["groups": "q"], "--groups: found q, expected an array of x.npy: x"),
      ([("x.npy", good)], ["features": "q"], "--features: found q, expected an array of x.npy: x"),
      (
        [("x.npy", good)], ["scaling": "minmax"],
        "--scaling: found minmax, expected none, standard, unit or a data set"
      ),
      (
        [("x.npy", npy("<f4", [3, 2, 1], [1, 2, 3, 4, 5, 6] as [Float]))], [:],
        "x.npy: arrays: found x [3, 2, 1], expected one of rows, [N, D] (--features names it)"
      ),
      (
        [("t.csv", Data("a,b\n1,2\n3,\n".utf8))], [:],
        "t.csv: line 3, column 2: found nothing, expected a number (--labels, --groups and --names "
          + "tell the columns aside)"
      ),
      (
        [("t.csv", Data("query,b\n,2\n".utf8))], [:],
        "t.csv: t groups column query: found nothing in row 0, from 0, expected the name of a group"
      ),
      (
        [("a.csv", Data("label,u,v\n1,2,3\n".utf8)), ("b.csv", Data("u,v\n2,3\n".utf8))], [:],
        "b.csv: b: found rows without labels, expected labels in all sources, as a.csv has some "
          + "(--labels none leaves them out)"
      ),
    ]
    for (files, options, expected) in wrong {
      #expect(try message(files, options) == expected)
    }
  }

  /// A file whose features are not what they say, or that options take for images.
  @Test func damagedDataSets() throws {
    try withTemporaryFolder { folder in
      let (path, _) = try imported([("t.csv", Self.table)], in: folder)
      for (option, set) in [
        ("--scale", { $0.scale = 2 }), ("--shape", { $0.shape = [3, 1] }),
      ] as [(String, (inout ImageSetOptions) -> Void)] {
        var options = ImageSetOptions()
        set(&options)
        let error = #expect(throws: DatasetError.self) {
          try ImageSet.open(path, options: options)
        }
        #expect(error?.description.hasPrefix("\(option): found ") == true)
      }
      let file = try File.open(path, writable: true)
      try file.write(attribute: "kind", on: "/train/images", "sounds")
      try file.close()
      let kind = #expect(throws: DatasetError.self) { try ImageSet.open(path) }
      #expect(
        kind?.description == "\(path): /train/images@kind: found sounds, expected features")
    }
  }

  /// Noise for pixels is refused; other noise keeps kind, scaling and groups.
  @Test func corruption() throws {
    try withTemporaryFolder { folder in
      let (path, _) = try imported([("t.csv", Self.table)], ["scaling": "standard"], in: folder)
      let output = folder.appending(path: "noisy.h5").path
      let error = #expect(throws: DatasetError.self) {
        try CorruptImages.run(
          input: path, output: output, noise: .saltPepper(0.2), seed: 1)
      }
      #expect(
        error?.description
          == "noise \"salt-pepper:0.2\": expected none, gaussian:S, zero-mask:P, as \(path) holds "
          + "features")
      try CorruptImages.run(input: path, output: output, noise: .gaussian(0.5), seed: 1)
      let (noisy, clean) = (try ImageSet.open(output), try ImageSet.open(path))
      #expect(noisy.shape.isFeatures && noisy.clean?.values(0..<3) == clean.values(0..<3))
      #expect(noisy.values(0..<3) != clean.values(0..<3))
      #expect(try RowGroups(of: output)?.ofRows == RowGroups(of: path)?.ofRows)
      #expect(try FeatureSummary(of: output, split: "train")?.scaling == .standard)
    }
  }
}
