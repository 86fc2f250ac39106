import Foundation
import HDF5

/// Imports MNIST, Fashion-MNIST and other sets in the same four IDX files, plain or .gz.
///
/// A source is a folder with four files under their usual names: `train-images-idx3-ubyte`,
/// `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`. Names like
/// `train-images.idx3-ubyte` are allowed too, with or without `.gz`. Or sources are files; files
/// with `t10k` or `test` as a word of their names make the test split.
public struct MNISTImporter: Importer {
  /// `mnist`.
  public static let format = "mnist"
  /// The help text about sources.
  public static let help = """
    The four IDX files, plain or .gz (also Fashion-MNIST): the folder that holds them under their
    usual names, or single files; those with t10k or test as a word of the
    name make the test split.
    """

  /// The folder's name, or `mnist` for files.
  public let name: String
  private let parts: [Part]

  /// Reads the files.
  ///
  /// - Throws: `DatasetError` if a file is missing, damaged, not IDX, or does not fit the other
  ///   files.
  public init(_ request: ImportRequest) throws {
    let sources = request.sources
    let folder = sources.count == 1 && Self.isFolder(sources[0]) ? URL(filePath: sources[0]) : nil
    parts = try folder.map { try Self.parts(in: $0) } ?? Self.parts(from: sources)
    name = folder?.standardizedFileURL.lastPathComponent ?? "mnist"
  }

  /// Writes images and labels.
  ///
  /// - Throws: `HDF5Error` if the output cannot be written.
  public func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport {
    for part in parts { try part.write(to: writer) }
    let lies = parts.contains { $0.images.path.lowercased().contains("emnist") }
    return ImportReport(
      notes: ["read " + parts.map(\.reading).joined(separator: "; ")]
        + (lies
          ? ["EMNIST is distributed with rows and columns exchanged; images are as they are stored"]
          : []))
  }

  private static func isFolder(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      && isDirectory.boolValue
  }

  private static func parts(in folder: URL) throws(DatasetError) -> [Part] {
    var parts: [Part] = []
    for (split, prefix) in [(Split.train, "train"), (.test, "t10k")] {
      let images = try file(in: folder, "\(prefix)-images", "idx3-ubyte")
      let labels = try file(in: folder, "\(prefix)-labels", "idx1-ubyte")
      parts.append(
        try Part(split, IDX(images, expecting: .images), IDX(labels, expecting: .labels)))
    }
    return parts
  }

  /// The file of a folder under one of its usual names.
  private static func file(
    in folder: URL, _ stem: String, _ suffix: String
  ) throws(DatasetError) -> String {
    for name in ["\(stem)-\(suffix)", "\(stem).\(suffix)"] {
      for ending in ["", ".gz"] {
        let path = folder.appending(path: name + ending).path
        if FileManager.default.fileExists(atPath: path) { return path }
      }
    }
    throw .mismatch(
      file: folder.path, item: "\(stem)-\(suffix)[.gz]", found: "no such file",
      expected: "the four IDX files of the set (or name single files)")
  }

  /// The split that the words of a file's name tell; `latest` and `contest` are no tests.
  private static func split(of path: String) throws(DatasetError) -> Split {
    let name = URL(filePath: path).lastPathComponent.lowercased()
    let words = name.split { !$0.isLetter && !$0.isNumber }
    let isTest = words.contains { $0.hasPrefix("test") || $0.hasPrefix("t10k") }
    let isTrain = words.contains { $0.hasPrefix("train") }
    if isTest && isTrain || !isTest && !isTrain && name.contains("test") {
      throw .mismatch(
        file: path, item: "name", found: "\(isTrain ? "train and test" : "test inside a word")",
        expected: "train, or test or t10k, as a word of the name")
    }
    return isTest ? .test : .train
  }

  private static func parts(from files: [String]) throws(DatasetError) -> [Part] {
    var found: [Split: [IDX.Kind: IDX]] = [:]
    for path in files {
      let split = try split(of: path)
      let idx = try IDX(path)
      if let other = found[split]?[idx.kind] {
        throw .mismatch(
          file: path, item: "\(split.rawValue) \(idx.kind.noun)", found: "a second file of them",
          expected:
            "only \(other.path) (t10k or test as a word of the name makes a file the test split's)")
      }
      found[split, default: [:]][idx.kind] = idx
    }
    var parts: [Part] = []
    for split in Split.allCases {
      guard let kinds = found[split] else { continue }
      guard let images = kinds[.images] else {
        throw .mismatch(
          file: files.joined(separator: ", "), item: "\(split.rawValue) split",
          found: "labels alone", expected: "the images they belong to")
      }
      parts.append(try Part(split, images, kinds[.labels]))
    }
    return parts
  }
}

/// The images of one split, with their labels if present.
private struct Part {
  let split: Split
  let images: IDX
  let labels: IDX?

  init(_ split: Split, _ images: IDX, _ labels: IDX?) throws(DatasetError) {
    if let labels, labels.count != images.count {
      throw .mismatch(
        file: labels.path, item: "number of labels", found: "\(labels.count)",
        expected: "\(images.count), one for each image of \(images.path)")
    }
    self.split = split
    self.images = images
    self.labels = labels
  }

  /// The files and their split, in words.
  var reading: String {
    "\(images.path)\(labels.map { " and \($0.path)" } ?? ", no labels,") as \(split.rawValue)"
  }

  func write(to writer: DatasetWriter) throws {
    let shape = ImageShape(height: images.extents[1], width: images.extents[2], channels: 1)
    let dataset = try writer.createImages(split, count: images.count, shape: shape)
    try images.withValues { bytes in
      guard let start = bytes.baseAddress else { return }
      try dataset.write(rows: 0..<images.count, from: start, as: .uint8)
    }
    if let labels {
      try writer.write(labels: labels.withValues { $0.map(Int32.init) }, of: split)
    }
  }
}
