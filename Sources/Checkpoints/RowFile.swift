import HDF5

/// A row file: `/S` and `/R`, float32 [rows, H, W, C], of the rows one rank holds.
enum RowFile {
  /// "rows-00003.h5" for rank 3.
  static func name(rank: Int) -> String {
    let digits = String(rank)
    return "rows-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".h5"
  }

  /// Writes a rank's rows and waits until they are on the disk.
  static func write(_ block: RowBlock, to path: String) throws(HDF5Error) {
    let file = try File.create(path)
    let shape = [block.rows.count] + block.split.rowShape
    for (name, values) in [("/S", block.sparse), ("/R", block.residual)] {
      let dataset = try file.createDataset(name, .float32, shape: shape)
      if let start = values.baseAddress {
        try dataset.write(rows: 0..<block.rows.count, from: start, as: .float32)
      }
    }
    try file.write(attribute: "first_row", on: "/", block.rows.lowerBound)
    try file.synchronize()
    try file.close()
  }

  /// Opens `/S` or `/R`, checked against what the manifest says.
  static func open(
    _ name: String, of rows: Range<Int>, in split: SplitShape, at path: String
  ) throws(HDF5Error) -> Dataset {
    let dataset = try File.open(path).dataset(name)
    try dataset.expect(.float32, shape: [rows.count] + split.rowShape)
    return dataset
  }
}
