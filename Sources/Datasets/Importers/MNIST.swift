import Foundation
import HDF5

/// Imports MNIST and its relatives, in IDX files, plain or .gz: Fashion-MNIST, KMNIST, EMNIST,
/// QMNIST.
///
/// A source is a folder with the files of one set, known by `images` or `labels` and `idx` in their
/// names; a file may lie in a folder of its own name. Or sources are files. Files with `t10k` or
/// `test` as a word of their names make the test split.
public struct MNISTImporter: Importer {
  /// `mnist`.
  public static let format = "mnist"
  /// The help text about sources.
  public static let help = """
    IDX files, plain or .gz, of MNIST, Fashion-MNIST, KMNIST, EMNIST (--transpose) and QMNIST: the
    folder that holds those of one set under their usual names, or single files; those with t10k or
    test as a word of the name make the test split.
    """
  /// The option that turns images.
  public static let options = [transpose]
  /// Exchanges rows and columns.
  static let transpose = ImportOption(
    "transpose", nil, "exchange rows and columns of every image, as EMNIST needs it")

  /// The folder's name, or `mnist` for files.
  public let name: String
  private let parts: [Part]
  private let isTransposed: Bool

  /// Reads the files.
  ///
  /// - Throws: `DatasetError` if a file is missing, damaged, not IDX, or does not fit the other
  ///   files.
  public init(_ request: ImportRequest) throws {
    let sources = request.sources
    let folder = sources.count == 1 && Self.isFolder(sources[0]) ? URL(filePath: sources[0]) : nil
    parts = try folder.map { try Self.parts(in: $0) } ?? Self.parts(from: sources)
    name = folder?.standardizedFileURL.lastPathComponent ?? "mnist"
    isTransposed = request.has(Self.transpose)
  }

  /// Writes images and labels.
  ///
  /// - Throws: `HDF5Error` if the output cannot be written.
  public func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport {
    for part in parts { try part.write(to: writer, isTransposed: isTransposed) }
    let lies = parts.contains { $0.images.path.lowercased().contains("emnist") }
    let turning =
      isTransposed
      ? ["rows and columns exchanged"]
      : lies
        ? [
          "EMNIST is distributed with rows and columns exchanged; images are as they are stored "
            + "(--transpose turns them)"
        ] : []
    return ImportReport(
      notes: ["read " + parts.map(\.reading).joined(separator: "; ")] + turning)
  }

  private static func isFolder(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      && isDirectory.boolValue
  }

  private static func parts(in folder: URL) throws(DatasetError) -> [Part] {
    var found: [Split: [Bool: (path: String, set: String)]] = [:]
    for (name, path) in try files(in: folder) {
      let isImages = name.contains("images")
      let set = name.split(separator: isImages ? "images" : "labels")[0]
      let split = try split(of: name)
      if let other = found[split]?[isImages] {
        // The same file, packed or with another dot.
        if other.set == set { continue }
        throw .mismatch(
          file: folder.path, item: "\(split.rawValue) \(isImages ? "images" : "labels")",
          found: "those of several sets, \(other.set)… and \(set)…",
          expected: "one set (name its files)")
      }
      found[split, default: [:]][isImages] = (path, String(set))
    }
    let hasLabels = found.values.contains { $0[false] != nil }
    var parts: [Part] = []
    for split in Split.allCases {
      guard let files = found[split] else { continue }
      let prefix = split == .train ? "train" : "t10k"
      func missing(_ name: String) -> DatasetError {
        .mismatch(
          file: folder.path, item: "\(prefix)-\(name)-ubyte[.gz]", found: "no such file",
          expected: "the four IDX files of the set (or name single files)")
      }
      guard let images = files[true] else { throw missing("images-idx3") }
      // Images alone are a set; labels of one split alone are a set of which a file is missing.
      guard let labels = files[false] else {
        if hasLabels { throw missing("labels-idx1") }
        parts.append(try Part(split, IDX(images.path, expecting: .images), nil))
        continue
      }
      guard labels.set == images.set else {
        throw .mismatch(
          file: folder.path, item: "\(split.rawValue) labels", found: "\(labels.set)…",
          expected: "those of \(images.set)… (name single files)")
      }
      let kind: IDX.Kind = labels.path.contains("idx2") ? .labelRows : .labels
      parts.append(
        try Part(
          split, IDX(images.path, expecting: .images), IDX(labels.path, expecting: kind)))
    }
    guard !parts.isEmpty else {
      throw .mismatch(
        file: folder.path, item: "train-images-idx3-ubyte[.gz]", found: "no such file",
        expected: "the four IDX files of the set (or name single files)")
    }
    return parts
  }

  /// The IDX files of a folder by their names; plain files first, and names with a dash.
  private static func files(
    in folder: URL
  ) throws(DatasetError) -> [(name: String, path: String)] {
    func list(_ folder: URL) throws(DatasetError) -> [String] {
      do { return try FileManager.default.contentsOfDirectory(atPath: folder.path) } catch {
        throw .file(file: folder.path, reason: "cannot be listed")
      }
    }
    func isIDX(_ name: String) -> Bool {
      !name.hasPrefix(".") && name.contains("idx")
        && name.contains("images") != name.contains("labels")
    }
    var files: [(name: String, path: String)] = []
    for name in try list(folder) where isIDX(name.lowercased()) {
      let url = folder.appending(path: name)
      guard isFolder(url.path) else {
        files.append((name.lowercased(), url.path))
        continue
      }
      for inner in try list(url) where isIDX(inner.lowercased()) {
        files.append((name.lowercased(), url.appending(path: inner).path))
      }
    }
    func rank(_ name: String) -> (Int, Int, String) {
      (name.contains(".idx") ? 1 : 0, name.hasSuffix(".gz") ? 1 : 0, name)
    }
    return files.sorted { rank($0.name) < rank($1.name) }
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
      let kind = idx.kind == .images ? IDX.Kind.images : .labels
      if let other = found[split]?[kind] {
        throw .mismatch(
          file: path, item: "\(split.rawValue) \(idx.kind.noun)", found: "a second file of them",
          expected:
            "only \(other.path) (t10k or test as a word of the name makes a file the test split's)")
      }
      found[split, default: [:]][kind] = idx
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

  func write(to writer: DatasetWriter, isTransposed: Bool) throws {
    let (rows, columns) = (images.extents[1], images.extents[2])
    let shape = ImageShape(
      height: isTransposed ? columns : rows, width: isTransposed ? rows : columns, channels: 1)
    let dataset = try writer.createImages(split, count: images.count, shape: shape)
    try images.withValues { bytes in
      guard let start = bytes.baseAddress else { return }
      guard isTransposed else {
        return try dataset.write(rows: 0..<images.count, from: start, as: .uint8)
      }
      var turned = [UInt8](repeating: 0, count: bytes.count)
      turned.withUnsafeMutableBytes { turned in
        for image in 0..<images.count {
          let first = image * rows * columns
          for y in 0..<rows {
            for x in 0..<columns { turned[first + x * rows + y] = bytes[first + y * columns + x] }
          }
        }
      }
      try turned.withUnsafeBytes { turned in
        guard let start = turned.baseAddress else { return }
        try dataset.write(rows: 0..<images.count, from: start, as: .uint8)
      }
    }
    if let labels { try writer.write(labels: labels.labels, of: split) }
  }
}
