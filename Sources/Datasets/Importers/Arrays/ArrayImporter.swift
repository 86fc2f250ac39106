import Foundation
import Support

/// Imports arrays of NumPy and tables of text.
public struct ArrayImporter: Importer {
  /// `arrays`.
  public static let format = "arrays"
  /// The help text about sources.
  public static let help = """
    Arrays of NumPy (.npy, .npz) and tables (.csv, .tsv, a row for each image; also .gz), one or
    several files. Names with train, test, val tell splits, those with y or label tell labels. The
    value that stands for 1 is found: 1, 255 or 65535.
    """
  /// The options for names, form and scale.
  public static let options = ArrayForm.options

  /// The name of the first file.
  public let name: String
  private let parts: ArrayParts
  private let files: String

  /// Reads the files.
  ///
  /// - Throws: `DatasetError` if a file is missing, damaged or holds no images.
  public init(_ request: ImportRequest) throws {
    let form = try ArrayForm(request)
    var arrays: [any NumberArray] = []
    for path in request.sources {
      arrays += try Self.arrays(in: path, isAlone: request.sources.count == 1) {
        (bytes, stem) throws(DatasetError) in
        let isTest =
          Role(MemoryArray(file: "", name: stem, extents: [], typeName: "", values: .text([])))
          .split == .test
        let table = try CSVTable(
          bytes, file: path, name: stem,
          labels: form.labels[isTest && form.labels[.test] != nil ? .test : .train])
        return [table.images] + (table.labels.map { [$0] } ?? [])
      }
    }
    files = request.sources.joined(separator: " ")
    parts = try ArrayParts(arrays, request, form, of: files)
    name = Self.stem(request.sources[0])
  }

  /// The name of a file without its endings.
  static func stem(_ path: String) -> String {
    let name = URL(filePath: path).lastPathComponent
    return name.firstIndex(of: ".").map { $0 == name.startIndex ? name : String(name[..<$0]) }
      ?? name
  }

  /// The arrays of a file.
  ///
  /// Names of those of several files begin with that of the file.
  ///
  /// - Parameter table: reads a table from its bytes and the name of its file without endings.
  static func arrays(
    in path: String, isAlone: Bool,
    table: ([UInt8], String) throws(DatasetError) -> [any NumberArray]
  ) throws(DatasetError) -> [any NumberArray] {
    let stem = stem(path)
    switch ArrayKind(of: path) {
    case .npy:
      return [try NPYFile.read(try SourceFile.read(path), file: path, name: stem)]
    case .npz:
      let archive = try ZipArchive(path)
      var arrays: [any NumberArray] = []
      let entries = archive.names.enumerated().filter { $0.element.hasSuffix(".npy") }
      for (index, entry) in entries {
        let inner = String(entry.dropLast(4))
        // An array without a name of its own has that of the file.
        let isPlain = entries.count == 1 && inner.hasPrefix("arr_")
        let name = isPlain ? stem : isAlone ? inner : "\(stem)/\(inner)"
        let limit = min(ProcessMemory.available ?? .max, 1 << 40)
        arrays.append(
          try NPYFile.read(try archive.read(index, limit: limit), file: path, name: name))
      }
      return arrays
    case .csv:
      return try table(try SourceFile.read(path), stem)
    case nil:
      throw .mismatch(
        file: path, item: "name", found: "another ending",
        expected: ".npy, .npz, .csv or .tsv (cleave import hdf5 reads HDF5, import mnist IDX, "
          + "import images pictures)")
    }
  }

  /// Writes images and labels.
  ///
  /// - Throws: `HDF5Error` if the output cannot be written.
  public func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport {
    try parts.write(to: writer, monitor)
    return ImportReport(notes: parts.notes(of: files))
  }
}
