import Foundation
import Support

/// Imports the picture files of folders and zip archives, in the order of their names.
public struct ImageImporter: Importer {
  /// `images`.
  public static let format = "images"
  /// The help text about sources.
  public static let help = """
    Folders and zip archives (read in place) with JPEG, PNG, TIFF, BMP, WebP and GIF files, in
    whatever folders inside them. Folders named train, test, val are the splits, the folders in
    them classes with labels. Pictures keep their size, mixed sizes too, unless --size is given.
    """
  /// The options for test images and framing.
  public static let options = [TestImages.option] + ImageRows.options

  /// The name of the folder or archive.
  public let name: String
  private let rows: ImageRows
  private let folders: PictureFolders
  private let files: [Split: [Int]]
  private let notes: [String]

  /// Lists the sources.
  ///
  /// - Throws: `DatasetError` if a source does not exist or contains no image.
  public init(_ request: ImportRequest) throws {
    let source = try ImageSource(request.sources, named: request.sources.count > 1)
    rows = try ImageRows(source, request, size: nil)
    folders = PictureFolders(source.names, hasOrigins: request.sources.count > 1)
    var files: [Split: [Int]] = [:]
    for file in source.names.indices {
      files[folders.splits?[file] ?? .train, default: []].append(file)
    }
    let (labels, classes) = (folders.labels, folders.classes)
    let test = try TestImages(
      request, of: files[.train] ?? [], own: files[.test].map { ($0.count, "a folder") },
      order: "by name", label: labels.map { labels in { labels[$0] } },
      name: { classes[Int($0)] })
    if !test.chosen.isEmpty {
      files[.test] = test.chosen.sorted()
      files[.train]?.removeAll(where: test.chosen.contains)
    }
    self.files = files
    notes = folders.notes + [test.note].compactMap { $0 }
    let path = request.sources[0]
    name = URL(filePath: path).standardizedFileURL.deletingPathExtension().lastPathComponent
  }

  /// Writes images, labels and names.
  ///
  /// - Throws: `ImageError` or `DatasetError` if an image is broken, `HDF5Error` if the output
  ///   cannot be written.
  public func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport {
    let names = rows.source.names
    let all = Array(names.indices)
    let plan = try rows.plan(for: all, monitor, stopped: writer.stopped)
    let outcomes = try rows.write(files, as: plan, to: writer, monitor)
    for split in Split.allCases {
      guard let written = outcomes[split]?.written, !written.isEmpty else { continue }
      if let labels = folders.labels {
        try writer.write(labels: written.map { labels[$0] }, of: split)
      }
      try writer.write(names: written.map { names[$0] }, of: split)
    }
    if folders.labels != nil { try writer.write(labelNames: folders.classes) }
    return ImportReport(
      skipped: outcomes.skipped(names: names), notes: [rows.note(outcomes, plan)] + notes)
  }
}
