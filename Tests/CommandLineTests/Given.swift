import Foundation
import HDF5
import TestSupport
import Testing

/// Files for a command with bad input; most of them have one fault.
enum Given: Sendable {
  /// d.h5, a good data set, and run, a run on it.
  case digits, run
  /// folder without a run, and text.h5, which is not HDF5.
  case folder, text
  /// damaged, a run whose checkpoint is damaged, and cut.h5, a data set that is cut off.
  case damaged, cut
  /// Configurations NAME.json: cut off, with a misspelt key, and with a wrong type.
  case wrongJSON, wrongKeys, wrongTypes
  /// idx, good files of MNIST's format, and other.h5, a data set made from them.
  case idx, other
  /// Folders of MNIST's format with one wrong file.
  case wrongMagic, wrongSizes, fewLabels, truncated
  /// Data sets without images, with images of a wrong rank and of a wrong type.
  case empty, wrongRank, wrongType
  /// Data sets nan.h5 and range.h5 with one wrong pixel.
  case notNumbers, outOfRange

  /// Makes the files in a folder.
  func make(in folder: URL) throws {
    func path(_ name: String) -> URL { folder.appending(path: name) }
    func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: path(name)) }
    switch self {
    case .digits:
      try Tool.succeed("synthesize digits --count 256 --test 0 --out d.h5", in: folder)
    case .run:
      try Given.digits.make(in: folder)
      try Tool.succeed("train demo --data d.h5 --out run --max-steps 2 \(tiny)", in: folder)
    case .folder:
      try FileManager.default.createDirectory(
        at: path("folder"), withIntermediateDirectories: true)
      try write("hello\n", to: "folder/notes.txt")
    case .text: try write("hello\n", to: "text.h5")
    case .damaged:
      try Given.run.make(in: folder)
      try FileManager.default.moveItem(at: path("run"), to: path("damaged"))
      try write("{}", to: "damaged/checkpoints/latest/manifest.json")
    case .cut:
      try Given.digits.make(in: folder)
      try Data(contentsOf: path("d.h5")).dropLast(1000).write(to: path("cut.h5"))
    case .wrongJSON: try write("{\"batch\": 3", to: "wrong.json")
    case .wrongKeys: try write("{\"lmbda\": 3}", to: "keys.json")
    case .wrongTypes: try write("{\"batch\": \"big\"}", to: "types.json")
    case .idx: try IDX.write(to: path("idx"))
    case .other:
      try Given.idx.make(in: folder)
      try Tool.succeed("import mnist idx --out other.h5", in: folder)
    case .wrongMagic: try IDX.write(to: path("magic"), images: IDX.images(6, magic: 7))
    case .wrongSizes: try IDX.write(to: path("sizes"), images: IDX.images(6, announcing: 60))
    case .fewLabels: try IDX.write(to: path("labels"), labels: IDX.labels(5))
    case .truncated:
      try IDX.write(to: path("truncated"), images: IDX.images(2000))
      let images = path("truncated/train-images-idx3-ubyte")
      #expect(try Run.command("gzip", [images.path]).status == 0)
      let compressed = images.appendingPathExtension("gz")
      try Data(Data(contentsOf: compressed).dropLast(100)).write(to: compressed)
    case .empty: try File.create(path("empty.h5").path).close()
    case .wrongRank:
      let file = try File.create(path("rank.h5").path)
      try file.createDataset("train/images", .uint8, shape: [300, 28])
        .write([UInt8](repeating: 1, count: 300 * 28))
      try file.close()
    case .wrongType:
      let file = try File.create(path("type.h5").path)
      try file.createDataset("train/images", .int32, shape: [100, 4, 4, 1])
        .write([Int32](repeating: 1, count: 1600))
      try file.close()
    case .notNumbers: try Self.image(.nan, to: path("nan.h5"))
    case .outOfRange: try Self.image(1.5, to: path("range.h5"))
    }
  }

  /// A data set of real pixels, one of which is `pixel`.
  private static func image(_ pixel: Float, to path: URL) throws {
    let file = try File.create(path.path)
    try file.createDataset("train/images", .float32, shape: [100, 4, 4, 1])
      .write((0..<1600).map { $0 == 777 ? pixel : 0.5 })
    try file.close()
  }
}
