import Foundation
import HDF5

/// Writes a data set file as formats.md describes it.
///
/// The file grows under a hidden name beside its target and gets its own name, by one rename, when
/// it is whole and on the disk. Whatever stops the writing leaves what was there before.
public final class DatasetWriter {
  /// The root attribute `format`.
  public static let format = "cleave-dataset"
  /// The root attribute `version`.
  public static let version = 1

  private let file: File

  private init(_ file: File) { self.file = file }

  /// Writes a data set that `body` fills.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - name: what the data set is called.
  ///   - source: where it comes from.
  ///   - force: whether a file of that name is replaced.
  /// - Throws: `DatasetError.exists` where a file is in the way, before anything is done;
  ///   `DatasetError` or `HDF5Error` where the file cannot be written; what `body` throws.
  public static func write(
    _ path: String, name: String, source: String, force: Bool = false,
    _ body: (DatasetWriter) throws -> Void
  ) throws {
    try writeFile(path, force: force) { file in
      try file.write(attribute: "format", on: "/", format)
      try file.write(attribute: "version", on: "/", version)
      try file.write(attribute: "name", on: "/", name)
      try file.write(attribute: "source", on: "/", source)
      try file.write(attribute: "created_by", on: "/", "cleave")
      try body(DatasetWriter(file))
    }
  }

  /// Writes an HDF5 file of any content that `body` fills, under its name only when it is whole and on the disk.
  ///
  /// - Throws: as `write`.
  public static func writeFile(
    _ path: String, force: Bool = false, _ body: (File) throws -> Void
  ) throws {
    try checkTarget(path, force: force)
    let target = URL(filePath: path)
    let folder = target.deletingLastPathComponent()
    let temporary = folder.appending(path: ".\(target.lastPathComponent).\(getpid())").path
    do {
      let file = try File.create(temporary)
      try body(file)
      try file.synchronize()
      try file.close()
      guard rename(temporary, path) == 0 else {
        throw DatasetError.file(file: path, reason: systemMessage())
      }
      try synchronize(folder: folder.path)
    } catch {
      unlink(temporary)
      // The hidden name means nothing to the user.
      if let error = error as? HDF5Error, error.file == temporary { throw error.renamed(path) }
      throw error
    }
  }

  /// Creates the images of a split: contiguous `[count, H, W, C]`, to be filled row by row.
  ///
  /// - Parameters:
  ///   - dataset: `images`, or `clean` for the images before their corruption.
  ///   - type: `uint8` or `float32`.
  /// - Throws: `HDF5Error` where the disk is full.
  public func createImages(
    _ split: Split, _ dataset: String = "images", count: Int, shape: ImageShape,
    type: ElementType = .uint8
  ) throws(HDF5Error) -> Dataset {
    try file.createDataset(
      "/\(split.rawValue)/\(dataset)", type,
      shape: [count, shape.height, shape.width, shape.channels])
  }

  /// Writes the labels of a split, one for each image.
  ///
  /// - Throws: `HDF5Error` where the disk is full.
  public func write(labels: [Int32], of split: Split) throws(HDF5Error) {
    try file.createDataset("/\(split.rawValue)/labels", .int32, shape: [labels.count])
      .write(labels)
  }

  /// Notes on the images of a split how they were corrupted.
  ///
  /// - Throws: `HDF5Error` where the disk is full.
  public func note(noise: Corruption, seed: UInt64, on split: Split) throws(HDF5Error) {
    let images = "/\(split.rawValue)/images"
    try file.write(attribute: "noise", on: images, noise.spec)
    try file.write(attribute: "seed", on: images, Int(truncatingIfNeeded: seed))
  }

  /// Copies a dataset of numbers or strings, with its attribute `names`, from another file.
  ///
  /// - Throws: `HDF5Error` where it cannot be read or written.
  func copy(_ path: String, from other: File) throws(HDF5Error) {
    let source = try other.dataset(path)
    let copy = try file.createDataset(path, source.type, shape: source.shape)
    if source.type == .string {
      try copy.write(strings: try source.readStrings())
    } else if let size = source.type.byteCount, let rows = source.shape.first {
      let memory = PixelMemory(allocating: source.count * size)
      try source.read(rows: 0..<rows, into: memory.start, as: source.type)
      try copy.write(rows: 0..<rows, from: memory.start, as: source.type)
    }
    if let names = try other.stringsAttribute("names", on: path) {
      try file.write(attribute: "names", on: path, names)
    }
  }

  /// Checks that a data set can be written at `path`, so that no work is done in vain.
  ///
  /// - Throws: `DatasetError.exists` where a file is in the way and `force` is false; another case
  ///   where there is no such folder or `path` is one.
  public static func checkTarget(_ path: String, force: Bool) throws(DatasetError) {
    let folder = URL(filePath: path).deletingLastPathComponent().path
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) {
      guard force else { throw .exists(file: path) }
      guard !isDirectory.boolValue else {
        throw .mismatch(file: path, item: "output", found: "a folder", expected: "a file name")
      }
    }
    guard
      FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory),
      isDirectory.boolValue
    else { throw .file(file: path, reason: "no such folder as \(folder)") }
  }

  /// Makes the rename itself last.
  ///
  /// The C function is `fsync`.
  private static func synchronize(folder: String) throws(DatasetError) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(file: folder, reason: systemMessage()) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .file(file: folder, reason: systemMessage()) }
  }
}
