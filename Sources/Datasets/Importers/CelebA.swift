import Foundation

/// Imports CelebA: aligned faces with 40 attributes, in the official training, validation and test
/// splits.
///
/// Liu et al., "Deep Learning Face Attributes in the Wild", ICCV 2015. Images are in the order of
/// their file names. The RVAE paper's images are made by `--size 64 --crop 148`.
public struct CelebAImporter: Importer {
  /// `celeba`.
  public static let format = "celeba"
  /// The help text about sources.
  public static let help = """
    img_align_celeba.zip, read in place, or the folder with its images; the official lists give the
    splits and the attributes. Usual settings are --size 64 --crop 148; --crop 74 for images of half
    the official size. Lists and source have to hold the same images, unless --subset is given.
    """
  /// The options for lists, subsets and framing.
  public static let options = [partition, attributes, subset] + ImageRows.options
  private static let partition = ImportOption(
    "partition", "FILE", "list_eval_partition.txt: the split of every image")
  private static let attributes = ImportOption(
    "attributes", "FILE", "list_attr_celeba.txt: 40 attributes of every image")
  /// Whether a source may lack some images.
  static let subset = ImportOption(
    "subset", nil, "import the images that the source and the lists have both")

  /// An image of the lists that the source contains.
  private struct Face {
    /// The place in the lists.
    let row: Int
    /// The place in the source.
    let file: Int
  }

  /// `celeba`.
  public let name = "celeba"
  private let rows: ImageRows
  private let partition: CelebAPartition
  private let attributes: CelebAAttributes?
  private let faces: [Face]

  /// Reads the lists and compares them with the source.
  ///
  /// - Throws: `DatasetError` if a list is wrong, or if the lists and the source have different
  ///   images.
  public init(_ request: ImportRequest) throws {
    let partitionPath = try request.required(Self.partition)
    let path = try request.onlySource()
    partition = try CelebAPartition(partitionPath)
    let partition = self.partition
    attributes = try request.value(Self.attributes).map {
      try CelebAAttributes($0, for: partition)
    }
    let source = try ImageSource([path])
    rows = try ImageRows(source, request)
    faces = try Self.match(partition, source, isSubset: request.has(Self.subset))
  }

  /// The images of the partition in the order of their names, each with its file.
  private static func match(
    _ partition: CelebAPartition, _ source: ImageSource, isSubset: Bool
  ) throws(DatasetError) -> [Face] {
    var files: [String: Int] = [:]
    for (file, name) in source.names.enumerated() {
      let name = lastComponent(of: name)
      if let other = files.updateValue(file, forKey: name) {
        throw .mismatch(
          file: source.path, item: name, found: "\(source.names[other]) and \(source.names[file])",
          expected: "one file of that name")
      }
    }
    var faces: [Face] = []
    var missing: String?
    for row in partition.names.indices.sorted(by: {
      ImageSource.precedes(partition.names[$0], partition.names[$1])
    }) {
      if let file = files.removeValue(forKey: partition.names[row]) {
        faces.append(Face(row: row, file: file))
      } else {
        missing = missing ?? partition.names[row]
      }
    }
    let hint = "(--subset imports the images that both have)"
    if let missing, !isSubset || faces.isEmpty {
      throw .mismatch(
        file: source.path, item: missing,
        found: "\(faces.count) of the \(partition.names.count) images of \(partition.path)",
        expected: "this one and all others \(hint)")
    }
    if let extra = files.keys.min(), !isSubset {
      throw .mismatch(
        file: partition.path, item: extra, found: "no line",
        expected: "one for each of the "
          + "\(source.names.count) images of \(source.path) \(hint)")
    }
    return faces
  }

  private static func lastComponent(of name: String) -> String {
    name.lastIndex(of: "/").map { String(name[name.index(after: $0)...]) } ?? name
  }

  /// Writes images, attributes and names.
  ///
  /// - Throws: `ImageError` or `DatasetError` if an image is broken, `HDF5Error` if the output
  ///   cannot be written.
  public func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport {
    var files: [Split: [Int]] = [:]
    var rowOfFile: [Int: Int] = [:]
    for face in faces {
      files[partition.splits[face.row], default: []].append(face.file)
      rowOfFile[face.file] = face.row
    }
    let plan = rows.plan(size: 64)
    let outcomes = try rows.write(files, as: plan, to: writer, monitor)
    for split in Split.allCases {
      let written = outcomes[split]?.written.compactMap { rowOfFile[$0] } ?? []
      guard !written.isEmpty else { continue }
      if let attributes {
        let width = attributes.names.count
        try writer.write(
          attributes: written.flatMap { attributes.values[$0 * width..<($0 + 1) * width] },
          called: attributes.names, of: split)
      }
      try writer.write(names: written.map { partition.names[$0] }, of: split)
    }
    return ImportReport(
      skipped: outcomes.skipped(names: rows.source.names.map(Self.lastComponent)),
      notes: notes + [rows.note(outcomes, plan)])
  }

  /// A note about the images that `--subset` left out.
  private var notes: [String] {
    var notes: [String] = []
    let (listed, stored) = (partition.names.count, rows.source.names.count)
    if faces.count < listed {
      notes.append("\(listed - faces.count) images of \(partition.path) are not in the source")
    }
    if faces.count < stored {
      notes.append("\(stored - faces.count) images of the source are not in \(partition.path)")
    }
    return notes
  }
}
