import Datasets
import Images
import Support
import Tensors
import Training

/// The S of a robust model's first outer iteration, in place of 0 (docs/systems.md, 4.3).
///
/// It is a function of the images alone: a resume before the first step makes it again, later ones
/// read it from the checkpoint as any S.
extension RobustLoop {
  /// What S of the first outer iteration comes from.
  public enum InitialSplit: String, CaseIterable, Sendable {
    /// 0: the model first trains on the images as they are.
    case none
    /// Robust PCA of all images: S is its sparse part.
    case rpca
    /// The median around each pixel in its own image: S = shrink(X - median, t).
    case median
  }

  /// Sweeps of robust PCA, at most; 35 to 40 are needed.
  private static let sweeps = 100
  /// The shorter side of an image from which the median is that of 5x5 pixels, not of 3x3.
  static let largeSide = 16

  /// Makes the S of the first outer iteration, before the first step of a run.
  ///
  /// **Collective.** Equal on any number of ranks in exact mode; the median in every mode.
  ///
  /// - Returns: whether it is made; false when the run was asked to stop before.
  /// - Throws: `RunError.data` where singular values do not converge; errors of MPI.
  func split(_ session: Session, by shrinkage: Shrinkage) throws -> Bool {
    let trainer = session.trainer
    guard settings.initialSplit != .none, trainer.rows.sparse?.version == 0,
      trainer.progress.outer == 0, trainer.progress.epoch == 0,
      trainer.progress.stepInEpoch == 0
    else { return true }
    guard settings.initialSplit == .rpca else {
      let side = Self.medianSide(of: trainer.images.shape)
      try trainer.splitByMedian(side: side, shrinkage)
      let share = try trainer.shareOfSparsePart()
      session.note(
        "S begins with what is far from the median of \(side) x \(side) pixels: \(share)")
      return true
    }
    let first = try Self.pursuit(of: trainer)
    let outcome = try first.loop.run(first)
    guard outcome != .stopped else { return false }
    trainer.takeSparsePart(of: first.trainer)
    let share = try trainer.shareOfSparsePart()
    let sweeps = first.trainer.progress.step
    let isWhole = outcome == .converged
    session.note(
      "S begins with that of robust PCA after \(sweeps) sweeps"
        + (isWhole ? "" : ", which have not converged") + ": \(share)")
    return true
  }

  /// The side of the square whose median is taken.
  static func medianSide(of shape: ImageShape) -> Int {
    min(shape.height, shape.width) < largeSide ? 3 : 5
  }

  /// Robust PCA of a trainer's rows with the usual settings, in lanes of the same rows.
  ///
  /// **Collective.** It writes no files, and its rows have S and Y in floats.
  private static func pursuit(of trainer: Trainer) throws -> Session {
    var settings = PursuitLoop.Settings()
    settings.count.epochs = sweeps
    settings.resolveAll(
      for: TrainingSetFacts(rows: trainer.rows.count, shape: trainer.images.shape))
    let loop = PursuitLoop(settings)
    // The images have their noise already, and they are no more than the rows in use.
    var common = CommonSettings()
    common.lanes = trainer.settings
    let first = try Trainer(
      common, model: RobustPCA(settings.pursuit, image: trainer.images.shape),
      images: trainer.images, loop: loop, on: trainer.world)
    return Session(first, loop, common.recording, system: "rpca")
  }
}

extension Trainer {
  /// S = shrink(X - M, t) and R = X - M - S, where M is the median around each pixel.
  ///
  /// **Collective.** Each image is split by itself.
  fileprivate func splitByMedian(side: Int, _ shrinkage: Shrinkage) throws {
    guard let state = rows.sparse else { preconditionFailure("rows without S") }
    let (shape, d) = (images.shape, dimensions)
    let bound =
      state.needsBounds ? try rows.deviationLimit(threshold: shrinkage.threshold) : .infinity
    let (x, l) = (Storage(count: rows.blockRows * d), Storage(count: rows.blockRows * d))
    state.beginUpdate(within: ["R": bound], replacing: ["S"])
    rows.forEachBlock { _, part in
      images.gather(part, into: x.pointer)
      for i in 0..<part.count {
        MedianFilter.apply(
          x.pointer + i * d, to: l.pointer + i * d, height: shape.height, width: shape.width,
          channels: shape.channels, side: side)
      }
      state.update(part) { arrays in
        var sums = [0.0, 0, 0]
        shrinkage.project(
          x.pointer, l.pointer, s: arrays[0], r: arrays[1], count: part.count * d, sums: &sums)
      }
    }
    state.endUpdate()
  }

  /// S of another trainer of the same rows, and R = 0.
  fileprivate func takeSparsePart(of other: Trainer) {
    guard let state = rows.sparse, let found = other.rowState else {
      preconditionFailure("rows without S")
    }
    state.beginUpdate(within: ["R": 1], replacing: ["S", "R"])
    rows.forEachBlock { _, part in
      state.update(part) { arrays in
        found.copy("S", part, to: arrays[0])
        arrays[1].update(repeating: 0, count: part.count * dimensions)
      }
    }
    state.endUpdate()
  }

  /// How much of S is not 0, in words.
  ///
  /// **Collective.**
  fileprivate func shareOfSparsePart() throws -> String {
    guard let state = rows.sparse else { preconditionFailure("rows without S") }
    let block = Storage(count: rows.blockRows * dimensions)
    let nonzero = try rows.sum(1) { part, sums in
      state.copy("S", part, to: block.pointer)
      for i in 0..<part.count * dimensions where block.pointer[i] != 0 { sums[0] += 1 }
    }[0]
    let share = nonzero / (Double(rows.count) * Double(dimensions))
    return "\(Measure.share.words(share)) of its values are not 0"
  }
}
