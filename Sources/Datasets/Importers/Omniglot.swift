import Foundation

/// Imports Omniglot: handwritten characters of 50 alphabets, 105 x 105 black and white pixels.
///
/// Each character has 20 drawings. Lake, Salakhutdinov & Tenenbaum, Science 350, 2015.
///
/// The background set has 964 characters. One drawing of each character forms the test split; all
/// other drawings form the training split. The 659 characters of the evaluation set form the split
/// `evaluation` (docs/systems.md, 1; D-36, D-50). Rows are in the order of their names. A row's
/// label is the number of its character, counted over both sets.
public struct OmniglotImporter: Importer {
  /// `omniglot`.
  public static let format = "omniglot"
  /// The help text about sources.
  public static let help = """
    images_background.zip and images_evaluation.zip, read in place, or a folder that holds both,
    packed or not; the background set alone will do. Ink is 0 on 1, as distributed; --invert makes
    it 1 on 0.
    """
  /// The options for size, polarity, and the drawing that is left out of training.
  public static let options = [ImageRows.size, invert, leftOut]
  private static let invert = ImportOption("invert", nil, "ink is 1 on 0 (default: 0 on 1)")
  private static let leftOut = ImportOption(
    "left-out", "WHICH",
    "the drawing of each character that is the test split: last (default) or first"
  )

  /// The two sets; raw values are the names of their folders.
  private enum Part: String, CaseIterable {
    case background = "images_background"
    case evaluation = "images_evaluation"
  }

  /// D-50: the drawing that is left out of training.
  private enum LeftOut: String, CaseIterable {
    case last, first
  }

  /// `omniglot`.
  public let name = "omniglot"
  private let rows: ImageRows
  private let inverts: Bool
  private let files: [Split: [Int]]
  private let labels: [Int32]  // of every file of the source
  private let characters: [Part: Int]

  /// Lists the drawings.
  ///
  /// - Throws: `DatasetError` if an option is wrong, or if the source lacks one of the distributed
  ///   sets.
  public init(_ request: ImportRequest) throws {
    let word = request.value(Self.leftOut) ?? LeftOut.last.rawValue
    guard let leftOut = LeftOut(rawValue: word) else {
      throw DatasetError.option("--left-out", found: word, expected: "last or first")
    }
    inverts = request.has(Self.invert)
    let source = try Self.source(request.sources)
    rows = try ImageRows(source, request, size: 105, isGrey: true, inverts: inverts)
    let drawings = try Self.drawings(source)
    var (files, labels): ([Split: [Int]], [Int32]) = (
      [:], Array(repeating: 0, count: source.names.count)
    )
    var number: Int32 = 0
    for part in Part.allCases {
      for character in drawings[part, default: []] {
        for file in character { labels[file] = number }
        number += 1
        switch (part, leftOut) {
        case (.background, .last):
          files[.train, default: []] += character.dropLast()
          files[.test, default: []] += character.suffix(1)
        case (.background, .first):
          files[.train, default: []] += character.dropFirst()
          files[.test, default: []] += character.prefix(1)
        case (.evaluation, _):
          files[.evaluation, default: []] += character
        }
      }
    }
    self.files = files
    self.labels = labels
    characters = drawings.mapValues(\.count)
  }

  /// The folder or archives; a folder that contains the archives means the archives.
  private static func source(_ paths: [String]) throws(DatasetError) -> ImageSource {
    guard paths.count <= 2 else {
      throw .option(
        "SOURCE", found: paths.joined(separator: " "), expected: "one or two for \(format)")
    }
    if paths.count == 2 { return try ImageSource(paths) }
    let archives = Part.allCases.map {
      URL(filePath: paths[0]).appending(path: "\($0.rawValue).zip").path
    }
    let packed = archives.filter { FileManager.default.fileExists(atPath: $0) }
    return try ImageSource(packed.isEmpty ? paths : packed)
  }

  /// The files of each character of both sets, in the order of their names.
  private static func drawings(_ source: ImageSource) throws(DatasetError) -> [Part: [[Int]]] {
    var found: [Part: [[Int]]] = [:]
    var last: (part: Part, character: ArraySlice<Substring>)?
    for (file, name) in source.names.enumerated() {
      let folders = name.split(separator: "/").dropLast()
      guard let top = folders.firstIndex(where: { Part(rawValue: String($0)) != nil }),
        let part = Part(rawValue: String(folders[top])), folders.count - top == 3
      else {
        throw .mismatch(
          file: source.path, item: name, found: "an image elsewhere",
          expected:
            "images_background/ALPHABET/CHARACTER/… and images_evaluation/ALPHABET/CHARACTER/…"
        )
      }
      let character = folders[(top + 1)...]
      if let known = last, known.part == part, known.character.elementsEqual(character) {
        let index = found[part, default: []].count - 1
        found[part, default: []][index].append(file)
      } else {
        found[part, default: []].append([file])
        last = (part, character)
      }
    }
    // The background set alone is enough to train with.
    guard found[.background] != nil else {
      throw .mismatch(
        file: source.path, item: Part.background.rawValue, found: "no such folder",
        expected: "it, and \(Part.evaluation.rawValue) where there is one")
    }
    for character in found[.background, default: []] where character.count < 2 {
      throw .mismatch(
        file: source.path, item: source.names[character[0]],
        found: "the only drawing of its character",
        expected: "two or more, as one is left out")
    }
    return found
  }

  /// Writes drawings, labels and names.
  ///
  /// - Throws: `ImageError` or `DatasetError` if a drawing is broken, `HDF5Error` if the output
  ///   cannot be written.
  public func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport {
    let plan = rows.plan(size: 105)
    let outcomes = try rows.write(files, as: plan, to: writer, monitor)
    for split in Split.allCases {
      guard let written = outcomes[split]?.written, !written.isEmpty else { continue }
      try writer.write(labels: written.map { labels[$0] }, of: split)
      try writer.write(names: written.map { rows.source.names[$0] }, of: split)
    }
    let (background, evaluation) = (
      characters[.background, default: 0], characters[.evaluation, default: 0]
    )
    return ImportReport(notes: [
      "ink is \(inverts ? "1 on 0" : "0 on 1"); \(background) characters to train and test with, "
        + (evaluation > 0
          ? "\(evaluation) others to evaluate with"
          : "no \(Part.evaluation.rawValue) in the source: no evaluation split"),
      rows.note(outcomes, plan),
    ])
  }
}
