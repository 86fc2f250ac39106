import CKernels
import Checkpoints
import Datasets
import HDF5
import Images
import Layers
import MPI
import Models
import Runs
import Support
import Tensors
import Training

/// Writes a trained model's results for images to files: all ranks compute, rank 0 writes.
///
/// A file gets its name when it is complete. If the name ends in `.png`, the file is a picture for
/// people: some rows side by side; if it ends in `/`, a folder of pictures.
public struct Outputs {
  let trained: TrainedModel
  let world: Communicator
  let force: Bool
  /// New images of a PNG grid.
  private static let gridImages = 100

  /// Outputs of a trained model.
  ///
  /// - Parameter force: whether existing files are replaced.
  public init(_ trained: TrainedModel, force: Bool, world: Communicator) {
    self.trained = trained
    self.force = force
    self.world = world
  }

  /// What a file with L and S holds beside them.
  public enum Extra: String, CaseIterable, Sendable {
    /// The images as the model sees them.
    case images = "X"
    /// The scores of each image.
    case scores
  }

  /// Checks that an output can be written, before any long work.
  ///
  /// - Parameters:
  ///   - path: a file, or a folder if it ends in `/`.
  ///   - inputs: the files that the command reads.
  /// - Throws: `DatasetError`; `FileError`.
  public static func checkTarget(_ path: String, force: Bool, inputs: [String]) throws {
    if path.hasSuffix("/") {
      try PictureFolder.check(path, force: force)
    } else {
      try DatasetWriter.checkTarget(path, force: force, inputs: inputs)
    }
  }

  /// How many images of `data` a command takes, and of how many patches; nil for whole images.
  ///
  /// - Throws: errors of reading the images.
  public func extent(of data: ImageSet) throws -> (images: Int, patches: Int?) {
    let (rows, count) = try Source.extent(trained, data)
    return (count, data.isPatches ? rows : nil)
  }

  // MARK: - Commands

  /// Writes L (uint8) and S of each row, [N, H, W, C], with names and labels where these are known;
  /// of features both are float32, [N, D].
  ///
  /// S is float32, or float16 for a run with compact storage. For the run's training rows, S is the
  /// run's, and L is X - S - R where the run keeps R, otherwise D(E(X - S)). Other rows are split
  /// with frozen weights (`FrozenSplit`); a run without a sparse part has L = D(E(X)), S = X - L.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - extras: what the file holds beside L and S.
  ///   - rounds: the largest number of rounds for rows outside the training set.
  /// - Returns: where L came from.
  @discardableResult
  public func denoise(
    _ data: ImageSet, with extras: Set<Extra> = [], to path: String,
    rounds: Int = FrozenSplit.usualRounds
  ) throws -> CleanPart {
    let rows = try SplitRows(trained, data, rounds: rounds, on: world)
    let source = rows.source
    let shape = try world.agree { try source.wholeShape() }
    let d = source.whole.shape.count
    let originals = try world.agree { try Originals(of: data.whole) }
    let scores = extras.contains(.scores) ? Score.allCases.count : 0
    var table: [Float] = []
    try write(path, data) { file in
      let isFeatures = source.whole.shape.isFeatures
      let clean = try file?.createDataset("/L", isFeatures ? .float32 : .uint8, shape: shape)
      let arrays = trained.checkpoint.manifest.rowLayout?.arrays ?? []
      let isCompact = arrays.contains { $0.name == "S" && $0.element == .float16 }
      let sparse = try file?.createDataset(
        "/S", isCompact ? .float16 : .float32, shape: shape)
      let isByte = source.whole.isEightBit
      let images =
        extras.contains(.images)
        ? try file?.createDataset("/X", isByte ? .uint8 : .float32, shape: shape) : nil
      let widths = [d, d, extras.contains(.images) ? d : 0, scores]
      try RowBlocks(rows: source.count, of: source.whole.shape, on: world)
        .collect(width: widths.reduce(0, +)) { block in
          let split = try rows.split(block, hasTerms: scores > 0)
          return interleaved(
            [split.l, split.s, split.x, scores > 0 ? try rows.scores(block, split) : []], widths)
        } write: { block, values in
          let parts = parted(values, widths)
          if isFeatures {
            try clean?.write(parts[0], block)
          } else {
            try clean?.write(parts[0].map(ImageGrid.byte), block)
          }
          if isCompact {
            try sparse?.writeHalves(parts[1], block)
          } else {
            try sparse?.write(parts[1], block)
          }
          if isByte {
            try images?.write(parts[2].map(ImageGrid.byte), block)
          } else {
            try images?.write(parts[2], block)
          }
          table += parts[3]
        }
      if let file {
        try originals.write(rows: source.count, to: file)
        try file.note(kindOf: source.whole.shape, on: "/L")
      }
      if scores > 0, let file {
        try Scores(table, rows: source.count, by: .residual).write(to: file)
      }
    }
    return rows.cleanPart
  }

  /// Writes D(E(X)) from mean codes, with X as in the data: float32 [N, H, W, C], or a picture of
  /// some rows.
  ///
  /// **Collective.**
  public func reconstruct(_ data: ImageSet, to path: String) throws {
    let source = try world.agree { try Source(trained, data) }
    let explainer = try world.agree {
      try Explainer(
        trained, images: source.images, usesSparsePart: false, isOfRun: source.isOfRun)
    }
    let shape = try world.agree { try source.wholeShape() }
    func reconstructions(_ block: Range<Int>) throws -> [Float] {
      var all: [Float] = []
      try explainer.whole(block, reconstructs: true, splits: false, noisy: false) {
        all += $1.reconstruction
      }
      return all
    }
    if path.hasSuffix(".png") {
      return try writeSheet(of: source, data, to: path, "reconstructions") { row in
        (try reconstructions(row), nil, explainer.first == nil ? nil : explainer.seen(row))
      }
    }
    try images(
      "/reconstructions", shape[0], source.whole.shape, data, to: path, compute: reconstructions)
  }

  /// Writes `count` new images: float32 [count, H, W, C], or a PNG grid.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - steps: the steps of a chain; nil for the model's default.
  ///   - start: the source of the codes.
  ///   - codes: the codes of a chain's steps.
  /// - Throws: `ConfigurationError` as `Sampler`; errors of the file.
  public func sample(
    _ count: Int, seed: UInt64, chain steps: Int? = nil, start: Sampler.Start = .prior,
    codes: Sampler.Codes = .sample, to path: String
  ) throws {
    let sampler = try world.agree {
      try Sampler(trained, seed: seed, chain: steps, start: start, codes: codes)
    }
    let shape = trained.imageShape
    guard path.hasSuffix(".png") else {
      return try images("/samples", count, shape, nil, to: path) { sampler.samples($0).values }
    }
    let shown = min(count, Self.gridImages)
    try world.agree {
      guard world.isRoot else { return }
      try checkTarget(path, nil)
      let grid = ImageGrid(
        sampler.samples(0..<shown).values, count: shown, height: shape.height, width: shape.width,
        channels: shape.channels)
      let isOfPatches = trained.configuration.common.data.patch != nil
      let title =
        "\(runName): "
        + (isOfPatches
          ? Quantity.count(shown, "new patch", plural: "new patches")
          : Quantity.count(shown, "new image"))
      try PNG.write(grid.picture.titled(title), texts: texts(title, nil), to: path)
    }
  }

  /// Writes codes: `/mean`, and `/log_variance` where the model has one, float32 [N, J], with names
  /// and labels where these are known.
  ///
  /// **Collective.**
  public func encode(_ data: ImageSet, to path: String) throws {
    let source = try world.agree {
      if let model = trained.model as? any Encoding, !model.hasCodes {
        throw ConfigurationError(
          "\(trained.directory.path): found model=\(trained.configuration.model), which has no codes, "
            + "expected a model that has")
      }
      return try Source(trained, data)
    }
    let explainer = try world.agree {
      try Explainer(
        trained, images: source.images, usesSparsePart: false, isOfRun: source.isOfRun)
    }
    let originals = try world.agree { try Originals(of: data.whole) }
    let probe = explainer.codes(0..<1)
    let j = probe.mean.shape.columns
    let hasVariance = probe.logVariance != nil
    try write(path, data) { file in
      let mean = try file?.createDataset("/mean", .float32, shape: [source.rows, j])
      let logVariance =
        hasVariance
        ? try file?.createDataset("/log_variance", .float32, shape: [source.rows, j])
        : nil
      try RowBlocks(rows: source.rows, of: source.images.shape, on: world).collect(width: 2 * j) {
        rows in
        let code = explainer.codes(rows)
        let (m, v) = (code.mean.values, code.logVariance?.values ?? code.mean.values)
        return interleaved([m, v], [j, j])
      } write: { rows, values in
        let parts = parted(values, [j, j])
        try mean?.write(parts[0], rows)
        try logVariance?.write(parts[1], rows)
      }
      if let file {
        try originals.write(rows: source.rows, of: source.images.patching?.grid, to: file)
      }
    }
  }

  // MARK: - Files

  /// Writes images as floats to a file.
  private func images(
    _ name: String, _ count: Int, _ shape: ImageShape, _ data: ImageSet?, to path: String,
    compute: (Range<Int>) throws -> [Float]
  ) throws {
    try write(path, data) { file in
      let dataset = try world.agree {
        let dataset = try file?.createDataset(name, .float32, shape: shape.extents(of: count))
        try file?.note(kindOf: shape, on: name)
        return dataset
      }
      try RowBlocks(rows: count, of: shape, on: world).collect(
        width: shape.count, compute: compute, write: { try dataset?.write($1, $0) })
    }
  }

  /// Runs `body` on all ranks; rank 0 has the file, with attributes that name the run and the
  /// input.
  func write(
    _ path: String, _ data: ImageSet?, _ body: (File?) throws -> Void
  ) throws {
    try world.agree { if world.isRoot { try checkTarget(path, data) } }
    guard world.isRoot else { return try body(nil) }
    try DatasetWriter.writeFile(path, force: force) { file in
      try body(file)
      for (name, value) in origin(data) { try file.write(attribute: name, on: "/", value) }
    }
  }

  /// The run, its checkpoint and the input of an output, as the output names them.
  func origin(_ data: ImageSet?) -> [(name: String, value: String)] {
    [("run", trained.directory.path), ("checkpoint", trained.checkpoint.name)]
      + (data.map { [("input", $0.path), ("split", $0.split.rawValue)] } ?? [])
  }

  /// Checks that an output replaces no input: no file of the images, and nothing that the run
  /// needs.
  func checkTarget(_ path: String, _ data: ImageSet?) throws {
    try Self.checkTarget(path, force: force, inputs: trained.inputs + (data?.files ?? []))
  }

  /// The rows of several matrices in turn, for one message; a matrix of width 0 is left out.
  private func interleaved(_ matrices: [[Float]], _ widths: [Int]) -> [Float] {
    let rows = matrices[0].count / widths[0]
    var all: [Float] = []
    all.reserveCapacity(rows * widths.reduce(0, +))
    for row in 0..<rows {
      for (matrix, width) in zip(matrices, widths) where width > 0 {
        all += matrix[row * width..<(row + 1) * width]
      }
    }
    return all
  }

  /// The inverse of `interleaved`.
  private func parted(_ all: [Float], _ widths: [Int]) -> [[Float]] {
    var parts = widths.map { _ in [Float]() }
    var place = 0
    while place < all.count {
      for (index, width) in widths.enumerated() {
        parts[index] += all[place..<place + width]
        place += width
      }
    }
    return parts
  }
}

extension Originals {
  /// Writes names, labels and the names of classes of the first `rows` images, where these are
  /// known.
  ///
  /// - Parameter grid: where rows are patches, which have name and label of their image.
  func write(rows: Int, of grid: PatchGrid? = nil, to file: File) throws(HDF5Error) {
    func each<Value>(_ values: [Value]) -> [Value] {
      guard let grid else { return Array(values.prefix(rows)) }
      return (0..<rows).map { values[grid.image(of: $0)] }
    }
    if let names {
      try file.createDataset("/names", .string, shape: [rows]).write(strings: each(names))
    }
    if let labels {
      try file.createDataset("/labels", .int32, shape: [rows]).write(each(labels))
    }
    if let groups {
      try file.createDataset("/groups", .string, shape: [rows]).write(strings: each(groups))
    }
    if let labelNames {
      try file.createDataset("/label_names", .string, shape: [labelNames.count])
        .write(strings: labelNames)
    }
  }

  /// The class of each image in words; nil without labels.
  var labelWords: [String]? {
    labels?.map { label in
      guard let labelNames, labelNames.indices.contains(Int(label)) else { return "\(label)" }
      return labelNames[Int(label)]
    }
  }
}

extension Scores {
  /// Writes `/scores/NAME` [N], and the verdict: 1 for outliers.
  func write(to file: File) throws(HDF5Error) {
    for (score, values) in values {
      try file.createDataset("/scores/\(score.rawValue)", .float32, shape: [rows]).write(values)
    }
    try file.createDataset("/scores/outlier", .uint8, shape: [rows])
      .write((0..<rows).map { isOutlier($0) ? 1 : 0 } as [UInt8])
    try file.write(attribute: "by", on: "/scores", decisive.rawValue)
    if let threshold, let value = thresholdValue {
      try file.write(attribute: "threshold", on: "/scores", Double(value))
      try file.write(attribute: "variance_ratio", on: "/scores", threshold.ratio)
    }
  }
}

extension Dataset {
  /// Writes whole rows.
  func write(_ bytes: [UInt8], _ rows: Range<Int>) throws {
    try bytes.withUnsafeBytes { buffer in
      if let start = buffer.baseAddress { try write(rows: rows, from: start, as: .uint8) }
    }
  }

  /// Writes whole rows.
  func write(_ floats: [Float], _ rows: Range<Int>) throws {
    try floats.withUnsafeBytes { buffer in
      if let start = buffer.baseAddress { try write(rows: rows, from: start, as: .float32) }
    }
  }

  /// Writes whole rows rounded to half precision, because HDF5 converts slowly.
  fileprivate func writeHalves(_ floats: [Float], _ rows: Range<Int>) throws {
    var halves = [UInt16](repeating: 0, count: floats.count)
    ck_floats_to_halves(floats, &halves, floats.count)
    try halves.withUnsafeBytes { buffer in
      if let start = buffer.baseAddress { try write(rows: rows, from: start, as: .float16) }
    }
  }
}
