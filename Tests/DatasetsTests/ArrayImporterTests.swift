import Foundation
import HDF5
import TestSupport
import Testing

@testable import Datasets

private func npy(
  _ descr: String, _ shape: [Int], _ values: [UInt8], fortran: Bool = false
) -> Data {
  NumPyFiles.array(descr, shape, values, fortran: fortran)
}

/// Arrays of NumPy, tables, and HDF5 files of other programs.
@Suite(.serialized) struct ArrayImporterTests {
  private func bytes<Number>(_ values: [Number]) -> [UInt8] {
    values.withUnsafeBytes { Array($0) }
  }

  /// Imports files of arrays, and returns the data set and the line about it.
  private func imported(
    _ files: [(String, Data)], _ options: [String: String] = [:], in folder: URL
  ) throws -> (train: ImageSet, line: String) {
    let paths = try files.map { name, data in
      let file = folder.appending(path: name)
      try data.write(to: file)
      return file.path
    }
    let output = folder.appending(path: "out.h5").path
    let report = try ArrayImporter.run(
      sources: paths, options: options, to: output, force: true)
    return (
      try ImageSet.open(output),
      report.notes.joined(separator: " ").replacingOccurrences(of: folder.path + "/", with: "")
    )
  }

  private func message(
    _ name: String, _ data: Data, _ options: [String: String] = [:]
  ) throws -> String {
    try withTemporaryFolder { folder in
      do {
        return try imported([(name, data)], options, in: folder).line
      } catch {
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "out.h5").path))
        return "\(error)".replacingOccurrences(of: folder.path + "/", with: "")
      }
    }
  }

  @Test func typesOfNumPy() throws {
    let pixels = (0..<12).map { $0 * 23 }
    let floats = pixels.map { Float($0) / 255 }
    let cases: [(String, [UInt8], Float)] = [
      ("|u1", pixels.map { UInt8($0) }, 0), ("<i2", bytes(pixels.map { Int16($0) }), 0),
      (">u4", bytes(pixels.map { UInt32($0).bigEndian }), 0), ("<i8", bytes(pixels), 0),
      ("<f4", bytes(floats), 0), ("<f8", bytes(floats.map { Double($0) }), 0),
      ("<f2", bytes(floats.map { Float16($0) }), 5e-4),
      ("<u2", bytes(pixels.map { UInt16($0) * 257 }), 0),
    ]
    try withTemporaryFolder { folder in
      for (descr, values, tolerance) in cases {
        let (set, line) = try imported([("x.npy", npy(descr, [2, 2, 3], values))], in: folder)
        #expect(set.shape == ImageShape(height: 2, width: 3, channels: 1), "\(line)")
        #expect(
          zip(set.values(0..<2), floats).allSatisfy { abs($0 - $1) <= tolerance }, "\(line)")
        // Whole numbers of bytes stay bytes.
        #expect(set.isEightBit == (descr != "<u2" && !descr.contains("f")), "\(line)")
      }
      let (bools, line) = try imported(
        [("x.npy", npy("|b1", [1, 2, 2], [0, 1, 1, 0]))], in: folder)
      #expect(bools.values(0..<1) == [0, 1, 1, 0])
      #expect(
        line
          == "read x.npy: x, 1 image of 2x2x1, bool values 0 to 1 as they are, no labels, as train")
      // The first index first; rows and columns exchanged; channels first.
      let order = npy("|u1", [1, 2, 3], [100, 103, 101, 104, 102, 105], fortran: true)
      #expect(
        try imported([("x.npy", order)], in: folder).train.bytes(0..<1)
          == [100, 101, 102, 103, 104, 105])
      let plain = npy("|u1", [1, 2, 3], [100, 101, 102, 103, 104, 105])
      let turned = try imported([("x.npy", plain)], ["transpose": ""], in: folder).train
      #expect(turned.shape == ImageShape(height: 3, width: 2, channels: 1))
      #expect(turned.bytes(0..<1) == [100, 103, 101, 104, 102, 105])
      let planes = npy("|u1", [1, 3, 1, 2], [10, 11, 20, 21, 30, 31].map { $0 + 100 })
      let mixed = try imported([("x.npy", planes)], ["layout": "nchw"], in: folder).train
      #expect(mixed.bytes(0..<1) == [110, 120, 130, 111, 121, 131])
      #expect(
        try message("x.npy", planes)
          == "x.npy: x: found uint8 [1, 3, 1, 2], expected [N, H, W, C] with 1 or 3 channels C "
          + "(--shape tells the sides of [N, D]) (--layout nchw for [N, C, H, W])")
    }
  }

  @Test func namesTellSplitsAndLabels() throws {
    try withTemporaryFolder { folder in
      let images = npy("|u1", [3, 2, 2], patternBytes(12).map { $0 | 128 })
      let labels = npy("<i8", [3], bytes([4, 0, 2]))
      let words = npy("<U3", [3], "oneoneten".unicodeScalars.flatMap { bytes([$0.value]) })
      let (pair, line) = try imported(
        [("k-train-imgs.npy", images), ("k-train-labels.npy", labels)], in: folder)
      #expect(pair.labels == [4, 0, 2])
      #expect(line.contains("labels k-train-labels, as train"))
      let zip = folder.appending(path: "set.npz")
      try PictureFiles.zip(
        [
          ("x_train.npy", images), ("y_train.npy", words), ("x_test.npy", images),
          ("y_test.npy", words), ("other.npy", labels),
        ], to: zip.path, deflated: true)
      let output = folder.appending(path: "out.h5").path
      let report = try ArrayImporter.run(sources: [zip.path], to: output, force: true)
      #expect(report.notes[0].hasSuffix("; classes one, ten; not read: other"), "\(report.notes)")
      #expect(try ImageSet.open(output).labels == [0, 0, 1])
      #expect(try ImageSet.open(output, split: "test").labels == [0, 0, 1])
      #expect(try File.open(output).dataset("/label_names").readStrings() == ["one", "ten"])
      try ArrayImporter.run(
        sources: [zip.path], options: ["images": "x_test", "labels": "other"], to: output,
        force: true)
      #expect(
        try DatasetSummary(of: output).splits == [
          "train": ["images": [3, 2, 2, 1], "labels": [3]]
        ])
      #expect(try ImageSet.open(output).labels == [4, 0, 2])
    }
    #expect(
      try message("set.npy", npy("|u1", [3, 2, 2], patternBytes(12)), ["images": "x_train"])
        == "--images: found x_train, expected an array of set.npy: set")
  }

  /// Test images are the last of each class, with their labels.
  @Test func testImagesAreOfEveryClass() throws {
    try withTemporaryFolder { folder in
      let images = npy("|u1", [6, 2, 2], (0..<24).map { UInt8($0 + 200) })
      let labels = npy("<i8", [6], bytes([7, 3, 7, 7, 3, 7]))
      let words = npy("<U1", [6], "bababb".unicodeScalars.flatMap { bytes([$0.value]) })
      func rows(_ split: String) throws -> (first: [UInt8], labels: [Int32]?) {
        let set = try ImageSet.open(folder.appending(path: "out.h5").path, split: split)
        return ((0..<set.count).map { set.bytes($0..<$0 + 1)[0] }, set.labels)
      }
      let (_, line) = try imported(
        [("x.npy", images), ("y.npy", labels)], ["test": "3", "images": "x", "labels": "y"],
        in: folder)
      #expect(line.hasSuffix(" test split: the last of each class, 1 of 3, 2 of 7"), "\(line)")
      #expect(try rows("test").first == [212, 216, 220] && rows("test").labels == [7, 3, 7])
      #expect(try rows("train").first == [200, 204, 208] && rows("train").labels == [7, 3, 7])
      let (_, named) = try imported(
        [("x.npy", images), ("y.npy", words)], ["test": "1", "images": "x", "labels": "y"],
        in: folder)
      #expect(named.hasSuffix("the last of each class, 1 of a, 0 of b"), "\(named)")
      #expect(try rows("test").first == [212] && rows("test").labels == [0])
      let (_, plain) = try imported([("x.npy", images)], ["test": "2"], in: folder)
      #expect(plain.hasSuffix(" test split: the last 2"), "\(plain)")
      #expect(try rows("test").first == [216, 220] && rows("train").labels == nil)
      // Some blocks of rows, and floats.
      let many: [Float] = (0..<9000).map { Float($0) / 9000 }
      let wide = npy(
        "<f4", [9000, 24, 24], bytes(many.flatMap { Array(repeating: $0, count: 576) }))
      let (train, _) = try imported([("w.npy", wide)], ["test": "1000"], in: folder)
      let test = try ImageSet.open(folder.appending(path: "out.h5").path, split: "test")
      #expect(train.count == 8000 && test.count == 1000)
      func isGrey(_ set: ImageSet, _ row: Int, _ value: Float) -> Bool {
        set.values(row..<row + 1) == Array(repeating: value, count: 576)
      }
      #expect(isGrey(train, 0, many[0]) && isGrey(train, 7999, many[7999]))
      #expect(isGrey(test, 0, many[8000]) && isGrey(test, 999, many[8999]))
    }
    let images = npy("|u1", [3, 2, 2], patternBytes(12).map { $0 | 128 })
    #expect(
      try message("x.npy", images, ["test": "3"])
        == "--test: found 3, expected an integer from 0 to 2")
    try withTemporaryFolder { folder in
      let files = [("x_train.npy", images), ("x_test.npy", images)]
      let error = #expect(throws: DatasetError.self) {
        try imported(files, ["test": "1"], in: folder)
      }
      #expect(
        error?.description == "--test: found 1, expected none, as x_test holds 3 test images")
    }
  }

  @Test func tables() throws {
    try withTemporaryFolder { folder in
      let (set, line) = try imported(
        [("train.csv", Data("label,p0,p1,p2,p3\r\n7,0,255,3,4\r\n\n1,5,6,7,8\r\n".utf8))],
        in: folder)
      #expect(set.labels == [7, 1] && set.shape == ImageShape(height: 2, width: 2, channels: 1))
      #expect(set.bytes(0..<2) == [0, 255, 3, 4, 5, 6, 7, 8])
      #expect(
        line
          == "read train.csv: train, 2 images of 2x2x1, integer values 0 to 255 as v/255, line 1 "
          + "taken as names, labels train column label, as train")
      // Without names of columns: a label and a square; semicolons; decimals.
      let plain = try imported([("a.csv", Data("3;0;.5;1;0.25\n".utf8))], in: folder).train
      #expect(plain.labels == [3] && plain.values(0..<1) == [0, 0.5, 1, 0.25])
      let words = try imported(
        [("a.tsv", Data("x\tkind\ty0\tz\tw\n9\tcat\t200\t3\t4\n1\tant\t0\t5\t6\n".utf8))],
        ["labels": "kind", "shape": "1,4"], in: folder
      ).train
      #expect(words.labels == [1, 0] && words.bytes(0..<2) == [9, 200, 3, 4, 1, 0, 5, 6])
      let both = try imported(
        [
          ("train.csv", Data("label,a,b,c,d\n1,99,2,3,4\n".utf8)),
          ("test.csv", Data("a,b,c,d\n1,200,3,4\n".utf8)),
        ], in: folder)
      #expect(both.train.labels == [1])
      let test = try ImageSet.open(folder.appending(path: "out.h5").path, split: "test")
      #expect(test.labels == nil && test.bytes(0..<1) == [1, 200, 3, 4])
    }
    let faults: [(String, String)] = [
      ("", "x.csv: lines: found none, expected one for each image"),
      (
        "label,a,b,c,d\n", "x.csv: lines: found names of columns alone, expected one for each image"
      ),
      (
        "label,a,b,c,d\n1,2,3,4\n",
        "x.csv: line 2: found 4 columns, expected 5, as in line 1"
      ),
      (
        "label,a,b,c,d\r\n1,2,3,4,5\r1,2,3,4\n",
        "x.csv: line 3: found 4 columns, expected 5, as in line 1"
      ),
      (
        "label,a,b,c,d\n1,2,\"3,4,5\n1,2,3,4,5\n",
        "x.csv: line 2: found a quote that is not closed, expected fields in pairs of double quotes, "
          + "or none"
      ),
      (
        "label,a,b,c,d\n1,2,3,4,0x10\n",
        "x.csv: line 2, column 5: found \"0x10\", expected a number (--labels names the column of "
          + "labels)"
      ),
      (
        "label,a,b,c,d\n1,2,3,4,x\n",
        "x.csv: line 2, column 5: found \"x\", expected a number (--labels names the column of labels)"
      ),
      (
        "label,a,b,c,d\n1,2,3,4,\n",
        "x.csv: line 2, column 5: found nothing, expected a number (--labels names the column of "
          + "labels)"
      ),
      (
        "label,a,b,c,d\n1,2,nan,4,5\n",
        "x.csv: x: found nan in row 0, expected finite values"
      ),
      (
        "label,a,b\n1,99,3\n",
        "x.csv: x: found integer [1, 2], expected [N, H, W, C] with 1 or 3 channels C (--shape tells "
          + "the sides of [N, D])"
      ),
    ]
    for (text, expected) in faults {
      let found = try message(
        "x.csv", Data(text.utf8), expected.contains("[1, 2]") ? ["images": "x"] : [:])
      #expect(found == expected)
    }
  }

  @Test func scalesAreFoundSaidOrAsked() throws {
    func line(_ values: [Int32], _ options: [String: String] = [:]) throws -> String {
      try message("x.npy", npy("<i4", [1, 2, 2], bytes(values)), options)
        .replacingOccurrences(of: "x.npy: x", with: "x")
    }
    #expect(try line([0, 1, 0, 0]).contains("values 0 to 1 as they are"))
    #expect(try line([0, 1, 9, 200]).contains("values 0 to 200 as v/255"))
    #expect(try line([0, 1, 9, 65000]).contains("values 0 to 65000 as v/65535"))
    #expect(try line([0, 1, 9, 15], ["scale": "15"]).contains("values 0 to 15 as v/15"))
    #expect(
      try line([0, 1, 9, 15]).hasPrefix("x: found values from 0 to 15, expected more than 31"))
    #expect(
      try line([0, 1, 9, 1000]).hasPrefix("x: found values from 0 to 1000, expected up to 255 or"))
    #expect(
      try line([0, 1, 9, 70000]).hasPrefix("x: found values from 0 to 70000, expected up to"))
    #expect(
      try line([0, -1, 9, 7])
        == "x: found values from -1 to 9, expected values from 0; images have no negative values")
    #expect(
      try line([0, 1, 9, 16], ["scale": "15"])
        == "x: found values from 0 to 16, expected 0 to 15, the scale")
    let halves = npy("<f4", [1, 2, 2], bytes([0, 0.5, 1.5, 1] as [Float]))
    #expect(
      try message("x.npy", halves)
        == "x.npy: x: found values from 0 to 1.5, expected 0 to 1 (--scale tells the value that "
        + "stands for 1)")
    // 15 levels become bytes without a loss.
    try withTemporaryFolder { folder in
      let four = npy("|u1", [1, 2, 2], [0, 5, 10, 15])
      let set = try imported([("x.npy", four)], ["scale": "15"], in: folder).train
      #expect(set.bytes(0..<1) == [0, 85, 170, 255])
    }
  }

  @Test func filesThatAreNone() throws {
    let whole = npy("|u1", [1, 2, 2], [1, 2, 3, 200])
    #expect(
      try message("x.npy", whole.dropLast())
        == "x.npy: x: size: found 3 bytes of values, expected 4 by its header, uint8 [1, 2, 2]")
    #expect(
      try message("x.npy", Data("hello, world".utf8))
        == "x.npy: x: header: found another beginning, expected that of .npy files")
    #expect(
      try message("x.npy", npy("|O", [1, 2, 2], [1, 2, 3, 4]))
        == "x.npy: x: type: found Python objects, expected whole numbers, floats, booleans or text of "
        + "fixed length")
    #expect(
      try message("x.npy", npy("|u1", [Int.max / 2, 9, 9], [1]))
        .hasPrefix(
          "x.npy: x: shape: found (4611686018427387903, 9, 9,), expected extents from 0 on")
    )
    #expect(
      try message("x.npy", npy("|u1", [1, -2, -2], [1, 2, 3, 4]))
        .hasPrefix("x.npy: x: shape: found (1, -2, -2,), expected extents from 0 on"))
    #expect(
      try message("x.h5", whole)
        == "x.h5: name: found another ending, expected .npy, .npz, .csv or .tsv (cleave import hdf5 "
        + "reads HDF5, import mnist IDX, import images pictures)")
    for length in 0..<whole.count {
      let found = try message("x.npy", whole.prefix(length))
      #expect(found.hasPrefix("x.npy: x: "), "\(found)")
    }
  }

  /// A forged archive that announces more than can be packed is refused before memory is taken.
  @Test func bombsAreRefused() throws {
    try withTemporaryFolder { folder in
      let zip = folder.appending(path: "set.npz")
      let images = npy("|u1", [1, 2, 2], [1, 2, 3, 200])
      try PictureFiles.zip([("x.npy", images)], to: zip.path, deflated: true)
      var bytes = [UInt8](try Data(contentsOf: zip))
      let size = withUnsafeBytes(of: UInt32(images.count).littleEndian) { Array($0) }
      for place in 0..<bytes.count - 4 where Array(bytes[place..<place + 4]) == size {
        bytes.replaceSubrange(place..<place + 4, with: [0, 0, 0, 0x40])
      }
      try Data(bytes).write(to: zip)
      let error = #expect(throws: DatasetError.self) {
        try ArrayImporter.run(sources: [zip.path], to: folder.path + "/out.h5")
      }
      #expect(
        error?.description.hasPrefix(
          "\(zip.path): x.npy: found 1073741824 bytes announced by") == true)
    }
  }

  /// Quotes hold separators, line ends and quotes; carriage returns alone end lines, too.
  @Test func quotedFieldsAndOldLineEnds() throws {
    try withTemporaryFolder { folder in
      let quoted =
        "label,\"p 0\",\"p,1\",p2,\"p\n3\"\n\"a, b\",10,20,\"30\",40\n\"c \"\"d\"\"\",50,60,70,80\n"
      let (set, line) = try imported([("q.csv", Data(quoted.utf8))], in: folder)
      #expect(set.bytes(0..<2) == [10, 20, 30, 40, 50, 60, 70, 80] && set.labels == [0, 1])
      #expect(line.contains("classes a, b, c \"d\""), "\(line)")
      // Within a field a quote is a letter.
      let inches = "label,a,b,c,d\n5\" pipe,10,20,30,40\n6\" pipe,50,60,70,80\n"
      let (pipes, said) = try imported([("i.csv", Data(inches.utf8))], in: folder)
      #expect(pipes.bytes(0..<2) == set.bytes(0..<2) && pipes.labels == [0, 1], "\(said)")
      let old = "label,a,b,c,d\r7,10,20,30,40\r8,50,60,70,80\r"
      let (same, _) = try imported([("o.csv", Data(old.utf8))], in: folder)
      #expect(same.bytes(0..<2) == set.bytes(0..<2) && same.labels == [7, 8])
      let mixed = "label,a,b,c,d\r7,10,20,30,40\r\n8,50,60,70,80\n"
      let (again, _) = try imported([("m.csv", Data(mixed.utf8))], in: folder)
      #expect(again.bytes(0..<2) == set.bytes(0..<2) && again.labels == [7, 8])
    }
  }

  /// Numbers that count the columns are names; an index of pandas is no label.
  @Test func columnsThatAreCounted() throws {
    try withTemporaryFolder { folder in
      let rows = ["10,20,30,40", "50,60,70,80"]
      let pixels: [UInt8] = [10, 20, 30, 40, 50, 60, 70, 80]
      for heading in ["0,1,2,3", "1,2,3,4"] {
        let text = ([heading] + rows).joined(separator: "\n")
        let (set, line) = try imported([("x.csv", Data(text.utf8))], in: folder)
        #expect(set.bytes(0..<set.count) == pixels && set.labels == nil, "\(line)")
        #expect(line.contains(", line 1 taken as names, "), "\(line)")
      }
      for heading in [",0,1,2,3", "Unnamed: 0,a,b,c,d"] {
        let text = heading + "\n0,10,20,30,40\n1,50,60,70,80\n"
        let (set, line) = try imported([("x.csv", Data(text.utf8))], in: folder)
        #expect(set.bytes(0..<set.count) == pixels && set.labels == nil, "\(line)")
        #expect(
          line.contains("line 1 taken as names, column 1 without a name left out"), "\(line)")
      }
      for heading in [",label,0,1,2,3", ",0,1,2,3,4"] {
        let text = heading + "\n0,7,10,20,30,40\n1,8,50,60,70,80\n"
        let (set, line) = try imported([("x.csv", Data(text.utf8))], in: folder)
        #expect(set.bytes(0..<set.count) == pixels && set.labels == [7, 8], "\(line)")
      }
      for heading in ["label,0,1,2,3", "0,1,2,3,4"] {
        let text = heading + "\n7,10,20,30,40\n8,50,60,70,80\n"
        let (set, line) = try imported([("x.csv", Data(text.utf8))], in: folder)
        #expect(set.bytes(0..<set.count) == pixels && set.labels == [7, 8], "\(line)")
      }
    }
  }

  /// A label that reads like the name of a column does not make its image names.
  @Test func firstLabelsThatLookLikeNames() throws {
    try withTemporaryFolder { folder in
      for word in ["y", "class"] {
        let text = "\(word),10,20,30,40\nz,50,60,70,80\n"
        let (set, line) = try imported([("x.csv", Data(text.utf8))], in: folder)
        #expect(set.count == 2 && set.bytes(0..<1) == [10, 20, 30, 40], "\(line)")
        #expect(line.contains("line 1 taken as an image"), "\(line)")
        #expect(line.contains("classes \(word), z"), "\(line)")
      }
    }
  }

  /// Labels that are text in one file are text in all, whose names make one table.
  @Test func textInOnePart() throws {
    try withTemporaryFolder { folder in
      let files = [
        ("a_train.csv", Data("7,10,20,30,40\ncat,50,60,70,80\n".utf8)),
        ("a_test.csv", Data("7,90,20,30,40\n08,50,60,70,80\n".utf8)),
      ]
      let (set, line) = try imported(files, in: folder)
      let test = try ImageSet.open(folder.appending(path: "out.h5").path, split: "test")
      let names = try #require(try Originals(of: set).labelNames)
      #expect(names == ["08", "7", "cat"], "\(line)")
      #expect(set.labels == [1, 2] && test.labels == [1, 0], "\(line)")
    }
  }

  /// One rule for the scale, wherever it is told: 1e-50 is 0 in single precision.
  @Test func scalesThatDivide() throws {
    for scale in ["1e-50", "0", "nan", "1e31"] {
      #expect(
        try message("x.npy", npy("|u1", [1, 2, 2], [0, 1, 2, 3]), ["scale": scale])
          == "--scale: found \(scale), expected a number from 1e-30 to 1e30")
    }
  }
}
