import HDF5

/// The arrays of an HDF5 file that Cleave did not write, as `cleave info` prints them.
public struct ForeignFile: Sendable {
  /// An array of the file.
  public struct Entry: Sendable {
    /// Its path inside the file.
    public let name: String
    /// The type of a value, in numpy's words.
    public let type: String
    /// Its extents.
    public let shape: [Int]
  }

  /// The arrays, up to one group deep.
  public let arrays: [Entry]

  /// Lists the arrays of a file.
  ///
  /// - Parameter isExternal: whether its arrays may lie in files outside of its folder.
  /// - Returns: nil for a file that Cleave wrote.
  /// - Throws: `HDF5Error` if the file cannot be read.
  public init?(of path: String, isExternal: Bool = false) throws(HDF5Error) {
    let file = try File.open(path, reach: isExternal ? .anywhere : .folder)
    for mark in ["format", "run", "model"] {
      guard try file.stringAttribute(mark, on: "/") == nil else { return nil }
    }
    var arrays: [Entry] = []
    for name in try file.datasetPaths() {
      let dataset = try file.dataset(name)
      arrays.append(Entry(name: name, type: "\(dataset.type)", shape: dataset.shape))
    }
    self.arrays = arrays
  }
}
