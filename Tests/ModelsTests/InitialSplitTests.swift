import Datasets
import Images
import TestSupport
import Testing

@testable import Models
@testable import Training

/// S of a robust model's first outer iteration (`initial_split`).
@Suite("The first split of robust models")
struct InitialSplitTests {
  private static let short = ["model=rvae", "outer_iterations=1", "inner_epochs=2", "lambda=2"]

  /// A run whose S is made, without a step.
  private func begun(_ settings: String...) throws -> (run: SmallTraining, by: Shrinkage) {
    let run = try SmallTraining(Self.short + settings)
    let loop = try #require(run.session.loop as? RobustLoop)
    let threshold = loop.shrinkage(try run.trainer.rows.norms(), elements: run.x.count).threshold
    let rule = Shrinkage(.soft, threshold: threshold, shape: run.trainer.images.shape)
    #expect(try loop.split(run.session, by: rule))
    return (run, rule)
  }

  /// S = shrink(X - M, t), R = X - M - S, for the median M of the nine pixels around each.
  @Test func medianTakesWhatIsFarFromItsNeighbours() throws {
    let (run, rule) = try begun("initial_split=median")
    let (x, s, r, t) = (run.x, run.s, run.r, rule.threshold)
    #expect(t > 0.01 && t < 1)
    var nonzero = 0
    for image in 0..<60 {
      for place in 0..<36 {
        let (y, c) = (place / 6, place % 6)
        let around = (-1...1).flatMap { dy in
          (-1...1).map { dx in
            x[image * 36 + min(max(y + dy, 0), 5) * 6 + min(max(c + dx, 0), 5)]
          }
        }
        let i = image * 36 + place
        let far = x[i] - around.sorted()[4]
        let expected = far > t ? far - t : far < -t ? far + t : 0
        #expect(abs(s[i] - expected) < 1e-6)
        #expect(abs(r[i] - (far - expected)) < 1e-6)
        if expected != 0 { nonzero += 1 }
      }
    }
    #expect(nonzero > 20)
    #expect(RobustLoop.medianSide(of: ImageShape(height: 28, width: 16, channels: 1)) == 5)
    #expect(RobustLoop.medianSide(of: ImageShape(height: 28, width: 15, channels: 1)) == 3)
  }

  /// S is bit for bit that of a run of robust PCA, and R is 0.
  @Test func robustPCAIsThatOfARun() throws {
    let (run, _) = try begun("initial_split=rpca")
    let alone = try SmallTraining(["model=rpca", "epochs=100"])
    #expect(try alone.fit() == .converged)
    #expect(alone.s.contains { abs($0) > 0.1 })
    #expect(bits(run.s) == bits(alone.s))
    #expect(run.r.allSatisfy { $0 == 0 })
    let (compact, _) = try begun("initial_split=rpca", "split_storage=compact")
    #expect(bits(compact.s) == bits(alone.s.map { Float(Float16($0)) }))
    #expect(compact.r.allSatisfy { $0 == 0 })
  }

  /// The run trains on X - S from its first step on: it is the plain model on these images.
  @Test(arguments: ["median", "rpca"]) func theFirstIterationTrainsOnXLessS(split: String) throws {
    let (start, _) = try begun("initial_split=\(split)", "lambda=2")
    let l = zip(start.x, start.s).map { $0 - $1 }
    let robust = try SmallTraining(Self.short + ["initial_split=\(split)"])
    #expect(try robust.fit() == .finished)
    let plain = try SmallTraining(
      ["model=vae", "epochs=2"], images: ImageSet(floats: l, shape: start.trainer.images.shape))
    #expect(try plain.fit() == .finished)
    #expect(bits(robust.weights) == bits(plain.weights))
  }

  /// c2 of the first iteration is measured from the L + S that the run began with.
  @Test(arguments: ["median", "rpca"]) func whatMovedIsMeasuredFromTheFirstSplit(
    split: String
  ) throws {
    let (start, _) = try begun("initial_split=\(split)")
    let robust = try SmallTraining(
      Self.short + ["initial_split=\(split)", "c2_weight=paper"])
    #expect(try robust.fit() == .finished)
    let moved = norm(zip(robust.r, start.r).map { $0 - $1 }) / norm(robust.x)
    #expect(moved > 1e-3)
    let c2 = try #require(robust.session.history.latest("c2"))
    #expect(abs(c2 - moved) < 1e-5 * moved)
  }

  /// A split is made once: a run that has one keeps it.
  @Test func aRunWithASplitKeepsIt() throws {
    let (run, rule) = try begun("initial_split=median")
    let before = run.s
    let loop = try #require(run.session.loop as? RobustLoop)
    let wider = Shrinkage(.soft, threshold: 0, shape: rule.shape)
    #expect(try loop.split(run.session, by: wider))
    #expect(bits(run.s) == bits(before))
  }

  /// X7 from a median: lambda = inf leaves S empty, and the weights are those of the plain model.
  @Test func withoutASparsePartItIsThePlainModel() throws {
    let robust = try SmallTraining(
      Self.short + ["initial_split=median", "lambda=inf", "split_storage=compact"])
    _ = try robust.fit()
    let plain = try SmallTraining(["model=vae", "epochs=2"])
    _ = try plain.fit()
    #expect(robust.s.allSatisfy { $0 == 0 })
    #expect(bits(robust.weights) == bits(plain.weights))
  }

  /// A first S is of pixels; patches may have one.
  @Test func refusals() throws {
    let whole = ["initial_split=median", "shrinkage=row", "threshold=none", "lambda=4"]
    let error = #expect(throws: ConfigurationError.self) {
      try SmallTraining.configuration(["model=rda"] + whole).validated(rows: 60)
    }
    #expect(
      error?.description
        == "initial_split: found median with shrinkage=row, expected none, or a shrinkage of pixels: "
        + "soft, group or firm")
    let patches = ["model=rvae", "initial_split=rpca", "patch=4"]
    _ = try SmallTraining.configuration(patches).validated(rows: 60)
    let unread = try SmallTraining.configuration(["model=vae"]).unread(["initial_split"])
    #expect(unread.count == 1)
  }
}
