import CKernels
import Checkpoints
import Datasets
import HDF5
import Images
import MPI
import Models
import Runs
import Tensors
import Training

/// Writes a trained model's results for images to files: all ranks compute, rank 0 writes.
///
/// A file gets its name when it is complete. If the name ends in `.png`, the file is a grid of the
/// first images.
public struct Outputs {
  let trained: TrainedModel
  let world: Communicator
  let force: Bool
  /// Images of a PNG grid.
  private static let gridImages = 100

  /// Outputs of a trained model.
  ///
  /// - Parameter force: whether existing files are replaced.
  public init(_ trained: TrainedModel, force: Bool, world: Communicator) {
    self.trained = trained
    self.force = force
    self.world = world
  }

  /// Writes L (uint8) and S of each row, [N, H, W, C].
  ///
  /// S is float32, or float16 for a run with compact storage. For the run's training rows, S is the
  /// run's, and L is X - S - R where the run keeps R, otherwise D(E(X - S)). Other rows are split
  /// with frozen weights (`FrozenSplit`); a run without a sparse part has L = D(E(X)), S = X - L.
  ///
  /// - Parameter rounds: the largest number of rounds for rows outside the training set.
  ///
  /// **Collective.**
  ///
  /// - Returns: where L came from.
  @discardableResult
  public func denoise(
    _ data: ImageSet, to path: String, rounds: Int = FrozenSplit.usualRounds
  ) throws -> CleanPart {
    let source = try world.agree { try Source(trained, data) }
    let explainer = try world.agree {
      try Explainer(
        trained, images: source.images, usesSparsePart: source.hasSparsePart, rounds: rounds)
    }
    let d = source.images.shape.count
    try write(path, data) { file in
      let clean = try file?.createDataset("/L", .uint8, shape: source.shape)
      let arrays = trained.checkpoint.manifest.rowLayout?.arrays ?? []
      let isCompact = arrays.contains { $0.name == "S" && $0.element == .float16 }
      let sparse = try file?.createDataset(
        "/S", isCompact ? .float16 : .float32, shape: source.shape)
      try RowBlocks(rows: source.rows, of: source.images.shape, on: world).collect(width: 2 * d) {
        rows in
        let (l, s) = try explainer.split(rows)
        return interleaved(l, s, width: d)
      } write: { rows, values in
        let (l, s) = parted(values, width: d)
        try clean?.write(l.map(ImageGrid.byte), rows)
        if isCompact { try sparse?.writeHalves(s, rows) } else { try sparse?.write(s, rows) }
      }
    }
    return explainer.cleanPart
  }

  /// Writes D(E(X)) from mean codes, with X as in the data: float32 [N, H, W, C], or a PNG grid of
  /// the first images.
  ///
  /// **Collective.**
  public func reconstruct(_ data: ImageSet, to path: String) throws {
    let source = try world.agree { try Source(trained, data) }
    let explainer = try world.agree {
      try Explainer(trained, images: source.images, usesSparsePart: false)
    }
    try images("/reconstructions", source.rows, source.images.shape, data, to: path) {
      explainer.reconstruction(of: explainer.target($0)).values
    }
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
    try images("/samples", count, trained.imageShape, nil, to: path) { sampler.samples($0).values }
  }

  /// Writes codes: `/mean`, and `/log_variance` where the model has one, float32 [N, J].
  ///
  /// **Collective.**
  public func encode(_ data: ImageSet, to path: String) throws {
    let source = try world.agree { try Source(trained, data) }
    let explainer = try world.agree {
      try Explainer(trained, images: source.images, usesSparsePart: false)
    }
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
        return interleaved(m, v, width: j)
      } write: { rows, values in
        let (m, v) = parted(values, width: j)
        try mean?.write(m, rows)
        try logVariance?.write(v, rows)
      }
    }
  }

  /// Writes images as floats to a file, or the first images to a PNG grid.
  private func images(
    _ name: String, _ count: Int, _ shape: ImageShape, _ data: ImageSet?, to path: String,
    compute: (Range<Int>) throws -> [Float]
  ) throws {
    if path.hasSuffix(".png") {
      let shown = min(count, Self.gridImages)
      return try world.agree {
        guard world.isRoot else { return }
        try checkTarget(path, data)
        try ImageGrid(
          try compute(0..<shown), count: shown, height: shape.height, width: shape.width,
          channels: shape.channels
        ).write(to: path)
      }
    }
    try write(path, data) { file in
      let dataset = try file?.createDataset(
        name, .float32, shape: [count, shape.height, shape.width, shape.channels])
      try RowBlocks(rows: count, of: shape, on: world).collect(
        width: shape.count, compute: compute, write: { try dataset?.write($1, $0) })
    }
  }

  /// Runs `body` on all ranks; rank 0 has the file, with attributes that name the run and the
  /// input.
  private func write(
    _ path: String, _ data: ImageSet?, _ body: (File?) throws -> Void
  ) throws {
    guard world.isRoot else { return try body(nil) }
    try checkTarget(path, data)
    try DatasetWriter.writeFile(path, force: force) { file in
      try body(file)
      try file.write(attribute: "run", on: "/", trained.directory.path)
      try file.write(attribute: "checkpoint", on: "/", trained.checkpoint.name)
      if let data {
        try file.write(attribute: "input", on: "/", data.path)
        try file.write(attribute: "split", on: "/", data.split.rawValue)
      }
    }
  }

  /// Checks that an output replaces no input: no file of the images, and nothing that the run
  /// needs.
  private func checkTarget(_ path: String, _ data: ImageSet?) throws {
    try DatasetWriter.checkTarget(
      path, force: force, inputs: trained.inputs + (data?.files ?? []))
  }

  /// The rows of two matrices in turn, for one message.
  private func interleaved(_ a: [Float], _ b: [Float], width: Int) -> [Float] {
    var both: [Float] = []
    both.reserveCapacity(a.count + b.count)
    for first in stride(from: 0, to: a.count, by: width) {
      both += a[first..<first + width]
      both += b[first..<first + width]
    }
    return both
  }

  /// The inverse of `interleaved`.
  private func parted(_ both: [Float], width: Int) -> ([Float], [Float]) {
    var (a, b): ([Float], [Float]) = ([], [])
    for first in stride(from: 0, to: both.count, by: 2 * width) {
      a += both[first..<first + width]
      b += both[first + width..<first + 2 * width]
    }
    return (a, b)
  }
}

/// The images of a command.
struct Source {
  /// The images, with the run's static noise if they are its training images.
  let images: ImageSet
  /// The clean images; the images themselves if no clean images are known.
  let reference: ImageSet
  let hasClean: Bool
  /// Whether the run's static noise is on the images.
  let isNoisy: Bool
  /// Whether the run's S belongs to these rows.
  let hasSparsePart: Bool
  let rows: Int

  /// The source of a command.
  ///
  /// - Throws: `RunError` when the images and the run's images have different shapes.
  init(_ trained: TrainedModel, _ data: ImageSet, limit: Int? = nil) throws {
    try trained.checkShape(of: data)
    let settings = trained.configuration.common.data
    let own = try trained.wasTrained(on: data)
    isNoisy = own && !settings.staticNoise.isNone
    images = try own ? trained.seen(data) : trained.binary(data)
    hasClean = images.clean != nil
    reference =
      settings.binarize != .none ? images.clean ?? images : data.clean ?? data
    hasSparsePart = own && trained.checkpoint.manifest.rowLayout?.arrays.hasSparsePart == true
    let known = own ? trained.trainedRows(of: data).count : data.count
    rows = min(known, limit ?? known)
  }

  /// The shape of the images, [N, H, W, C].
  var shape: [Int] { [rows, images.shape.height, images.shape.width, images.shape.channels] }
}

extension Dataset {
  /// Writes whole rows.
  fileprivate func write(_ bytes: [UInt8], _ rows: Range<Int>) throws {
    try bytes.withUnsafeBytes { buffer in
      if let start = buffer.baseAddress { try write(rows: rows, from: start, as: .uint8) }
    }
  }

  /// Writes whole rows.
  fileprivate func write(_ floats: [Float], _ rows: Range<Int>) throws {
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
