import Datasets
import Foundation
import MPI
import Models
import Runs
import Training

/// `--data` and options for the format of its images: shared by the commands that read images.
struct DataOptions {
  /// The absolute path of the file; nil if it was not given.
  let path: String?
  /// The split of the data set.
  let split: String
  private let options: ImageSetOptions
  private let isLayoutGiven: Bool
  /// What is done with other images than those a run was trained on, where these are expected.
  let other: TrainingRun.OtherImages

  /// Takes `--data`, `--split`, `--images`, `--layout` and `--shape` from the arguments.
  ///
  /// - Throws: `UsageError` for an invalid value.
  init(_ arguments: Arguments) throws(UsageError) {
    path = arguments.value("data").map { URL(filePath: $0).standardizedFileURL.path }
    split = try arguments.choice("split", as: Split.self)?.rawValue ?? Split.train.rawValue
    let layout = try arguments.choice("layout", as: ImageSetOptions.Layout.self)
    options = ImageSetOptions(
      images: arguments.value("images"), layout: layout ?? .nhwc,
      shape: try Self.shape(arguments.value("shape")))
    other = arguments.has("accept-data") ? .accepted : .refused
    isLayoutGiven = options != ImageSetOptions() || layout != nil
    if path == nil && isLayoutGiven {
      throw UsageError(
        "--images, --layout and --shape describe the file of --data, which is missing")
    }
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
    configuration.write(common)
  }

  /// Opens the training set that a configuration names, or the file given in its place.
  ///
  /// **Collective.**
  ///
  /// - Throws: `DatasetError` or `HDF5Error`, the same on all ranks.
  func open(for run: Configuration, on world: Communicator) throws -> ImageSet {
    let own = run.common.data
    return try world.agree {
      try ImageSet.open(
        path ?? own.data, split: split,
        options: path == nil || (path == own.data && !isLayoutGiven) ? own.imageSetOptions : options
      )
    }
  }

  /// Opens the images on every rank, by default the run's own training set.
  ///
  /// **Collective.**
  ///
  /// - Returns: the images, and one line that says what they are to the run.
  /// - Throws: `DatasetError` or `HDF5Error`, the same on all ranks; `RunError.data` for other images
  ///   at the place of the training set, unless they are accepted.
  func open(
    for trained: TrainedModel, on world: Communicator
  ) throws -> (images: ImageSet, line: String) {
    let own = trained.configuration.common.data
    let isOwnFile = path.map { Self.isSame($0, own.data) } ?? true
    let options = isOwnFile && !isLayoutGiven ? own.imageSetOptions : options
    let images = try world.agree {
      if path == nil { try Self.find(own.data, of: trained.directory) }
      return try ImageSet.open(path ?? own.data, split: split, options: options)
    }
    let line = try trained.recognize(
      images,
      isNamedByRun: isOwnFile && images.split == .train && options == own.imageSetOptions,
      other: other, on: world)
    return (images, line)
  }

  /// Makes sure that the training set of a run is where the run has it.
  ///
  /// - Throws: `RunError.data` that says how to name another place.
  static func find(_ path: String, of run: RunDirectory) throws {
    if FileManager.default.fileExists(atPath: path) { return }
    throw RunError.data(
      path,
      "no such file; if the images of \(run.path) lie elsewhere now, name their file by --data: they "
        + "are known by their content")
  }

  private static func isSame(_ a: String, _ b: String) -> Bool {
    let (a, b) = (URL(filePath: a), URL(filePath: b))
    return a == b || a.resolvingSymlinksInPath() == b.resolvingSymlinksInPath()
  }
}
