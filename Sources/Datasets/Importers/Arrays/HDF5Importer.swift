import Foundation
import HDF5

/// Imports datasets of an HDF5 file that Cleave did not write.
public struct HDF5Importer: Importer {
  /// `hdf5`.
  public static let format = "hdf5"
  /// The help text about sources.
  public static let help = """
    An HDF5 file of another program: datasets [N, H, W, C], [N, H, W] or [N, D] of any numbers,
    chunked and filtered as they may be. Names with train, test, val tell splits (x_train, x_test),
    those with y or label tell labels. The value that stands for 1 is found: 1, 255 or 65535.
    """
  /// The options for names, form and scale.
  public static let options = ArrayForm.options

  /// The name of the file.
  public let name: String
  /// The files whose parts the datasets show.
  public let inputs: [String]
  private let parts: ArrayParts
  private let path: String

  /// Opens the file and finds images and labels.
  ///
  /// - Throws: `HDF5Error` if the file is missing, damaged or not HDF5; `DatasetError` if it holds
  ///   no images.
  public init(_ request: ImportRequest) throws {
    path = try request.onlySource()
    let form = try ArrayForm(request)
    let file = try File.open(path)
    if let format = try file.stringAttribute("format", on: "/"), format == DatasetWriter.format {
      throw DatasetError.mismatch(
        file: path, item: "format", found: format,
        expected: "a file of another program; this one "
          + "is a data set already")
    }
    let arrays = try file.datasetPaths().map { DatasetArray(dataset: try file.dataset($0)) }
      .filter { !$0.extents.isEmpty }
    inputs = Set(arrays.flatMap(\.dataset.sourceFiles)).sorted()
    parts = try ArrayParts(arrays, request, form, of: path)
    name = URL(filePath: path).deletingPathExtension().lastPathComponent
  }

  /// Writes images and labels.
  ///
  /// - Throws: `HDF5Error` if a dataset is damaged or the output cannot be written.
  public func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport {
    try parts.write(to: writer, monitor)
    return ImportReport(notes: parts.notes(of: path))
  }
}
