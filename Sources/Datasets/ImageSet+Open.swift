import Foundation
import HDF5

extension ImageSet {
  /// Opens one split of a data set on disk, with its labels and clean images if present.
  ///
  /// Contiguous 8-bit and float32 images are memory-mapped; other images are read into memory.
  /// Float values are checked: finite, and in [0, 1] unless the images carry unclipped noise.
  ///
  /// - Parameters:
  ///   - split: the group of the images; ignored if `options` names a dataset.
  ///   - options: the form of a file that Cleave did not write.
  /// - Throws: `HDF5Error` if the file is missing, damaged or not HDF5. `DatasetError` if it does
  ///   not hold the images, or if values are not those of images.
  public static func open(
    _ path: String, split: String = "train", options: ImageSetOptions = ImageSetOptions()
  ) throws -> ImageSet {
    let file = try File.open(path)
    try checkVersion(of: file)
    let name = options.images ?? "/\(split)/images"
    guard file.isDataset(name) else {
      throw DatasetError.mismatch(
        file: path, item: name, found: "no such dataset\(try whatThereIs(in: file))",
        expected: "images (--images names another dataset)")
    }
    let part = Split(rawValue: split) ?? .train
    let noise = try file.stringAttribute("noise", on: name)
    let images = try StoredImages(name, in: file, options: options, noise: noise)
    guard options.images == nil else {
      return images.imageSet(path: path, split: part, labels: nil, clean: nil, noise: noise)
    }
    let labels = try labels("/\(split)/labels", in: file, count: images.count)
    var clean: ImageSet?
    if file.isDataset("/\(split)/clean") {
      let original = try StoredImages("/\(split)/clean", in: file, options: options, noise: nil)
      guard original.count == images.count, original.shape == images.shape else {
        throw DatasetError.mismatch(
          file: path, item: "/\(split)/clean",
          found: "\(original.count) images of \(original.shape)",
          expected: "\(images.count) of \(images.shape), as \(name)")
      }
      clean = original.imageSet(path: path, split: part, labels: labels, clean: nil, noise: nil)
    }
    return images.imageSet(path: path, split: part, labels: labels, clean: clean, noise: noise)
  }

  /// Opens one split of a file that Cleave wrote, if the file and the split exist.
  ///
  /// - Returns: nil if the file or the split does not exist.
  /// - Throws: `HDF5Error` and `DatasetError` like `open(_:split:options:)`.
  public static func openIfPresent(_ path: String, split: String) throws -> ImageSet? {
    guard FileManager.default.fileExists(atPath: path),
      try File.open(path).isDataset("/\(split)/images")
    else { return nil }
    return try open(path, split: split)
  }

  private static func checkVersion(of file: File) throws {
    guard try file.stringAttribute("format", on: "/") == DatasetWriter.format else { return }
    let version = try file.intAttribute("version", on: "/")
    guard version == DatasetWriter.version else {
      throw DatasetError.mismatch(
        file: file.path, item: "version", found: version.map(String.init) ?? "none",
        expected: "\(DatasetWriter.version)")
    }
  }

  private static func labels(_ name: String, in file: File, count: Int) throws -> [Int32]? {
    guard file.isDataset(name) else { return nil }
    let dataset = try file.dataset(name)
    let integers: [ElementType] = [.uint8, .int8, .int32, .int64]
    guard dataset.shape == [count], integers.contains(dataset.type) else {
      throw DatasetError.mismatch(
        file: file.path, item: name, found: "\(dataset.type) \(dataset.shape)",
        expected: "integers [\(count)], one for each image")
    }
    return try dataset.readAll(as: Int32.self)
  }

  /// The datasets of the file, for an error about an unknown dataset.
  private static func whatThereIs(in file: File) throws -> String {
    var found: [String] = []
    for child in try file.children(of: "/") {
      if file.isDataset("/" + child) { found.append("/" + child) }
      guard file.isGroup("/" + child) else { continue }
      for grandchild in try file.children(of: "/" + child)
      where file.isDataset("/\(child)/\(grandchild)") {
        found.append("/\(child)/\(grandchild)")
      }
    }
    guard !found.isEmpty else { return "" }
    let more = found.count > 8 ? ", …" : ""
    return " among \(found.prefix(8).joined(separator: ", "))\(more)"
  }
}
