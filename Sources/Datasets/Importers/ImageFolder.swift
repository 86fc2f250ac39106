import Foundation
import Support

/// Imports the PNG and JPEG files of any folder or zip archive, in the order of their names.
public struct ImageImporter: Importer {
  /// `images`.
  public static let format = "images"
  /// The help text about sources.
  public static let help = """
    A folder, or a zip archive read in place, with PNG and JPEG files of any size in whatever
    folders inside it. All become the training split, but for the last ones by name if --test says
    so.
    """
  /// The options for test images and framing.
  public static let options = [test] + ImageRows.options
  private static let test = ImportOption(
    "test", "N", "how many images, the last by name, make the test split (default 0)")

  /// The name of the folder or archive.
  public let name: String
  private let rows: ImageRows
  private let testCount: Int

  /// Lists the source.
  ///
  /// - Throws: `DatasetError` if the source does not exist or contains no image.
  public init(_ request: ImportRequest) throws {
    let path = try request.onlySource()
    let source = try ImageSource(path)
    rows = try ImageRows(source, request)
    let count = source.names.count
    testCount = try request.integer(Self.test, in: 0...max(count - 1, 0)) ?? 0
    name = URL(filePath: path).standardizedFileURL.deletingPathExtension().lastPathComponent
  }

  /// Writes images and names.
  ///
  /// - Throws: `ImageError` or `DatasetError` if an image is broken, `HDF5Error` if the output
  ///   cannot be written.
  public func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport {
    let names = rows.source.names
    let trainCount = names.count - testCount
    let outcomes = try rows.write(
      [.train: Array(0..<trainCount), .test: Array(trainCount..<names.count)], to: writer, monitor)
    for split in Split.allCases {
      guard let written = outcomes[split]?.written, !written.isEmpty else { continue }
      try writer.write(names: written.map { names[$0] }, of: split)
    }
    return ImportReport(
      skipped: outcomes.skipped(names: names),
      notes: [rows.note(outcomes)] + notes(outcomes.mapValues { $0.written.map { names[$0] } }))
  }

  /// What folders are not: labels, and parts of which each split has some.
  private func notes(_ written: [Split: [String]]) -> [String] {
    let folders = written.mapValues { names in
      Set(names.map { $0.split(separator: "/").dropLast().joined(separator: "/") })
    }
    let all = folders.values.reduce(Set<String>()) { $0.union($1) }
    guard all.count > 1 else { return [] }
    let missing = all.subtracting(folders[.test] ?? all).sorted()
    return ["the \(Quantity.count(all.count, "folder")) are kept in names, not as labels"]
      + (missing.isEmpty
        ? []
        : [
          "the test split, the last images by name, has none of "
            + Quantity.list(missing.map { $0.isEmpty ? "the top folder" : $0 }, atMost: 4)
        ])
  }
}
