import CKernels
import Checkpoints
import Datasets
import Foundation
import Images
import Layers
import MPI
import Tensors

/// Draws pictures of a run while it trains: the same rows each time, and new images.
struct GridWriter {
  /// New images on each side of a grid.
  private static let side = 8

  private let directory: RunDirectory
  /// The rows that all pictures of the run show.
  private let rows: [Int]
  private let mean: [Float]
  /// X of these rows, where the training set is what a first stage made of it; on rank 0.
  private let originals: [Float]?

  /// A writer of pictures of a training set.
  ///
  /// **Collective.**
  ///
  /// - Parameter originals: X of a row before a first stage; nil for a run with one stage.
  init(
    _ directory: RunDirectory, _ training: TrainingRows, originals: ((Int) -> [Float])? = nil
  ) throws {
    self.directory = directory
    let rows = SplitSheet.pinned(of: training.count)
    self.rows = rows
    self.originals =
      training.world.isRoot ? originals.map { original in rows.flatMap { original($0) } } : nil
    mean = try training.meanImage(
      of: SplitSheet.pinned(of: training.count, atMost: SplitSheet.meanCount))
  }

  /// Whether a file of this name is a picture of a run, or one that is being written.
  ///
  /// Earlier versions wrote a picture for each kind of images.
  static func writes(_ name: String) -> Bool {
    let kinds = "(corrupted|originals|(outer|epoch)-[0-9]+(-(reconstructions|L|S|samples))?)"
    return name.range(
      of: "^(\\.\(kinds)\\.png\\..*|\(kinds)\\.png)$", options: .regularExpression) != nil
  }

  /// Writes `images/<name>.png`, and `images/<name>-samples.png` where the model has a prior.
  ///
  /// **Collective.** Every rank gives its rows, rank 0 writes.
  func draw(_ trainer: Trainer, _ name: String) throws {
    let world = trainer.world
    let own = rows.filter(trainer.rows.localRows.contains)
    let (state, clean) = (trainer.rows.sparse, trainer.rows.clean)
    func joined(_ copy: (Range<Int>, UnsafeMutablePointer<Float>) -> Void) throws -> [Float] {
      try world.gather(values(own, trainer.dimensions, copy))
    }
    let x = try joined { trainer.images.gather($0, into: $1) }
    let original = try clean.map { clean in try joined { clean.gather($0, into: $1) } }
    let sparse = try state.map { state in try joined { state.copy("S", $0, to: $1) } }
    let keepsRest = state?.arrays.index(named: "R") != nil
    let rest = try keepsRest ? joined { state?.copy("R", $0, to: $1) } : nil
    try world.agree {
      guard world.isRoot else { return }
      try drawSheet(trainer, name, x: x, clean: original, sparse: sparse, rest: rest)
      try drawSamples(trainer, name)
    }
  }

  private func values(
    _ rows: [Int], _ dimensions: Int, _ copy: (Range<Int>, UnsafeMutablePointer<Float>) -> Void
  ) -> [Float] {
    [Float](unsafeUninitializedCapacity: rows.count * dimensions) { buffer, initialized in
      if let start = buffer.baseAddress {
        for (i, row) in rows.enumerated() { copy(row..<row + 1, start + i * dimensions) }
      }
      initialized = rows.count * dimensions
    }
  }

  private func drawSheet(
    _ trainer: Trainer, _ name: String, x: [Float], clean: [Float]?, sparse: [Float]?,
    rest: [Float]?
  ) throws {
    guard let model = trainer.model as? any Encoding else { return }
    let noise =
      sparse == nil ? trainer.freshNoise.corrupter(of: trainer.images.shape) : nil
    let step = Step(seed: trainer.settings.seed, corrupt: noise)
    begin(step, rows, trainer) { $0.update(from: x, count: x.count) }
    func copied(_ pointer: UnsafePointer<Float>) -> [Float] {
      Array(UnsafeBufferPointer(start: pointer, count: x.count))
    }
    var (seen, explained) = (x, x)
    if let sparse {
      // L = X - S - R where R is kept or there is none, otherwise D(E(X - S)).
      ck_axpy(step.target.pointer, sparse, -1, sparse.count)
      if let rest { ck_axpy(step.target.pointer, rest, -1, rest.count) }
      if rest != nil || trainer.leavesNoRest {
        explained = copied(step.target.pointer)
      } else {
        explained = copied(model.reconstruct(step.target, step, sampling: false).pointer)
      }
    } else {
      seen = copied(step.corrupted().pointer)
      explained = copied(
        model.reconstruct(step.corrupted(), step, sampling: false).pointer)
    }
    let shape = trainer.images.shape
    let sheet = SplitSheet(
      rows: rows, shape: [shape.height, shape.width, shape.channels], x: originals ?? seen,
      xTitle: noise == nil || originals != nil ? "X" : "X with noise",
      first: originals == nil ? nil : seen, explained: explained, sparse: sparse,
      clean: clean ?? (noise == nil ? nil : x), mean: originals == nil ? mean : nil)
    try PNG.write(
      sheet.picture(title: title(name)), to: "\(directory.images)/\(name).png")
  }

  private func drawSamples(_ trainer: Trainer, _ name: String) throws {
    guard let model = trainer.model as? any Generative else { return }
    let step = Step(
      seed: trainer.settings.seed,
      corrupt: trainer.freshNoise.corrupter(of: trainer.images.shape))
    begin(step, Array(0..<Self.side * Self.side), trainer) { _ in }
    let samples = model.generate(step)
    let shape = trainer.images.shape
    let grid = ImageGrid(
      samples.pointer, count: Self.side * Self.side, height: shape.height, width: shape.width,
      channels: shape.channels)
    try PNG.write(
      grid.picture.titled(title(name) + ": new \(trainer.images.rowsName)"),
      to: "\(directory.images)/\(name)-samples.png")
  }

  private func title(_ name: String) -> String {
    let run = URL(filePath: directory.path).standardizedFileURL.lastPathComponent
    let words = name.split(separator: "-")
    let kind = words[0] == "outer" ? "outer iteration" : String(words[0])
    return "\(run), \(kind) \(Int(words.last ?? "") ?? 0)"
  }

  private func begin(
    _ step: Step, _ rows: [Int], _ trainer: Trainer, _ fill: (UnsafeMutablePointer<Float>) -> Void
  ) {
    rows.map(Int32.init).withUnsafeBufferPointer {
      step.begin(
        rows: $0, dimensions: trainer.dimensions, purpose: .evaluation, time: 0, fill: fill)
    }
  }
}

extension TrainingRows {
  /// The mean of some rows, [D].
  ///
  /// **Collective.** Sums of a few thousand 8-bit values are exact, so the order of the ranks does
  /// not matter.
  func meanImage(of rows: [Int]) throws -> [Float] {
    var sums = [Double](repeating: 0, count: dimensions)
    let image = Storage(count: dimensions)
    for row in rows where localRows.contains(row) {
      images.gather(row..<row + 1, into: image.pointer)
      ck_column_sums(image.pointer, &sums, 1, dimensions, 1)
    }
    try world.allReduce(&sums, .sum)
    return sums.map { Float($0 / Double(rows.count)) }
  }
}
