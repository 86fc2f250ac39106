import Datasets
import Foundation
import MPI
import Models
import Runs
import Support
import Training

/// `--data` and options for the format of its images: shared by the commands that read images.
struct DataOptions {
  /// The absolute path of the file; nil if it was not given.
  let path: String?
  /// The split of the data set.
  let split: String
  private let options: ImageSetOptions
  private let isLayoutGiven: Bool

  /// Takes `--data`, `--split` and the options of a file's layout from the arguments.
  ///
  /// - Throws: `UsageError` for an invalid value.
  init(_ arguments: Arguments) throws(UsageError) {
    path = arguments.value("data").map { URL(filePath: $0).standardizedFileURL.path }
    split = try arguments.choice("split", as: Split.self)?.rawValue ?? Split.train.rawValue
    let layout = try arguments.choice("layout", as: ImageSetOptions.Layout.self)
    options = ImageSetOptions(
      images: arguments.value("images"), layout: layout ?? .nhwc,
      shape: try Self.shape(arguments.value("shape")),
      scale: try Self.scale(arguments.value("scale")), isExternal: arguments.has("external"))
    isLayoutGiven = options != ImageSetOptions() || layout != nil
    if path == nil && isLayoutGiven {
      throw UsageError(
        "--images, --layout, --shape, --scale and --external describe the file of --data, which "
          + "is missing")
    }
  }

  private static func scale(_ text: String?) throws(UsageError) -> Double? {
    guard let text else { return nil }
    guard let value = Double(text), value > 0, value.isFinite else {
      throw UsageError("--scale: found \(text), expected a number above 0")
    }
    return value
  }

  private static func shape(_ text: String?) throws(UsageError) -> [Int]? {
    guard let text else { return nil }
    let separators: Set<Character> = [",", "x"]
    let sides = text.split(omittingEmptySubsequences: false) { separators.contains($0) }
      .map { Int($0) ?? 0 }
    guard (2...3).contains(sides.count), sides.allSatisfy({ (1...65536).contains($0) }) else {
      throw UsageError("--shape: found \(text), expected H,W or H,W,C")
    }
    return sides
  }

  /// Makes a run remember its training set, if a file was named.
  func store(in configuration: inout Configuration) {
    guard let path else { return }
    var common = configuration.common
    common.data.data = path
    common.data.images = options.images ?? ""
    common.data.layout = options.layout
    common.data.shape = options.shape
    common.data.scale = options.scale
    common.data.external = options.isExternal
    configuration.write(common)
  }

  /// Opens the images on every rank, by default the run's own training set, and says what is read.
  ///
  /// **Collective.**
  ///
  /// - Parameter rows: how many images are needed; nil for all.
  /// - Throws: `DatasetError` or `HDF5Error`, the same on all ranks.
  func open(
    for run: Configuration, rows: Int? = nil, on world: Communicator, _ console: Console
  ) throws -> ImageSet {
    let own = run.common.data
    let isOwn = path == nil || (path == own.data && !isLayoutGiven)
    let isTrained = isOwn && split == Split.train.rawValue
    return try ImageSet.open(
      path ?? own.data, split: split, options: isOwn ? own.imageSetOptions : options,
      rows: [rows, isTrained ? own.rows : nil].compactMap { $0 }.min(), on: world, console)
  }
}

extension ImageSet {
  /// Opens images on every rank, and says in one line what is read.
  ///
  /// **Collective.**
  static func open(
    _ path: String, split: String = Split.train.rawValue, options: ImageSetOptions, rows: Int?,
    on world: Communicator, _ console: Console
  ) throws -> ImageSet {
    let (images, copies) = try open(path, split: split, options: options, rows: rows, on: world)
    if let line = images.reading { console.note(line) }
    if copies > 0 {
      console.warning(
        "\(Quantity.count(copies, "rank")) cannot share the images of a rank on the same host and "
          + "hold a copy")
    }
    return images
  }
}
