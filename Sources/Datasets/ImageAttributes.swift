import HDF5

/// Yes-or-no properties of images, as `/SPLIT/attributes` has them: int8 [N, A], -1 or 1.
public struct ImageAttributes: Sendable {
  /// The names of the attributes, A.
  public let names: [String]
  /// Whether each image has each attribute, [N, A].
  private let values: [Int8]

  /// Reads the attributes of the images of a split; nil where there are none.
  ///
  /// - Throws: `HDF5Error`; `DatasetError` for attributes of another form or another number of
  ///   images.
  public init?(of images: ImageSet) throws {
    let path = "/\(images.split.rawValue)/attributes"
    let file = try File.open(images.path)
    try file.checkLinks(to: path)
    guard file.isDataset(path) else { return nil }
    let found = try file.dataset(path)
    let names = try file.stringsAttribute("names", on: path) ?? []
    guard found.type == .int8, found.shape == [images.count, names.count], !names.isEmpty else {
      throw DatasetError.mismatch(
        file: file.path, item: path, found: "\(found.type) \(found.shape), \(names.count) names",
        expected: "int8 [\(images.count), A] with A names, as there are \(images.count) images")
    }
    self.names = names
    values = try found.readAll(as: Int8.self)
    if let wrong = values.first(where: { $0 != 1 && $0 != -1 }) {
      throw DatasetError.mismatch(
        file: file.path, item: path, found: "\(wrong)", expected: "-1 or 1")
    }
  }

  /// Whether the first `count` images have an attribute, 1 or 0; nil for an unknown name.
  public func labels(_ name: String, count: Int) -> [Int32]? {
    guard let place = names.firstIndex(of: name) else { return nil }
    return (0..<count).map { values[$0 * names.count + place] > 0 ? 1 : 0 }
  }
}
