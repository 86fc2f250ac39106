import HDF5
import Images

/// What a data set keeps of the originals of its images: names, classes, sizes and depths.
public struct Originals: Sendable {
  /// The path of each original within its source.
  public let names: [String]?
  /// The class of each image.
  public let labels: [Int32]?
  /// The name of each class number.
  public let labelNames: [String]?
  /// The name of the group that each row is in.
  public let groups: [String]?
  /// Height and width of each original, where pictures were brought to one size.
  public let sizes: [(height: Int, width: Int)]?
  /// Bits of a value of each original: 8 or 16; nil where all have 8.
  public let depths: [UInt8]?
  /// How pictures were brought to one size.
  public let fit: Fit
  /// The side of the square that was cut out of each original, if one was given.
  public let crop: Int?

  /// Pixels of the largest original: a small file must not make large pictures.
  private static let mostPixels = 1 << 26

  /// Reads what lies beside the images in their file; nothing for images made in memory, and of
  /// arrays that are neither `images` nor mixed pictures of a group.
  ///
  /// - Throws: `HDF5Error`; `DatasetError` for one that does not fit the number of images.
  public init(of images: ImageSet) throws {
    let parts = images.dataset.split(separator: "/")
    guard parts.last == "images" || images.isMixed else {
      (names, labelNames, groups, sizes, depths, fit, crop) =
        (nil, nil, nil, nil, nil, .stretch, nil)
      labels = images.labels
      return
    }
    let group = parts.dropLast().map { "/" + $0 }.joined()
    let file = try File.open(images.path)
    let selection = images.selection
    let count = selection?.total ?? images.count
    func ofRows<Value>(_ values: [Value]) -> [Value] {
      selection.map { $0.rows.map { values[$0] } } ?? values
    }
    func dataset(
      _ name: String, _ types: [ElementType], _ shape: [Int]
    ) throws -> Dataset? {
      try file.checkLinks(to: name)
      guard file.isDataset(name) else { return nil }
      let found = try file.dataset(name)
      guard types.contains(found.type), found.shape == shape else {
        throw DatasetError.mismatch(
          file: file.path, item: name, found: "\(found.type) \(found.shape)",
          expected: "\(types[0]) \(shape), as there are \(count) images")
      }
      return found
    }
    let integers: [ElementType] = [.int32, .uint8, .int64]
    // Rows of a group are known by their places in the file.
    names =
      try dataset("\(group)/names", [.string], [count]).map { ofRows(try $0.readStrings()) }
      ?? selection?.rows.map { "row \($0)" }
    groups = try RowGroups(
      of: group.split(separator: "/").joined(separator: "/"), in: file, rows: count
    ).map { ofRows($0.ofRows) }
    labels = images.labels
    if file.isDataset("/label_names") {
      try file.checkLinks(to: "/label_names")
      labelNames = try file.dataset("/label_names").readStrings()
    } else {
      labelNames = nil
    }
    let sizes = try dataset("\(group)/sizes", integers, [count, 2])?.readAll(as: Int32.self)
    self.sizes = try sizes.map { sizes in
      try (0..<count).map { row in
        let (height, width) = (Int(sizes[2 * row]), Int(sizes[2 * row + 1]))
        guard height > 0, width > 0, height * width <= Self.mostPixels else {
          throw DatasetError.mismatch(
            file: file.path, item: "\(group)/sizes", found: "\(height)x\(width) of row \(row)",
            expected:
              "height and width of a picture of \(Self.mostPixels >> 20) million pixels at most")
        }
        return (height, width)
      }
    }
    depths = try dataset("\(group)/depths", integers, [count])?.readAll(as: UInt8.self)
    if let wrong = depths?.first(where: { $0 != 8 && $0 != 16 }) {
      throw DatasetError.mismatch(
        file: file.path, item: "\(group)/depths", found: "\(wrong)", expected: "8 or 16")
    }
    let word = try file.stringAttribute("framing", on: images.dataset)
    guard let fit = word.map({ Fit(rawValue: $0) }) ?? .stretch else {
      throw DatasetError.mismatch(
        file: file.path, item: "\(images.dataset)@framing", found: word ?? "",
        expected: Fit.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self.fit = fit
    crop = try file.intAttribute("crop", on: images.dataset).map { max(1, $0) }
  }

  /// The name of an image, for people: that of its original, or the number of its row.
  public func name(of row: Int) -> String { names?[row] ?? "row \(row)" }
}
