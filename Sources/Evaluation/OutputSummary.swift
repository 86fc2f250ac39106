import Foundation
import HDF5
import Images
import Support

/// What a file or folder holds that a command wrote about a run, as `cleave info` prints it.
public struct OutputSummary {
  /// `cleave-output`, `cleave-pictures`, `cleave-picture` or `cleave-scores`.
  public let format: String
  /// The command that wrote it; nil where that cannot be known.
  public let command: String?
  /// The run, its checkpoint, the input and its split, as far as the output names them.
  public let origin: [(name: String, value: String)]
  /// The datasets of a file.
  public let datasets: [(name: String, type: String, shape: [Int])]
  /// Other facts.
  public let facts: [JSONValue.Member]

  private static let originNames = ["run", "checkpoint", "input", "split"]
  /// Datasets that only one command writes.
  private static let commands = [
    ("L", "denoise"), ("draws", "denoise"), ("reconstructions", "reconstruct"), ("mean", "encode"),
    ("samples", "sample"), ("scores/outlier", "score"),
  ]

  /// Reads what lies at a path; nil where it is no output about a run.
  ///
  /// - Throws: `HDF5Error` for a damaged file; `FileError` for one that cannot be read.
  public init?(of path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    let kind = status.st_mode & S_IFMT
    if kind == S_IFDIR {
      self.init(folder: path)
    } else if kind != S_IFREG {
      return nil
    } else if let texts = PNG.texts(in: path) {
      self.init(texts: texts)
    } else if path.hasSuffix(".csv") {
      try self.init(csv: path)
    } else {
      try self.init(file: path)
    }
  }

  /// A folder of pictures, by its mark.
  private init?(folder: String) {
    guard
      let bytes = try? RegularFile.read("\(folder)/\(PictureFolder.mark)", atMost: 1 << 30),
      let mark = try? JSONValue(parsing: String(decoding: bytes, as: UTF8.self)),
      mark["format"]?.text == PictureFolder.format, case .array(let pictures)? = mark["pictures"]
    else { return nil }
    format = PictureFolder.format
    command = "denoise"
    origin = Self.originNames.compactMap { name in mark[name]?.text.map { (name, $0) } }
    datasets = []
    facts = [
      JSONValue.Member("as", mark["as"] ?? .null),
      JSONValue.Member("pictures", .integer(pictures.count)),
    ]
  }

  /// A picture, by the texts in it.
  private init?(texts: [String: String]) {
    guard texts["Software"] == "cleave" else { return nil }
    format = "cleave-picture"
    command = nil
    origin = Self.originNames.compactMap { name in texts["cleave:\(name)"].map { (name, $0) } }
    datasets = []
    facts = texts["Title"].map { [JSONValue.Member("title", .string($0))] } ?? []
  }

  /// A table of scores, by its header.
  private init?(csv path: String) throws {
    let bytes: [UInt8]
    do { bytes = try RegularFile.read(path, followingLinks: true) } catch {
      throw FileError(path, error.description)
    }
    let header = bytes.prefix { $0 != UInt8(ascii: "\n") }
    let names = String(decoding: header, as: UTF8.self).split(separator: ",").map(String.init)
    guard names.starts(with: ["row", "name"]), names.last == "verdict" else { return nil }
    // Line ends within quotes are parts of names.
    var (rows, outliers, isQuoted, start) = (0, 0, false, header.count + 1)
    for (index, byte) in bytes.enumerated().dropFirst(header.count + 1) {
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      guard byte == UInt8(ascii: "\n"), !isQuoted else { continue }
      rows += 1
      if bytes[start..<index].suffix(8).elementsEqual(Array(",outlier".utf8)) { outliers += 1 }
      start = index + 1
    }
    format = "cleave-scores"
    command = "score"
    origin = []
    datasets = []
    facts = [
      JSONValue.Member("rows", .integer(rows)), JSONValue.Member("outliers", .integer(outliers)),
      JSONValue.Member(
        "scores",
        .array(
          names.dropFirst(2).dropLast().filter { !["label", "group"].contains($0) }
            .map { .string($0) })),
    ]
  }

  /// An HDF5 file, by its attributes.
  private init?(file path: String) throws {
    guard Self.isHDF5(path) else { return nil }
    let file = try File.open(path)
    guard try file.stringAttribute("format", on: "/") == nil,
      try file.stringAttribute("run", on: "/") != nil,
      try file.stringAttribute("checkpoint", on: "/") != nil
    else { return nil }
    var datasets: [(name: String, type: String, shape: [Int])] = []
    for child in try file.children(of: "/") {
      let names =
        file.isGroup("/" + child)
        ? try file.children(of: "/" + child).map { "\(child)/\($0)" } : [child]
      for name in names where file.isDataset("/" + name) {
        let dataset = try file.dataset("/" + name)
        datasets.append((name, "\(dataset.type)", dataset.shape))
      }
    }
    format = "cleave-output"
    self.datasets = datasets
    command =
      Self.commands.first { known in datasets.contains { $0.name == known.0 } }?.1
    origin = try Self.originNames.compactMap { name in
      try file.stringAttribute(name, on: "/").map { (name, $0) }
    }
    var facts: [JSONValue.Member] = []
    if file.isGroup("/scores") {
      if let by = try file.stringAttribute("by", on: "/scores") {
        facts.append(JSONValue.Member("by", .string(by)))
      }
      if let value = try file.doubleAttribute("threshold", on: "/scores") {
        facts.append(JSONValue.Member("threshold", .real(value)))
      }
    }
    self.facts = facts
  }

  private static func isHDF5(_ path: String) -> Bool {
    guard let file = try? RegularFile.open(path, followingLinks: true) else { return false }
    defer { close(file) }
    var start = [UInt8](repeating: 0, count: 8)
    return pread(file, &start, 8, 0) == 8 && start == [0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10]
  }
}
