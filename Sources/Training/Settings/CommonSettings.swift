import Datasets
import Distributed
import Support

/// The settings of every run: its data, its lanes, and its records.
public struct CommonSettings: SettingsGroup {
  /// The training set and its noise.
  public var data = DataSettings()
  /// Batches, their lanes, and the key of all draws.
  public var lanes = LaneSettings()
  /// Log lines, checkpoints, pictures and warnings.
  public var recording = RecordingSettings()

  /// The defaults.
  public init() {}

  /// Data, lanes, recording.
  public static let entries: [SettingsEntry<CommonSettings>] = [
    .group(\.data),
    .group(\.lanes),
    .group(\.recording),
  ]

  /// After this call the number of lanes and the number of rows are set; of features, which are no
  /// pictures, none are drawn and no pixels are hidden.
  public mutating func resolve(for facts: TrainingSetFacts) {
    if facts.shape?.isFeatures == true {
      (recording.gridEvery, recording.hiddenImages) = (0, 0)
    }
    if data.patch == nil { data.rows = facts.rows }
    lanes.lanes = lanes.count
  }

  /// Checks lanes, and the batch against the rows in use.
  public func check(_ system: String, with common: CommonSettings) throws(ConfigurationError) {
    try lanes.check()
    if recording.patience > 0 && recording.hiddenImages == 0 {
      throw ConfigurationError(
        key: "patience", found: "\(recording.patience)",
        expected: "a hidden_images above 0 with it, whose error it watches")
    }
    if recording.bestBy == .validation && recording.validateEvery == 0 {
      throw ConfigurationError(
        key: "best_by", found: "validation", expected: "a validate_every above 0 with it")
    }
    if let rows = data.modelRows { try lanes.check(rows: rows) }
  }
}

/// The training set: its place, the part in use, and its noise.
public struct DataSettings: SettingsGroup {
  /// The file of the training set, which a run remembers.
  public var data = ""
  /// The images' dataset in a foreign file; empty for the usual dataset.
  public var images = ""
  /// The order of that dataset's dimensions.
  public var layout = ImageSetOptions.Layout.nhwc
  /// The shape of an image, where the dataset is [N, D].
  public var shape: [Int]?
  /// The stored value that stands for 1; nil for the usual one.
  public var scale: Double?
  /// Whether the file may lead to other files outside its folder.
  public var external = false
  /// The group of rows that is the training set; empty for all rows.
  public var group = ""
  /// The number of first rows of the training set in use; nil for all rows.
  public var rows: Int?
  /// The side of square patches that are the rows in place of whole images; nil for whole images.
  public var patch: Int?
  /// Pixels from one patch to the next; nil for a quarter of the side.
  public var stride: Int?
  /// What a row of the training set is called: images or patches.
  public var rowsName: String { patch == nil ? "images" : "patches" }
  /// Corruption drawn anew at every step.
  public var noise = Corruption.none
  /// Corruption of the training set itself: a function of (seed, row), never stored.
  public var staticNoise = Corruption.none
  /// The conversion of grey images to binary images.
  public var binarize = Binarization.none

  /// The defaults.
  public init() {}

  /// The place, format and noise of the data.
  public static let entries: [SettingsEntry<DataSettings>] = [
    .text(
      "data", \.data, expected: "a file name", accepts: { _ in true },
      "The file of the training set; --data sets it.", "own"),
    .text(
      "images", \.images, expected: "the path of a dataset", accepts: { _ in true },
      "The images' dataset in a file from elsewhere; --images sets it.", "files"),
    .choice("layout", \.layout, "The order of its dimensions.", "files"),
    .optionalLayers(
      "shape", \.shape, absent: "as stored", "The shape of an image where the dataset is [N, D].",
      "files"),
    .optionalReal(
      "scale", \.scale, .scale, absent: "255 in bytes and 1 in floats",
      "The stored value that stands for 1.", "files"
    ).fixed,
    .flag(
      "external", \.external, "The file may lead to files outside its folder.", "files"),
    .text(
      "group", \.group, expected: "the name of a group", accepts: { _ in true },
      "The group of rows that is the training set, where the data set has groups; --group sets it.",
      "files"
    ).fixed,
    .optionalInteger(
      "rows", \.rows, 1...1_000_000_000, absent: "all",
      "Use at most the first n images of the training set.", "D-11"
    ).fixed,
    .optionalInteger(
      "patch", \.patch, 2...4096, absent: "whole images",
      "The side of square patches of the images, which are then the rows.", "own"
    ).fixed,
    .optionalInteger(
      "stride", \.stride, 1...4096, absent: "a quarter of patch",
      "Pixels from one patch to the next; a pixel's L is the mean over the patches that see it.",
      "own"
    ).fixed,
    .corruption(
      "noise", \.noise, "Corruption drawn anew at every step; the target stays clean.", "D-45"),
    .corruption(
      "static_noise", \.staticNoise, "Corruption of the training set, drawn once.", "D-45, 2"
    ).fixed,
    .choice(
      "binarize", \.binarize,
      "Bernoulli draws in place of grey images: one for the run, or one in each step. "
        + "Binary images stay.",
      "6.1 [C]: once"
    ).fixed,
  ]

  /// The keys of the place and the format of the data, which the options of a command set.
  public static let placeKeys = [
    "data", "images", "layout", "shape", "scale", "external", "group",
  ]

  /// Checks what patches are made of.
  public func check(_ system: String, with common: CommonSettings) throws(ConfigurationError) {
    guard let patch else {
      if stride == nil { return }
      throw ConfigurationError(key: "stride", found: "\(stride ?? 0)", expected: "a patch with it")
    }
    if let stride, stride > patch {
      throw ConfigurationError(
        key: "stride", found: "\(stride)", expected: "at most \(patch), the side of a patch")
    }
    guard staticNoise.isNone, binarize == .none else {
      throw ConfigurationError(
        key: staticNoise.isNone ? "binarize" : "static_noise",
        found: staticNoise.isNone ? binarize.rawValue : staticNoise.spec,
        expected: "none with patches; cleave corrupt makes such images, of one size")
    }
  }

  /// The most rows of the model; nil where the set has them: `rows` counts images, and with `patch`
  /// the rows of the set are the patches of these.
  public var modelRows: Int? { patch == nil ? rows : nil }

  /// The format of the training set in its file.
  public var imageSetOptions: ImageSetOptions {
    var options = ImageSetOptions(
      images: images.isEmpty ? nil : images, layout: layout, shape: shape, scale: scale,
      isExternal: external)
    options.takesMixed = patch != nil
    options.group = group.isEmpty ? nil : group
    return options
  }
}

/// The conversion of grey images to binary images.
public enum Binarization: String, CaseIterable, Sendable {
  /// No conversion.
  case none
  /// One Bernoulli draw of each pixel for the whole run.
  case once
  /// A fresh draw at every step, for input and target alike; measurements use one draw.
  case eachStep = "each_step"
}

/// Batches and their division into lanes, for any number of ranks.
public struct LaneSettings: SettingsGroup {
  /// Key of every random draw of the run.
  public var seed: UInt64 = 595
  /// Images in a step, over all ranks.
  public var batch = 200
  /// Number of lanes V; nil for the largest power of two that divides `batch`, up to 8.
  public var lanes: Int?
  /// Whether each lane is a separate microbatch, so that results are bitwise equal on any number of
  /// ranks.
  public var exact = false
  /// KiB of a message of gradients between hosts, at most.
  public var messageKiB = GradientBuckets.usualMessageFloats / 256

  /// The defaults.
  public init() {}

  /// All keys.
  ///
  /// Only `exact` and `message_kib` may change in a run: the order of rows and the draws depend on
  /// the others.
  public static let entries: [SettingsEntry<LaneSettings>] = [
    .seed(
      "seed", \.seed, "Key of every random draw of the run.", "0 [C]: 595, the RVAE authors'"
    ).fixed,
    .integer(
      "batch", \.batch, 1...1_048_576, "Images in a step, over all ranks.", "4.1 [C]: 200 on MNIST"
    ).fixed,
    .optionalInteger(
      "lanes", \.lanes, 1...4096, absent: "the largest power of two that divides batch, up to 8",
      "Fixed parts of a batch; at most as many ranks. Kept for the whole run.",
      "architecture, lanes"
    ).fixed,
    .flag(
      "exact", \.exact, "Bitwise the same result on any number of ranks, at some cost in speed.",
      "architecture, lanes"),
    .integer(
      "message_kib", \.messageKiB, 1...1_048_576,
      "KiB of a message of gradients between hosts, at most; cleave doctor times several. Results "
        + "do not depend on it.", "cluster"),
  ]

  /// The number of lanes: as set, or the largest power of two that divides the batch, up to 8.
  public var count: Int { lanes ?? min(8, batch & -batch) }

  /// Rows of each lane in a step.
  public var laneBatch: Int { batch / count }

  /// Checks that a number of ranks can share the lanes.
  ///
  /// - Throws: `ConfigurationError` that says which setting helps, when there are more ranks than
  ///   lanes.
  public func check(ranks: Int) throws(ConfigurationError) {
    guard ranks > count else { return }
    var wanted = 1
    while wanted < ranks { wanted *= 2 }
    let cure =
      batch % wanted == 0
      ? "set lanes=\(wanted)"
      : "set lanes=\(wanted) and a batch that \(wanted) divides (\((batch / wanted + 1) * wanted))"
    throw ConfigurationError(
      "\(ranks) ranks for \(Quantity.count(count, "lane")): start at most "
        + "\(Quantity.count(count, "rank")), or \(cure) in a new run")
  }

  /// Checks that a batch is no larger than the training set.
  ///
  /// - Parameter rows: the rows of the model: images, or patches.
  public func check(rows: Int) throws(ConfigurationError) {
    guard batch > rows else { return }
    throw ConfigurationError(
      key: "batch", found: "\(batch)",
      expected: "no more than the \(rows) rows of the training set")
  }

  fileprivate func check() throws(ConfigurationError) {
    if count & (count - 1) != 0 {
      throw ConfigurationError(key: "lanes", found: "\(count)", expected: "a power of two")
    }
    if batch % count != 0 {
      let fitting = batch & -batch
      throw ConfigurationError(
        "batch: \(batch) cannot be divided by \(count) lanes; set lanes to \(fitting) or less, "
          + "or batch to \((batch / count + 1) * count)")
    }
  }
}

/// The measures of which the lowest makes a checkpoint the best.
public enum BestMeasure: String, CaseIterable, Sendable {
  /// The mean loss of the epoch.
  case loss
  /// The negative bound on validation images.
  case validation
  /// The mean squared error of L to the clean images, which are seldom known.
  case cleanError = "clean_mse"
  /// The error of L at hidden pixels, which needs no clean images.
  case hidden
}

/// The records of a run, and the limits for its warnings.
public struct RecordingSettings: SettingsGroup {
  /// Steps between two lines of `metrics.jsonl`.
  public var logEvery = 50
  /// Minutes between two checkpoints; 0 for no checkpoints by time.
  public var checkpointMinutes = 10.0
  /// Epochs between two checkpoints; 0 for no checkpoints by epochs.
  public var checkpointEpochs = 0
  /// The number of newest checkpoints that stay.
  public var keepLast = 3
  /// Whether the checkpoint with the lowest score stays too.
  public var keepBest = true
  /// What the score is; nil for the bound on validation images where it is measured, otherwise the
  /// loss.
  public var bestBy: BestMeasure?
  /// Outer iterations (or epochs) between two sets of PNG grids; 0 for none.
  public var gridEvery = 1
  /// A KL below this, in nats, is reported as collapse.
  public var collapseKL = 0.5
  /// Outputs are reported if they vary by less than this over a batch (mean standard deviation of a
  /// pixel).
  public var collapseSpread = 1e-3
  /// Epochs between two measurements of the bound on the validation images; 0 for none.
  public var validateEvery = 0
  /// The share of the run's epochs after which these measurements begin.
  public var validateAfter = 0.4
  /// The largest number of images with hidden pixels, which judge the model without clean images;
  /// 0 for none.
  public var hiddenImages = 1000
  /// Measurements at hidden pixels without a better one after which the run ends; 0 for no end.
  public var patience = 0

  /// The defaults.
  public init() {}

  /// All keys.
  ///
  /// None of them changes the training.
  public static let entries: [SettingsEntry<RecordingSettings>] = [
    .integer(
      "validate_every", \.validateEvery, 0...1_000_000,
      "Epochs between two measurements of the bound on validation images, which choose the best "
        + "checkpoint; 0: none.",
      "6.1 [C]: 50"),
    .real(
      "validate_after", \.validateAfter, .notNegative,
      "The share of all epochs after which these begin.", "6.1 [C]: 0.4"),
    .integer(
      "hidden_images", \.hiddenImages, 0...1_000_000,
      "Images, at most, of which pixels are hidden to judge the model without clean images: after "
        + "each outer iteration, or every validate_every epochs; 0: none.",
      "own"),
    .integer(
      "patience", \.patience, 0...1_000_000,
      "End the run after so many of these measurements without a better one; 0: never.", "own"),
    .integer(
      "log_every", \.logEvery, 1...1_000_000, "Steps between two lines of metrics.jsonl.", "own"),
    .real(
      "checkpoint_minutes", \.checkpointMinutes, .notNegative,
      "Minutes between two checkpoints; 0: not by time.", "own"),
    .integer(
      "checkpoint_epochs", \.checkpointEpochs, 0...1_000_000,
      "Epochs between two checkpoints; 0: not by epochs.", "own"),
    .integer(
      "keep_last", \.keepLast, 1...1_000_000, "How many of the newest checkpoints stay.", "own"),
    .flag(
      "keep_best", \.keepBest,
      "The best checkpoint stays as well (best_by).", "own"),
    .optionalChoice(
      "best_by", \.bestBy, absent: "validation where validate_every measures it, otherwise loss",
      "The lowest what makes a checkpoint the best: the loss of its epoch, the bound on validation "
        + "images, the error of L at hidden pixels, or its error to the clean images, for which "
        + "these must be known.",
      "files"),
    .integer(
      "grid_every", \.gridEvery, 0...1_000_000,
      "Outer iterations (or epochs) between two sets of PNG grids; 0: none.", "own"),
    .real(
      "collapse_kl", \.collapseKL, .notNegative,
      "A KL below this many nats is reported as collapse.", "own"),
    .real(
      "collapse_spread", \.collapseSpread, .notNegative,
      "Outputs whose pixels have a lower mean standard deviation over a batch are reported as "
        + "collapse.",
      "own"),
  ]
}

extension ImageSet {
  /// The rows of a run with these settings: these images, or their patches.
  ///
  /// - Parameter used: the number of first images whose patches are taken; nil for all.
  /// - Throws: `DatasetError.mismatch` for images that are smaller than a patch, or too many patches.
  public func rows(
    by settings: DataSettings, used: Int? = nil
  ) throws(DatasetError) -> ImageSet {
    guard let side = settings.patch else { return self }
    return try patches(side, stride: settings.stride ?? max(1, side / 4), of: used)
  }

  /// The rows of the training set of a run with these settings; of patches those of `rows` images.
  ///
  /// - Throws: like `rows(by:used:)`.
  public func trainingRows(by settings: DataSettings) throws(DatasetError) -> ImageSet {
    try rows(by: settings, used: settings.rows)
  }
}
