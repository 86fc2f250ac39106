import Checkpoints
import Datasets
import Foundation
import HDF5
import TestSupport
import Testing

@testable import Models
@testable import Training

/// S in 16 bits and R in 8: their values, and the small effect on results.
@Suite("Compact row state")
struct CompactRowStateTests {
  private func trained(_ settings: [String] = []) throws -> SmallTraining {
    let run = try SmallTraining(
      ["model=rvae", "activation=relu", "beta=0.1", "split_storage=compact"] + settings)
    for _ in 0..<60 { try run.trainer.trainStep() }
    return run
  }

  /// S is rounded within half a last place of a 16-bit float, R within half a step of t / 127.
  @Test(arguments: [Float(0.02), 0.3, .infinity]) func sparsePartIsRounded(t: Float) throws {
    let (run, exact) = (try trained(), try trained(["split_storage=float32"]))
    let result = try run.trainer.project(
      by: Shrinkage(.soft, threshold: t, channels: 1), sampling: true)
    let reference = try exact.trainer.project(
      by: Shrinkage(.soft, threshold: t, channels: 1), sampling: true)
    #expect(result.residual == reference.residual && result.moved == reference.moved)
    #expect(result.nonzero == reference.nonzero && result.l1 == reference.l1)
    #expect(bits(run.s) == bits(exact.s.map { Float(Float16($0)) }))
    let bound = min(t, 2)
    #expect(zip(run.r, exact.r).allSatisfy { abs($0 - $1) <= bound / 254 * 1.0001 })
    #expect(run.r.contains { $0 != 0 })
  }

  /// Noise that leaves [0, 1] makes a residual beyond 1 if nothing is shrunk.
  @Test func residualsOfUnboundedNoiseAreWithinTheirBound() throws {
    let settings = ["static_noise=gaussian:1"]
    let (run, exact) = (try trained(settings), try trained(settings + ["split_storage=float32"]))
    _ = try run.trainer.project(
      by: Shrinkage(.soft, threshold: .infinity, channels: 1), sampling: false)
    _ = try exact.trainer.project(
      by: Shrinkage(.soft, threshold: .infinity, channels: 1), sampling: false)
    let largest = exact.r.map { abs($0) }.max() ?? 0
    #expect(largest > 1.5)
    let worst = zip(run.r, exact.r).map { abs($0 - $1) }.max() ?? 1
    #expect(worst < (1 + largest + 1) / 254)
  }

  /// A run's results change only by the rounding.
  @Test func figuresAreThoseOfFloats() throws {
    try withTemporaryFolder { folder in
      let settings = [
        "model=rvae", "outer_iterations=3", "inner_epochs=2", "lambda=2", "threshold=induced",
        "static_noise=salt-pepper:0.1", "activation=tanh",
      ]
      var values: [[String: [Double]]] = []
      for storage in ["float32", "compact"] {
        let run = RecordedRun(
          folder.appending(path: storage), settings + ["split_storage=\(storage)"])
        #expect(try run.go() == .finished)
        let history = try run.checkpoint().contents().history
        values.append(history.mapValues { $0.map(\.value) })
      }
      for name in ["c1", "c2", "mse", "mse_difference", "nonzero"] {
        let (a, b) = (try #require(values[0][name]), try #require(values[1][name]))
        #expect(a.count == 3 && b.count == 3)
        for (x, y) in zip(a, b) { #expect(abs(x - y) <= 0.01 * abs(x), "\(name): \(a), \(b)") }
        #expect(abs(a[0] - b[0]) <= 1e-12 * abs(a[0]), "the first \(name)")
      }
    }
  }

  /// Any HDF5 reader sees 16-bit floats, and integers with their scale.
  @Test func checkpointsHoldIt() throws {
    try withTemporaryFolder { folder in
      let run = try trained()
      let result = try run.trainer.project(
        by: Shrinkage(.soft, threshold: 0.1, channels: 1), sampling: true)
      try run.session.finishOuter(outerResult(result, c1: 0, c2: 0))
      var store = CheckpointStore(run: folder.path)
      let checkpoint = try run.session.save(to: &store).checkpoint
      let file = try File.open(checkpoint.directory + "/checkpoint.h5")
      let (s, r) = (try file.dataset("/split/S"), try file.dataset("/split/R"))
      try s.expect(.float16, shape: [60, 6, 6, 1])
      try r.expect(.int8, shape: [60, 6, 6, 1])
      #expect(try s.readAll() == run.s)
      let scale = Float(try #require(try file.doubleAttribute("scale", on: "/split/R")))
      #expect(scale == Float(0.1) / 127)
      #expect(try r.readAll(as: Int8.self).map { scale * Float($0) } == run.r)
      #expect(checkpoint.manifest.rowLayout?.arrays.map(\.element) == [.float16, .steps])
      let other = try SmallTraining(["model=rvae", "split_storage=float32"])
      #expect(throws: RunError.self) { try other.session.restore(checkpoint) }
    }
  }

  @Test func largeSetsAreCompactUnlessToldOtherwise() throws {
    var c = Configuration()
    try c.set("model=rvae")
    func storage(_ rows: Int, _ shape: ImageShape) throws -> RowStorageKind? {
      try c.validated(rows: rows, of: shape).read(RowStorage.self).storage
    }
    let faces = ImageShape(height: 64, width: 64, channels: 3)
    let digits = ImageShape(height: 28, width: 28, channels: 1)
    #expect(try storage(202_599, faces) == .compact)
    #expect(try storage(21_845, faces) == .float32)
    #expect(try storage(21_846, faces) == .compact)
    #expect(try storage(70_000, digits) == .float32)
    try c.set("rows=1000")
    #expect(try storage(202_599, faces) == .float32)
    try c.set("split_storage=compact")
    #expect(try storage(70_000, digits) == .compact)
    try c.set("split_storage=null")
    #expect(c.read(RowStorage.self).storage == nil)
    #expect(throws: ConfigurationError.self) { try c.set("split_storage=tiny") }
  }
}
