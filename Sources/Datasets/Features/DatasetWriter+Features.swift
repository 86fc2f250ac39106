import HDF5

extension DatasetWriter {
  /// Tables of a whole data set that belong to features and their groups.
  static let tables = ["/group_names", FeatureScaling.means, FeatureScaling.deviations]

  /// Writes the group of each row of a split, as its place in the names of groups.
  ///
  /// - Throws: `HDF5Error` if the disk is full.
  func write(groups: [Int32], of split: Split) throws(HDF5Error) {
    try file.createDataset("/\(split.rawValue)/groups", .int32, shape: [groups.count])
      .write(groups)
  }

  /// Writes the name of each group.
  ///
  /// - Throws: `HDF5Error` if the disk is full or a name holds a NUL.
  func write(groupNames: [String]) throws(HDF5Error) {
    try file.createDataset("/group_names", .string, shape: [groupNames.count])
      .write(strings: groupNames)
  }

  /// Writes the numbers of a scaling, once a file.
  ///
  /// - Throws: `HDF5Error` if the disk is full.
  func write(_ scaling: FeatureScaling) throws(HDF5Error) {
    guard scaling.kind == .standard else { return }
    try file.createDataset(FeatureScaling.means, .float64, shape: [scaling.mean.count])
      .write(scaling.mean)
    try file.createDataset(FeatureScaling.deviations, .float64, shape: [scaling.mean.count])
      .write(scaling.deviation)
  }

  /// Notes how the features of a split were scaled.
  ///
  /// - Throws: `HDF5Error` if the disk is full.
  func note(scaling: FeatureScaling.Kind, on split: Split) throws(HDF5Error) {
    try file.write(
      attribute: FeatureScaling.attribute, on: "/\(split.rawValue)/images", scaling.rawValue)
  }

  /// Copies how features were scaled, where the images of a group in another file tell it.
  ///
  /// - Throws: `HDF5Error` if the attribute cannot be read or written.
  func copyScaling(_ group: String, from other: File) throws(HDF5Error) {
    let images = group + "/images"
    guard other.isDataset(images),
      let scaling = try other.stringAttribute(FeatureScaling.attribute, on: images)
    else { return }
    try file.write(attribute: FeatureScaling.attribute, on: images, scaling)
  }
}
