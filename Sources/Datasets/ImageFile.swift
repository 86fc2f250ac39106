import Foundation
import HDF5
import Support

/// One split of a data set on disk, opened but not yet read.
///
/// Opening finds all that is wrong with the form of the file. Then `imageSet()` reads the pixels
/// that cannot be mapped, or ranks of a host read them once: see ``SharedPixels``.
public final class ImageFile {
  /// The file.
  public let path: String
  private let split: Split
  private let images: StoredImages
  private let clean: StoredImages?
  private let mixed: ImageSet.MixedSizes?
  private let selection: RowSelection?
  private let labels: [Int32]?
  private let others: String
  /// All files of the images: the file, and the sources of a virtual dataset.
  public var files: [String] {
    [path] + images.dataset.sourceFiles + (clean?.dataset.sourceFiles ?? [])
  }

  /// Opens one split, with its labels and clean images if present.
  ///
  /// - Parameters:
  ///   - split: the group of the images; a file with a named dataset has no splits.
  ///   - options: the form of a file that Cleave did not write.
  ///   - rows: how many first rows to read where pixels cannot be mapped; nil for all.
  /// - Throws: `HDF5Error` if the file is missing, damaged or not HDF5. `DatasetError` if it does
  ///   not hold the images.
  public init(
    _ path: String, split: String = "train", options: ImageSetOptions = ImageSetOptions(),
    rows: Int? = nil
  ) throws {
    let file = try File.open(path, reach: options.isExternal ? .anywhere : .folder)
    let isDataset = try Self.checkVersion(of: file)
    if let images = options.images, split != Split.train.rawValue {
      throw DatasetError.option(
        "--split", found: split,
        expected: "none, as \(images) of \(path) is one array without splits (--images names "
          + "another one)")
    }
    let isMixed = options.images == nil && file.isDataset("/\(split)/pixels")
    let name = isMixed ? "/\(split)/pixels" : options.images ?? "/\(split)/images"
    try file.checkLinks(to: name)
    guard !isMixed || options.takesMixed else {
      throw DatasetError.mismatch(
        file: path, item: "/\(split)/pixels", found: "pictures of mixed sizes",
        expected:
          "images of one size (cleave import images --size HxW makes them); mixed sizes are "
          + "for models of patches alone (the preset photos, or patch=16 in training)")
    }
    if isMixed, file.isDataset("/\(split)/images") {
      throw DatasetError.mismatch(
        file: path, item: "/\(split)", found: "both images and pixels",
        expected: "images of one size, or pixels of mixed sizes")
    }
    mixed = isMixed ? try MixedPictures.sizes(of: split, in: file) : nil
    var options = options
    if isMixed { options.shape = [1, 1] + Array(try file.dataset(name).shape.dropFirst()) }
    guard file.isDataset(name) else {
      throw DatasetError.mismatch(
        file: path, item: name, found: "no such dataset\(try Self.whatThereIs(in: file))",
        expected: "images (--images names another dataset)")
    }
    self.path = path
    self.split = Split(rawValue: split) ?? .train
    // Outputs of a run name it and its checkpoint.
    let isOutput =
      try file.stringAttribute("run", on: "/") != nil
      && file.stringAttribute("checkpoint", on: "/") != nil
    let isOwn = isDataset || isOutput
    // The rows of a group lie anywhere.
    let rows = isMixed || options.group != nil ? nil : rows
    let images = try StoredImages(
      name, in: file, options: options, noise: try file.stringAttribute("noise", on: name),
      isOwn: isOwn, rows: rows, atMost: isMixed ? .max : Int(Int32.max),
      rowName: isMixed ? "pixel" : "row")
    self.images = images
    selection = try options.group.map {
      try RowGroups.selection($0, of: split, in: file, rows: isMixed ? 0 : images.count)
    }
    let cleanName = "/\(split)/clean"
    var clean: StoredImages?
    var labels: [Int32]?
    if options.images == nil {
      labels = try Self.labels(
        "/\(split)/labels", in: file, count: mixed?.sizes.count ?? images.count)
      try file.checkLinks(to: cleanName)
      if !isMixed, file.isDataset(cleanName) {
        let original = try StoredImages(
          cleanName, in: file, options: options, noise: nil, isOwn: isOwn, rows: rows)
        guard original.count == images.count, original.shape == images.shape else {
          throw DatasetError.mismatch(
            file: path, item: cleanName,
            found: "\(original.count) images of \(original.shape)",
            expected: "\(images.count) of \(images.shape), as \(name)")
        }
        clean = original
      }
    }
    self.clean = clean
    self.labels = labels
    let full = "/" + name.split(separator: "/").joined(separator: "/")
    others = try Self.others(in: file, beside: options.images == nil ? "/\(split)" : full)
  }

  /// The bytes of pixels that must be read, because they cannot be mapped.
  public var bytesToRead: Int {
    guard let clean, clean.bytesToRead > 0 else { return images.bytesToRead }
    guard images.bytesToRead < Int.max - 64 else { return Int.max }
    let (end, overflows) = cleanOffset.addingReportingOverflow(clean.bytesToRead)
    return overflows ? Int.max : end
  }

  /// The images, read into memory of this process where they cannot be mapped.
  ///
  /// - Throws: `HDF5Error` if the file is damaged; `DatasetError` if values are not those of images
  ///   or memory has no room for them.
  public func imageSet() throws -> ImageSet {
    let need = bytesToRead
    try checkMemory(need)
    let first = try PixelMemory(reading: images.bytesToRead, of: path)
    let second = try PixelMemory(reading: clean?.bytesToRead ?? 0, of: path)
    let values = try images.read(into: first)
    let cleanValues = try clean?.read(into: second)
    return imageSet(first, values, second, cleanValues)
  }

  /// Reads the pixels that cannot be mapped into shared memory of `bytesToRead` bytes.
  ///
  /// - Returns: what the other ranks must know about the values.
  /// - Throws: like `imageSet()`.
  public func read(into shared: SharedPixels) throws -> [Double] {
    let values = try images.read(into: part(of: shared, images, at: 0))
    let clean = try clean.map { try $0.read(into: part(of: shared, $0, at: cleanOffset)) }
    return [values, clean].flatMap { values -> [Double] in
      [
        Double(values?.scale ?? 0), values?.range.map { Double($0.lowerBound) } ?? .nan,
        values?.range.map { Double($0.upperBound) } ?? .nan,
      ]
    }
  }

  /// The images in shared memory that a rank of this host has filled.
  ///
  /// - Parameter facts: what `read(into:)` returned there.
  public func imageSet(in shared: SharedPixels, _ facts: [Double]) -> ImageSet {
    func values(_ first: Int) -> StoredImages.Values {
      let range =
        facts[first + 1].isNaN ? nil : Float(facts[first + 1])...Float(facts[first + 2])
      return StoredImages.Values(scale: Float(facts[first]), range: range)
    }
    return imageSet(
      part(of: shared, images, at: 0), values(0),
      part(of: shared, clean ?? images, at: cleanOffset), clean.map { _ in values(3) })
  }

  private func imageSet(
    _ memory: PixelMemory, _ values: StoredImages.Values, _ cleanMemory: PixelMemory,
    _ cleanValues: StoredImages.Values?
  ) -> ImageSet {
    var original: ImageSet?
    if let clean, let cleanValues {
      original = clean.imageSet(
        cleanMemory, cleanValues, path: path, split: split, labels: labels, clean: nil,
        reading: nil)
    }
    let set = images.imageSet(
      memory, values, path: path, split: split, labels: mixed == nil ? labels : nil,
      clean: original, reading: reading(values))
    if let selection { return set.selecting(selection) }
    return mixed.map { ImageSet(mixing: set, $0, labels: labels, reading: set.reading) } ?? set
  }

  /// One line about what was read, and what the file has beside it.
  private func reading(_ values: StoredImages.Values) -> String {
    let extent = mixed?.extent(channels: images.shape.channels)
    let classes = labels.map { Quantity.count(Set($0).count, "class", plural: "classes") }
    return "read \(path): \(images.description(values, extent: extent))"
      + (clean == nil ? "" : ", their clean images")
      + (classes.map { ", labels of \($0)" } ?? ", no labels") + others
  }

  // MARK: - Memory

  /// Where clean images begin in shared memory: behind the images, aligned.
  private var cleanOffset: Int { (images.bytesToRead + 63) / 64 * 64 }

  private func part(of shared: SharedPixels, _ images: StoredImages, at offset: Int) -> PixelMemory
  {
    PixelMemory(
      at: shared.start + (images.bytesToRead > 0 ? offset : 0), byteCount: images.bytesToRead,
      of: shared)
  }

  /// Checks that memory has room for pixels that cannot be mapped.
  ///
  /// - Throws: `DatasetError` with what is there and what would help.
  public func checkMemory(_ bytes: Int) throws(DatasetError) {
    guard bytes > 0, let available = ProcessMemory.available, bytes > available else { return }
    throw .mismatch(
      file: path, item: "images", found: "\(Quantity.bytes(bytes)) that cannot be mapped",
      expected: "no more than the \(Quantity.bytes(available)) of memory that are free (rows=N "
        + "reads the first N; a set stored without chunks and filters is mapped)")
  }

  // MARK: - The file

  /// Whether the file is a data set of Cleave.
  private static func checkVersion(of file: File) throws -> Bool {
    guard try file.stringAttribute("format", on: "/") == DatasetWriter.format else { return false }
    let version = try file.intAttribute("version", on: "/")
    guard version == DatasetWriter.version else {
      throw DatasetError.mismatch(
        file: file.path, item: "version", found: version.map(String.init) ?? "none",
        expected: "\(DatasetWriter.version)")
    }
    return true
  }

  private static func labels(_ name: String, in file: File, count: Int) throws -> [Int32]? {
    try file.checkLinks(to: name)
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
    let found = try file.datasetPaths()
    return found.isEmpty ? "" : " among \(listed(found))"
  }

  /// What the file has beside what is read: other splits, or other datasets.
  private static func others(in file: File, beside name: String) throws -> String {
    let found = try file.datasetPaths().filter { $0 != name && !$0.hasPrefix(name + "/") }
    guard !found.isEmpty else { return "" }
    let own = name.split(separator: "/").first.map(String.init)
    let splits = Split.allCases.map(\.rawValue).filter { split in
      split != own && (found.contains("/\(split)/images") || found.contains("/\(split)/pixels"))
    }
    let isSplit = Split.allCases.contains { $0.rawValue == own }
    let names = isSplit ? splits : found
    if names.isEmpty { return "" }
    return "; not read: \(listed(names))"
  }

  private static func listed(_ names: [String]) -> String {
    names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
  }
}

extension File {
  /// The datasets of the file, up to one group deep.
  func datasetPaths() throws(HDF5Error) -> [String] {
    var found: [String] = []
    for child in try children(of: "/") {
      if isDataset("/" + child) { found.append("/" + child) }
      guard isGroup("/" + child) else { continue }
      for grandchild in try children(of: "/" + child)
      where isDataset("/\(child)/\(grandchild)") {
        found.append("/\(child)/\(grandchild)")
      }
    }
    return found
  }
}
