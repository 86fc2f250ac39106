import Foundation
import HDF5
import Support

/// Imports rows of features: numbers of any range, with labels, groups and names of the rows.
public struct FeatureImporter: Importer {
  /// `features`.
  public static let format = "features"
  /// The help text about sources.
  public static let help = """
    Rows of any numbers, [N, D], in HDF5, .npy, .npz, .csv or .tsv (also .gz); several sources follow
    each other. Labels, groups (queries) and names of rows are arrays, or columns of a table. Models
    with Gaussian terms train on them; train --each-group makes a run of each group.
    """
  /// The options for names, scaling and test rows.
  public static let options = [features, labels, groups, names, scaling, TestImages.option]
  private static let features = ImportOption(
    "features", "NAME", "the array with the rows (default: found by form and name)")
  private static let labels = ImportOption(
    "labels", "NAME", "that with their labels; of a table the column's name or number")
  private static let groups = ImportOption(
    "groups", "NAME", "that with the group of each row, text or whole numbers; none for no groups")
  private static let names = ImportOption("names", "NAME", "that with a name of each row")
  private static let scaling = ImportOption(
    "scaling", "WORD",
    "none (default), standard (by training rows), unit (length 1), or FILE: as that data set")

  /// The name of the first file.
  public let name: String
  /// The files whose parts HDF5 datasets show.
  public let inputs: [String]
  private let parts: FeatureParts

  /// Reads the files.
  ///
  /// - Throws: `DatasetError` or `HDF5Error` if a file is missing, damaged or holds no features, and
  ///   for labels, groups or names of another number.
  public init(_ request: ImportRequest) throws {
    var wanted: [CSVTable.Aside: String?] = [:]
    for (aside, option) in [
      (CSVTable.Aside.labels, Self.labels), (.groups, Self.groups), (.names, Self.names),
    ] {
      wanted[aside] = .some(request.value(option))
    }
    let asides = wanted
    var (arrays, inputs) = ([any NumberArray](), Set<String>())
    for path in request.sources {
      if ArrayKind(of: path) == nil, Self.isTakenForHDF5(path) {
        let found = try Self.arrays(ofFile: path)
        inputs.formUnion(found.flatMap(\.dataset.sourceFiles))
        arrays += found
        continue
      }
      arrays += try ArrayImporter.arrays(in: path, isAlone: request.sources.count == 1) {
        (bytes, stem) throws(DatasetError) in
        let table = try CSVTable(bytes, file: path, name: stem, asides: asides, rowName: "row")
        return [table.images] + CSVTable.Aside.allCases.compactMap { table.asides[$0] }
      }
    }
    self.inputs = inputs.sorted()
    name = ArrayImporter.stem(request.sources[0])
    parts = try FeatureParts(
      arrays, request, named: request.value(Self.features), asides: asides.compactMapValues { $0 },
      scaling: request.value(Self.scaling))
  }

  /// The arrays of an HDF5 file of another program, or of one that a command wrote about a run.
  private static func arrays(ofFile path: String) throws -> [DatasetArray] {
    let file = try File.open(path)
    if try file.stringAttribute("format", on: "/") == DatasetWriter.format {
      throw DatasetError.mismatch(
        file: path, item: "format", found: DatasetWriter.format,
        expected: "a file of another program; this one is a data set already")
    }
    return try file.datasetPaths().map { DatasetArray(dataset: try file.dataset($0)) }
      .filter { !$0.extents.isEmpty }
  }

  /// Whether a file begins like HDF5, or must by its name, or is not there.
  private static func isTakenForHDF5(_ path: String) -> Bool {
    if [".h5", ".hdf5"].contains(where: path.lowercased().hasSuffix) { return true }
    guard let file = try? RegularFile.open(path, followingLinks: true) else {
      return !FileManager.default.fileExists(atPath: path)
    }
    defer { close(file) }
    var start = [UInt8](repeating: 0, count: 8)
    return pread(file, &start, 8, 0) == 8 && start == [0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10]
  }

  /// Writes the rows of all splits, with labels, groups, names and scaling.
  ///
  /// - Throws: `HDF5Error` or `DatasetError` if an array is damaged or the disk is full.
  public func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport {
    ImportReport(notes: try parts.write(to: writer, monitor))
  }
}
