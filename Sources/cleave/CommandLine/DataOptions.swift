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
  private var options: ImageSetOptions
  private let isLayoutGiven: Bool
  /// The value of `--shape`: the sides of an image.
  var shape: [Int]? { options.shape }
  /// What is done with other images than those a run was trained on, where these are expected.
  let other: TrainingRun.OtherImages

  /// Takes `--data`, `--split` and the options of a file's layout from the arguments.
  ///
  /// - Parameter isOptional: whether `--shape` may stand alone, for images that are not there yet.
  /// - Throws: `UsageError` for an invalid value.
  ///
  /// - Parameter named: the file, where the command takes it as an operand and not by `--data`.
  init(
    _ arguments: Arguments, path named: String? = nil, isOptional: Bool = false
  ) throws(UsageError) {
    path = (named ?? arguments.value("data")).map { URL(filePath: $0).standardizedFileURL.path }
    split = try arguments.choice("split", as: Split.self)?.rawValue ?? Split.train.rawValue
    let given = try Self.layout(arguments)
    var options = given ?? ImageSetOptions()
    options.group = arguments.value("group")
    self.options = options
    isLayoutGiven = given != nil || options.group != nil
    other = arguments.has("accept-data") ? .accepted : .refused
    let alone = ImageSetOptions(shape: isOptional ? options.shape : nil)
    if path == nil && given != nil && (given != alone || arguments.has("layout")) {
      throw UsageError(
        "--images, --layout, --shape, --scale and --external describe the file of --data, which "
          + "is missing")
    }
  }

  /// The form of images in a file from elsewhere; nil if no option tells it.
  ///
  /// - Throws: `UsageError` for an invalid value.
  static func layout(_ arguments: Arguments) throws(UsageError) -> ImageSetOptions? {
    var options = ImageSetOptions(
      images: arguments.value("images"), isExternal: arguments.has("external"))
    let layout = arguments.value("layout")
    do {
      try options.set(
        layout: layout, shape: arguments.value("shape"), scale: arguments.value("scale"))
    } catch {
      throw UsageError("\(error)")
    }
    return layout != nil || options != ImageSetOptions() ? options : nil
  }

  /// The options that tell the form of the file, as a command line has them, each after a space.
  var words: String {
    [
      options.images.map { " --images \(ShellWords.quoted($0))" },
      options.layout == .nhwc ? nil : " --layout \(options.layout.rawValue)",
      options.shape.map { " --shape \($0.map(String.init).joined(separator: ","))" },
      options.scale.map { " --scale \($0)" },
      options.isExternal ? " --external" : nil,
    ].compactMap { $0 }.joined()
  }

  /// The same for the rows of a group, where none is named; nil for no group.
  func of(group: String?) -> DataOptions {
    guard path != nil, options.group == nil, let group else { return self }
    var data = self
    data.options.group = group
    return data
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
    if let group = options.group { common.data.group = group }
    configuration.write(common)
  }

  /// Opens the training set that a configuration names, or the file given in its place, and says
  /// what is read.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - rows: how many images are needed; nil for all.
  ///   - takesMixed: whether images may differ in size, though they are no patches.
  /// - Throws: `DatasetError` or `HDF5Error`, the same on all ranks.
  func open(
    for run: Configuration, rows: Int? = nil, takesMixed: Bool = false, on world: Communicator,
    _ console: Console
  ) throws -> ImageSet {
    let own = run.common.data
    let isOwn = path == nil || (path == own.data && !isLayoutGiven)
    let isTrained = isOwn && split == Split.train.rawValue
    var form = isOwn ? own.imageSetOptions : options
    form.takesMixed = takesMixed
    return try ImageSet.open(
      path ?? own.data, split: split, options: form,
      rows: [rows, isTrained ? own.rows : nil].compactMap { $0 }.min(), by: own,
      isTraining: isTrained, on: world, console)
  }

  /// Opens the images on every rank, by default the run's own training set.
  ///
  /// **Collective.**
  ///
  /// - Parameter rows: how many images are needed; nil for all.
  /// - Returns: the images, and one line that says what they are to the run.
  /// - Throws: `DatasetError` or `HDF5Error`, the same on all ranks; `RunError.data` for other
  ///   images at the place of the training set, unless they are accepted.
  func open(
    for trained: TrainedModel, rows: Int? = nil, on world: Communicator, _ console: Console
  ) throws -> (images: ImageSet, line: String) {
    let own = trained.configuration.common.data
    let isOwnFile = path.map { Self.isSame($0, own.data) } ?? true
    let options = isOwnFile && !isLayoutGiven ? own.imageSetOptions : options
    try world.agree { if path == nil { try Self.find(own.data, of: trained.directory) } }
    // As many rows as the images trained on are needed to know them.
    let images = try ImageSet.open(
      path ?? own.data, split: split, options: options,
      rows: rows.map { max($0, trained.trainedData?.rows ?? 0) }, by: own, on: world, console)
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

extension ImageSet {
  /// Opens images on every rank as the rows of a run, and says in one line what is read.
  ///
  /// **Collective.**
  ///
  /// - Parameter isTraining: whether they are a training set, of which `settings` take some rows.
  static func open(
    _ path: String, split: String = Split.train.rawValue, options: ImageSetOptions, rows: Int?,
    by settings: DataSettings, isTraining: Bool = false, on world: Communicator, _ console: Console
  ) throws -> ImageSet {
    var options = options
    if settings.patch != nil { options.takesMixed = true }
    let (images, copies) = try open(
      path, split: split, options: options, rows: settings.patch == nil ? rows : nil, on: world)
    if let line = images.reading { console.note(line) }
    if copies > 0 {
      console.warning(
        "\(Quantity.count(copies, "rank")) cannot share the images of a rank on the same host and "
          + "hold a copy")
    }
    let used = try world.agree {
      try isTraining ? images.trainingRows(by: settings) : images.rows(by: settings)
    }
    if isTraining, used.shape.isFeatures {
      console.note("features have no pictures: none are drawn")
    }
    if let grid = used.patching?.grid {
      console.note(
        "\(Quantity.grouped(grid.count)) patches of \(used.shape), one every "
          + "\(Quantity.count(grid.stride, "pixel"))")
    }
    return used
  }
}
