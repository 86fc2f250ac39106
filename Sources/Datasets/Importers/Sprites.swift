import Foundation

/// Imports Sprites: animated figures of 60 x 60 x 3 pixels, 178 frames of each of 672 characters.
///
/// The data set is split by character. Reed, Zhang, Zhang & Lee, "Deep Visual Analogy-Making",
/// NeurIPS 2015.
///
/// Characters are in the order of the official lists, their frames in the order of the animation. A
/// row's label is the number of its character, as in `sprites_7.mat`. The DAAE paper counts 88,822
/// training images: one character less than the list's 500 (89,000 images). Here all 500 are used.
public struct SpritesImporter: Importer {
  /// `sprites`.
  public static let format = "sprites"
  /// The help text about sources.
  public static let help = """
    The folder with the original sprites_0.mat … sprites_671.mat, or one HDF5 file with palette,
    index, trainidx, validx and testidx. The official split is by character; --subset takes those
    there are.
    """
  /// The options for the list of splits and for subsets.
  public static let options = [splitFile, CelebAImporter.subset]
  private static let splitFile = ImportOption(
    "split-file", "FILE",
    "sprites_splits.mat, the split (default: beside the .mat files, or one folder up)"
  )

  static let shape = ImageShape(height: 60, width: 60, channels: 3)

  /// `sprites`.
  public let name = "sprites"
  private let source: any SpriteSource
  private let characters: [Split: [Int]]
  private let missing: Int

  /// Opens the source and reads the official split.
  ///
  /// - Throws: `DatasetError` or `HDF5Error` if the source is wrong or lacks a character of the
  ///   split.
  public init(_ request: ImportRequest) throws {
    let path = try request.onlySource()
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw DatasetError.file(file: path, reason: "no such folder or HDF5 file")
    }
    let source: any SpriteSource
    if isDirectory.boolValue {
      source = try SpriteFiles(path, splitFile: request.value(Self.splitFile))
    } else {
      if request.has(Self.splitFile) {
        throw DatasetError.option(
          "--split-file", found: request.value(Self.splitFile) ?? "",
          expected: "none, as \(path) holds the split")
      }
      source = try SpriteSheet(path)
    }
    self.source = source
    var (characters, missing): ([Split: [Int]], [Int]) = ([:], [])
    for (split, listed) in source.split {
      characters[split] = listed.filter(source.has)
      missing += listed.filter { !source.has($0) }
    }
    if let first = missing.min(), !request.has(CelebAImporter.subset) {
      throw DatasetError.mismatch(
        file: path, item: "character \(first)", found: "none",
        expected: "this one and all others of the official split "
          + "(--subset imports the characters there are)")
    }
    guard characters.values.contains(where: { !$0.isEmpty }) else {
      throw DatasetError.mismatch(
        file: path, item: "characters", found: "none of the official split",
        expected: "sprites_0.mat and so on")
    }
    self.characters = characters
    self.missing = missing.count
  }

  /// Writes frames, labels and names.
  ///
  /// - Throws: `DatasetError` or `HDF5Error` if a character is damaged or the output cannot be
  ///   written.
  public func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport {
    let total = characters.values.reduce(0) { $0 + $1.count }
    var done = 0
    for split in Split.allCases {
      guard let characters = characters[split], !characters.isEmpty else { continue }
      let dataset = try writer.createImages(
        split, count: characters.count * source.frames, shape: Self.shape)
      for (place, character) in characters.enumerated() {
        let pixels = try source.pixels(of: character)
        try pixels.withUnsafeBytes { buffer in
          guard let start = buffer.baseAddress else { return }
          let first = place * source.frames
          try dataset.write(rows: first..<first + source.frames, from: start, as: .uint8)
        }
        done += 1
        monitor.progress(done, total)
        if monitor.isStopped() { throw writer.stopped }
      }
      let rows = characters.flatMap { character in
        (0..<source.frames).map { (character: character, frame: $0) }
      }
      try writer.write(labels: rows.map { Int32($0.character) }, of: split)
      try writer.write(names: rows.map { "sprites_\($0.character)/\($0.frame)" }, of: split)
    }
    return ImportReport(
      notes: missing > 0
        ? ["\(missing) characters of the official split are not in the source"] : [])
  }
}

/// A source of sprites; characters count from 0.
protocol SpriteSource: Sendable {
  /// The number of frames of every character.
  var frames: Int { get }
  /// The characters of each official split, in the split's order.
  var split: [Split: [Int]] { get }
  /// Whether the source contains a character.
  func has(_ character: Int) -> Bool
  /// The frames of a character, [frames, 60, 60, 3].
  func pixels(of character: Int) throws -> [UInt8]
}

extension SpriteSource {
  /// The number of frames of a character in the original animations.
  static var originalFrames: Int { 178 }
}
