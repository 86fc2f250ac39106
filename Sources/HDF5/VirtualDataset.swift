import CHDF5

/// Rows of a virtual dataset, with the file that holds them.
public struct VirtualPart: Equatable, Sendable {
  /// The file's path relative to the directory of the virtual dataset's file.
  public let file: String
  /// The dataset in that file; all its rows become `rows`.
  public let dataset: String
  /// The rows of the virtual dataset.
  public let rows: Range<Int>

  /// Rows `rows` are the rows of `dataset` in `file`.
  public init(file: String, dataset: String, rows: Range<Int>) {
    self.file = file
    self.dataset = dataset
    self.rows = rows
  }
}

extension File {
  /// Creates a dataset that shows datasets of other files as one dataset.
  ///
  /// The C function is `H5Pset_virtual`. Reading a virtual dataset is slow; read the parts if speed
  /// matters. Rows of no part read as zero.
  ///
  /// - Throws: `HDF5Error` if the name is taken or the disk is full.
  public func createVirtualDataset(
    _ path: String, _ type: ElementType, shape: [Int], parts: [VirtualPart]
  ) throws(HDF5Error) {
    let creation = try properties(chdf5_dataset_creation(), for: path)
    for part in parts where !part.rows.isEmpty {
      let target = try dataspace(shape, for: path)
      let source = try dataspace([part.rows.count] + shape.dropFirst(), for: path)
      var start = [hsize_t](repeating: 0, count: shape.count)
      var extents = shape.map { hsize_t($0) }
      start[0] = hsize_t(part.rows.lowerBound)
      extents[0] = hsize_t(part.rows.count)
      try check(
        H5Sselect_hyperslab(target.id, H5S_SELECT_SET, start, nil, extents, nil),
        "H5Sselect_hyperslab", path)
      try check(
        H5Pset_virtual(creation.id, target.id, part.file, part.dataset, source.id),
        "H5Pset_virtual", path)
    }
    _ = try createDataset(path, type, shape: shape, creation: creation)
  }
}
