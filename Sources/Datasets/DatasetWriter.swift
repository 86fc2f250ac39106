import Foundation
import HDF5
import Support

/// Writes a data set file in the format of docs/files.md.
///
/// The file grows under a hidden name beside its target. When it is complete and on the disk, one
/// rename gives it its name. If the writing stops earlier, an existing target does not change.
public final class DatasetWriter {
  /// The root attribute `format`.
  public static let format = "cleave-dataset"
  /// The root attribute `version`.
  public static let version = 1

  private(set) var file: File
  private let attributes: [(name: String, value: String)]

  /// Creates the file `path` with the root attributes of a data set.
  private init(_ path: String, attributes: [(name: String, value: String)]) throws(HDF5Error) {
    self.attributes = attributes
    file = try Self.create(path, attributes)
  }

  private static func create(
    _ path: String, _ attributes: [(name: String, value: String)]
  ) throws(HDF5Error) -> File {
    let file = try File.create(path, isNew: true)
    try file.write(attribute: "format", on: "/", format)
    try file.write(attribute: "version", on: "/", version)
    for attribute in attributes {
      try file.write(attribute: attribute.name, on: "/", attribute.value)
    }
    return file
  }

  /// Writes a data set with the content that `body` writes.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - name: the name of the data set.
  ///   - source: the source of the data set.
  ///   - force: whether to replace an existing file.
  ///   - inputs: the files of which the data set is made; none of them is ever replaced.
  ///   - isOfRun: whether the file is one of a run's own, in its place.
  /// - Throws: `DatasetError.exists`, before any work, if the file exists. `DatasetError` or
  ///   `HDF5Error` if the file cannot be written. Errors of `body`.
  public static func write<Result>(
    _ path: String, name: String, source: String, force: Bool = false, inputs: [String] = [],
    isOfRun: Bool = false, _ body: (DatasetWriter) throws -> Result
  ) throws -> Result {
    if !isOfRun { try checkTarget(path, force: force, inputs: inputs) }
    return try replace(path) { temporary in
      let writer = try DatasetWriter(
        temporary,
        attributes: [("name", name), ("source", source), ("created_by", "cleave")])
      let result = try body(writer)
      try finish(writer.file)
      return result
    }
  }

  /// Writes an HDF5 file of any content; `body` writes the content.
  ///
  /// The file gets its name when it is complete and on the disk.
  ///
  /// - Throws: like `write`.
  public static func writeFile(
    _ path: String, force: Bool = false, inputs: [String] = [], _ body: (File) throws -> Void
  ) throws {
    try checkTarget(path, force: force, inputs: inputs)
    try replace(path) { temporary in
      let file = try File.create(temporary, isNew: true)
      try body(file)
      try finish(file)
    }
  }

  /// Lets `body` write a file under a hidden name beside `path`, then renames the file.
  private static func replace<Result>(
    _ path: String, _ body: (_ temporary: String) throws -> Result
  ) throws -> Result {
    let folder = URL(filePath: path).deletingLastPathComponent()
    let temporary = TemporaryFile.name(beside: path)
    do {
      let result = try body(temporary)
      guard rename(temporary, path) == 0 else {
        throw DatasetError.last(path)
      }
      try synchronize(folder: folder.path)
      return result
    } catch {
      unlink(temporary)
      // The error names the final path, because users do not know the hidden name.
      if let error = error as? HDF5Error, error.file.hasPrefix(temporary) {
        throw error.renamed(path)
      }
      if case DatasetError.stopped(file: temporary) = error {
        throw DatasetError.stopped(file: path)
      }
      throw error
    }
  }

  /// Waits until all data are on the disk, and closes the file.
  private static func finish(_ file: File) throws(HDF5Error) {
    try file.synchronize()
    try file.close()
  }

  /// Creates the images of a split: contiguous `[count, H, W, C]`, of features `[count, D]`; the
  /// caller fills the rows.
  ///
  /// - Parameters:
  ///   - dataset: `images`, or `clean` for the images before corruption.
  ///   - type: `uint8` or `float32`.
  /// - Throws: `HDF5Error` if the disk is full.
  public func createImages(
    _ split: Split, _ dataset: String = "images", count: Int, shape: ImageShape,
    type: ElementType = .uint8
  ) throws(HDF5Error) -> Dataset {
    let path = "/\(split.rawValue)/\(dataset)"
    let images = try file.createDataset(path, type, shape: shape.extents(of: count))
    try file.note(kindOf: shape, on: path)
    return images
  }

  /// Writes the labels of a split, one for each image.
  ///
  /// - Throws: `HDF5Error` if the disk is full.
  public func write(labels: [Int32], of split: Split) throws(HDF5Error) {
    try file.createDataset("/\(split.rawValue)/labels", .int32, shape: [labels.count])
      .write(labels)
  }

  /// Writes the attributes of a split.
  ///
  /// - Parameters:
  ///   - attributes: `[N, names.count]`, row-major, -1 or 1.
  ///   - names: the meaning of each column.
  /// - Throws: `HDF5Error` if the disk is full.
  public func write(
    attributes: [Int8], called names: [String], of split: Split
  ) throws(HDF5Error) {
    precondition(
      !names.isEmpty && attributes.count % names.count == 0,
      "\(attributes.count) values of \(names.count) attributes")
    let path = "/\(split.rawValue)/attributes"
    try file.createDataset(path, .int8, shape: [attributes.count / names.count, names.count])
      .write(attributes)
    try file.write(attribute: "names", on: path, names)
  }

  /// Writes the file names of a split's images, one for each.
  ///
  /// - Throws: `HDF5Error` if the disk is full or a name holds a NUL.
  public func write(names: [String], of split: Split) throws(HDF5Error) {
    try file.createDataset("/\(split.rawValue)/names", .string, shape: [names.count])
      .write(strings: names)
  }

  /// Creates the pixels of pictures of mixed sizes, `[count, channels]`; the caller fills them.
  ///
  /// - Throws: `HDF5Error` if the disk is full.
  public func createPixels(
    _ split: Split, count: Int, channels: Int, type: ElementType = .uint8
  ) throws(HDF5Error) -> Dataset {
    try file.createDataset("/\(split.rawValue)/pixels", type, shape: [count, channels])
  }

  /// Writes height and width of each original as a viewer shows it, `[N, 2]`.
  ///
  /// - Throws: `HDF5Error` if the disk is full.
  public func write(sizes: [Int32], of split: Split) throws(HDF5Error) {
    try file.createDataset("/\(split.rawValue)/sizes", .int32, shape: [sizes.count / 2, 2])
      .write(sizes)
  }

  /// Writes the bits of a value of each original, 8 or 16.
  ///
  /// - Throws: `HDF5Error` if the disk is full.
  public func write(depths: [UInt8], of split: Split) throws(HDF5Error) {
    try file.createDataset("/\(split.rawValue)/depths", .uint8, shape: [depths.count])
      .write(depths)
  }

  /// Writes the name of each class number.
  ///
  /// - Throws: `HDF5Error` if the disk is full or a name holds a NUL.
  public func write(labelNames: [String]) throws(HDF5Error) {
    try file.createDataset("/label_names", .string, shape: [labelNames.count])
      .write(strings: labelNames)
  }

  /// Writes how pictures were brought to one size, as attributes of a split's images.
  ///
  /// - Parameter crop: the side of the square that was cut out, if one was given.
  /// - Throws: `HDF5Error` if the disk is full.
  func note(framing: String, crop: Int?, on split: Split) throws(HDF5Error) {
    let images = "/\(split.rawValue)/images"
    try file.write(attribute: "framing", on: images, framing)
    if let crop { try file.write(attribute: "crop", on: images, crop) }
  }

  /// Keeps the first images of every split that has fewer images than planned.
  ///
  /// The file must hold only images so far. A contiguous dataset cannot be shortened in place, so
  /// the file is written again.
  ///
  /// - Parameter counts: the number of images that each split keeps; without a number, or with 0, a
  ///   split is removed.
  /// - Throws: `HDF5Error` if the disk is full; `DatasetError` if the file cannot be renamed.
  func keepImages(_ counts: [Split: Int]) throws {
    let path = file.path
    let whole = path + ".whole"
    try file.close()
    guard rename(path, whole) == 0 else {
      throw DatasetError.last(path)
    }
    defer { unlink(whole) }
    let planned = try File.open(whole)
    file = try Self.create(path, attributes)
    for split in Split.allCases {
      guard let count = counts[split], count > 0 else { continue }
      let source = try planned.dataset("/\(split.rawValue)/images")
      let kept = try file.createDataset(
        source.path, source.type, shape: [count] + source.shape.dropFirst())
      let rowSize = source.rowCount * (source.type.byteCount ?? 1)
      let atOnce = max(1, (1 << 24) / rowSize)
      let memory = PixelMemory(allocating: min(atOnce, count) * rowSize)
      for first in stride(from: 0, to: count, by: atOnce) {
        let rows = first..<min(first + atOnce, count)
        try source.read(rows: rows, into: memory.start, as: source.type)
        try kept.write(rows: rows, from: memory.start, as: source.type)
      }
    }
  }

  /// The error of work on this file after a stop signal.
  var stopped: DatasetError { .stopped(file: file.path) }

  /// Writes a fact about the file, or about a split's images, as an attribute.
  ///
  /// - Throws: `HDF5Error` if the disk is full.
  public func note(_ name: String, _ value: String, on split: Split? = nil) throws(HDF5Error) {
    try file.write(attribute: name, on: split.map { "/\($0.rawValue)/images" } ?? "/", value)
  }

  /// Writes the corruption and its seed as attributes of a split's images.
  ///
  /// - Throws: `HDF5Error` if the disk is full.
  public func note(noise: Corruption, seed: UInt64, on split: Split) throws(HDF5Error) {
    let images = "/\(split.rawValue)/images"
    try file.write(attribute: "noise", on: images, noise.spec)
    try file.write(attribute: "seed", on: images, Int(truncatingIfNeeded: seed))
  }

  /// Copies how pictures were brought to one size, where the images of a group in another file tell
  /// it.
  ///
  /// - Throws: `HDF5Error` if the attributes cannot be read or written.
  func copyFraming(_ group: String, from other: File) throws(HDF5Error) {
    let images = group + "/images"
    guard other.isDataset(images), let framing = try other.stringAttribute("framing", on: images)
    else { return }
    try file.write(attribute: "framing", on: images, framing)
    if let crop = try other.intAttribute("crop", on: images) {
      try file.write(attribute: "crop", on: images, crop)
    }
  }

  /// Copies a dataset of numbers or strings, with its attribute `names`, from another file.
  ///
  /// - Throws: `HDF5Error` if the dataset cannot be read or written.
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

  /// Checks that a data set can be written at `path`, before any long work.
  ///
  /// - Parameter inputs: the files that the command reads, or folders of pictures.
  /// - Throws: `DatasetError.isInput` if the file is one of the inputs, under whatever name.
  ///   `DatasetError.exists` if the file exists and `force` is false. Another case if the folder
  ///   does not exist or `path` is a folder.
  public static func checkTarget(
    _ path: String, force: Bool, inputs: [String] = []
  ) throws(DatasetError) {
    if let input = inputs.first(where: { isSame($0, path) }) {
      throw .isInput(file: path, input: input)
    }
    if let run = RunPlace.run(holding: path) {
      throw .option(
        path, found: "a place of the run \(run)", expected: "one outside of it")
    }
    let folder = URL(filePath: path).deletingLastPathComponent().path
    var status = stat()
    // A link that leads nowhere is a file's name, too.
    if stat(path, &status) == 0 || lstat(path, &status) == 0 {
      let kind = status.st_mode & S_IFMT
      guard kind != S_IFDIR else {
        throw .mismatch(file: path, item: "output", found: "a folder", expected: "a file name")
      }
      guard kind == S_IFREG || kind == S_IFLNK else {
        throw .option(
          path, found: kind == S_IFIFO ? "a pipe" : "a device or socket",
          expected: "a file name for the output")
      }
      guard force else { throw .exists(file: path) }
    }
    var isDirectory: ObjCBool = false
    guard
      FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory),
      isDirectory.boolValue
    else { throw .file(file: path, reason: "no such folder as \(folder)") }
  }

  /// Whether two names lead to one file, or `path` is a file of another program in the folder
  /// `input`, under whatever name.
  private static func isSame(_ input: String, _ path: String) -> Bool {
    var (one, other) = (stat(), stat())
    guard stat(path, &one) == 0, stat(input, &other) == 0 else { return false }
    if one.st_dev == other.st_dev && one.st_ino == other.st_ino { return true }
    guard other.st_mode & S_IFMT == S_IFDIR, one.st_mode & S_IFMT == S_IFREG else { return false }
    if one.st_nlink > 1, holds(one, under: input) { return true }
    // A data set may lie in a folder of pictures, and be made anew.
    guard !path.hasSuffix(".h5"), !path.hasSuffix(".hdf5"),
      let target = realpath(path, nil), let folder = realpath(input, nil)
    else { return false }
    defer {
      free(target)
      free(folder)
    }
    return String(cString: target).hasPrefix(String(cString: folder) + "/")
  }

  /// Whether a file has a name in a folder that is not that of a data set.
  private static func holds(_ file: stat, under folder: String) -> Bool {
    guard let names = FileManager.default.enumerator(atPath: folder) else { return false }
    for case let name as String in names where !name.hasSuffix(".h5") && !name.hasSuffix(".hdf5") {
      var status = stat()
      if stat("\(folder)/\(name)", &status) == 0, status.st_dev == file.st_dev,
        status.st_ino == file.st_ino
      {
        return true
      }
    }
    return false
  }

  /// Makes a rename permanent on the disk.
  ///
  /// The C function is `fsync`.
  private static func synchronize(folder: String) throws(DatasetError) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last(folder) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .last(folder) }
  }
}
