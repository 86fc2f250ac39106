import HDF5

/// Pictures of mixed sizes, as docs/files.md has them: `pixels` [T, C], and `sizes` [N, 2].
public enum MixedPictures {
  /// Checks that the sizes of a split take all its pixels, and that each value can be read.
  ///
  /// - Throws: `HDF5Error` or `DatasetError` if the file is damaged.
  public static func check(_ path: String, split: String) throws {
    var options = ImageSetOptions()
    options.takesMixed = true
    _ = try Originals(of: ImageSet.open(path, split: split, options: options))
    let file = try File.open(path)
    let pixels = try file.dataset("/\(split)/pixels")
    let atOnce = max(1, (1 << 24) / max(1, pixels.rowCount))
    for first in stride(from: 0, to: pixels.shape[0], by: atOnce) {
      let values: [Float] = try pixels.read(rows: first..<min(first + atOnce, pixels.shape[0]))
      guard values.allSatisfy(\.isFinite) else {
        throw DatasetError.mismatch(
          file: path, item: pixels.path, found: "values that are not finite",
          expected: "numbers from 0 to 1")
      }
    }
  }

  /// The sizes of the pictures of a split, which take all its pixels.
  ///
  /// - Throws: `HDF5Error` or `DatasetError` if they do not.
  static func sizes(of split: String, in file: File) throws -> ImageSet.MixedSizes {
    let pixels = try file.dataset("/\(split)/pixels")
    try pixels.expect(.uint8, .float32, shape: [nil, nil])
    try file.checkLinks(to: "/\(split)/sizes")
    let sizes = try file.dataset("/\(split)/sizes")
    try sizes.expect(.int32, shape: [nil, 2])
    let (count, area) = (sizes.shape[0], pixels.shape[0])
    guard count > 0, count <= min(area, Int(Int32.max)) else {
      throw DatasetError.mismatch(
        file: file.path, item: sizes.path, found: "\(count) pictures",
        expected: "1 to \(min(area, Int(Int32.max))), as there are \(area) pixels")
    }
    try sizes.checkSources()
    let sides: [Int32] = try sizes.readAll()
    var found: [(height: Int, width: Int)] = []
    var first = [0]
    for row in 0..<count {
      let (height, width) = (Int(sides[2 * row]), Int(sides[2 * row + 1]))
      guard height > 0, width > 0 else {
        throw DatasetError.mismatch(
          file: file.path, item: sizes.path, found: "\(height)x\(width) in row \(row)",
          expected: "positive sides")
      }
      // Sides of 31 bits have an area of 62; the sum of areas stays below that of all pixels.
      guard height * width <= area - first[row] else {
        throw DatasetError.mismatch(
          file: file.path, item: sizes.path, found: "\(height)x\(width) in row \(row)",
          expected: "no more than the \(area - first[row]) pixels that are left of \(area)")
      }
      found.append((height, width))
      first.append(first[row] + height * width)
    }
    guard first[count] == area else {
      throw DatasetError.mismatch(
        file: file.path, item: pixels.path, found: "\(area) pixels",
        expected: "\(first[count]), those of all sizes")
    }
    return ImageSet.MixedSizes(sizes: found, first: first)
  }
}
