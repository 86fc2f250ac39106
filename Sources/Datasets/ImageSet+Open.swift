import Foundation
import HDF5
import Support

extension ImageSet {
  /// Opens one split of a data set on disk, with its labels and clean images if present.
  ///
  /// Contiguous 8-bit and float32 images are memory-mapped; other images are read into memory, by
  /// blocks. Float values are checked: finite, and in [0, 1] unless the images carry unclipped
  /// noise. Bytes of 0 and 1 alone, in a whole dataset that Cleave did not write, stand for 0 and
  /// 1.
  ///
  /// - Parameters:
  ///   - split: the group of the images; a file with a named dataset has no splits.
  ///   - options: the form of a file that Cleave did not write.
  ///   - rows: how many first rows to read where pixels cannot be mapped; nil for all.
  /// - Throws: `HDF5Error` if the file is missing, damaged or not HDF5. `DatasetError` if it does
  ///   not hold the images, or if values are not those of images.
  public static func open(
    _ path: String, split: String = "train", options: ImageSetOptions = ImageSetOptions(),
    rows: Int? = nil
  ) throws -> ImageSet {
    try ImageFile(path, split: split, options: options, rows: rows).imageSet()
  }

  /// Reads an image from a temporary file, so that this process has the memory which libraries take
  /// to read files.
  ///
  /// - Throws: `DatasetError` or `HDF5Error` if there is no room for such a file.
  public static func rehearseReading() throws {
    let folder = FileManager.default.temporaryDirectory
    let path = TemporaryFile.name(beside: folder.appending(path: "cleave-rehearsal").path)
    defer { unlink(path) }
    let file = try File.create(path, isNew: true)
    try file.createDataset("/train/images", .uint8, shape: [1, 1, 1, 1]).write([0] as [UInt8])
    try file.close()
    _ = try ImageSet.open(path)
  }

  /// Opens one split of a file that Cleave wrote, if the file and the split exist.
  ///
  /// - Parameter options: whether pictures of mixed sizes are taken, and how the file is reached.
  /// - Returns: nil if the file or the split does not exist.
  /// - Throws: `HDF5Error` and `DatasetError` like `open(_:split:options:)`.
  public static func openIfPresent(
    _ path: String, split: String, options: ImageSetOptions = ImageSetOptions()
  ) throws -> ImageSet? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try File.open(path, reach: options.isExternal ? .anywhere : .folder)
    guard
      file.isDataset("/\(split)/images")
        || options.takesMixed && file.isDataset("/\(split)/pixels")
    else { return nil }
    return try open(path, split: split, options: options)
  }
}
