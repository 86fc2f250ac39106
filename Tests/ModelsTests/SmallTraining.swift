import Autodiff
import Datasets
import Layers
import Runs
import Tensors

@testable import Models
@testable import Training

/// A small model of the catalogue and its trainer on one rank.
///
/// Images have 6x6 pixels; there are 12 hidden units and 3 codes; batches have 20 rows in 4 lanes.
struct SmallTraining {
  let session: Session
  let configuration: Configuration
  var trainer: Trainer { session.trainer }
  static let defaults = [
    "hidden=12", "discriminator_hidden=12", "latent=3", "batch=20", "lanes=4",
    "learning_rate=0.01",
  ]

  init(_ settings: [String], images: ImageSet = Self.images(60)) throws {
    configuration = try Self.configuration(settings).validated(rows: images.count)
    session = try TrainingRun.session(configuration, on: images, world: .alone())
  }

  /// Makes some steps, of gradients or of a fitted model.
  func train(_ count: Int) throws {
    for _ in 0..<count {
      guard let model = trainer.model as? any Fitted else {
        try trainer.trainStep()
        continue
      }
      if trainer.progress.step == 0 { try model.start(session) }
      try trainer.fitStep { try model.sweep(session) }
    }
  }

  /// Runs the loop to its end.
  @discardableResult
  func fit() throws -> RunOutcome { try session.loop.run(session) }

  static func configuration(_ settings: [String]) throws -> Configuration {
    var c = Configuration()
    for setting in defaults + settings { try c.set(setting) }
    return c
  }

  /// Bright squares on dark ground; the row decides their places, shades and a few flipped pixels.
  static func images(_ count: Int) -> ImageSet {
    let draws = Draws(seed: 3, purpose: .synthesis, time: 0)
    var pixels: [Float] = []
    for row in 0..<count {
      var noise = [Float](repeating: 0, count: 36)
      draws.uniform(row: row, into: &noise, count: 36)
      for place in 0..<36 {
        let (y, x) = (place / 6 - row % 3, place % 6 - row / 3 % 3)
        let inside = (0..<4).contains(y) && (0..<4).contains(x)
        let value = (inside ? 0.7 : 0.05) + 0.2 * noise[place]
        pixels.append(noise[place] < 0.08 ? 1 - value : value)
      }
    }
    return ImageSet(floats: pixels, shape: ImageShape(height: 6, width: 6, channels: 1))
  }

  /// X, [N, D].
  var x: [Float] { trainer.images.values(0..<trainer.lanes.rowCount) }

  /// S, [N, D].
  var s: [Float] { values(of: "S") }

  /// R = X - L - S, or the other array beside S, [N, D].
  var r: [Float] { values(of: trainer.rows.sparse?.arrays[1].name ?? "R") }

  private func values(of array: String) -> [Float] {
    guard let state = trainer.rows.sparse else { return [] }
    let count = state.rows.count * state.dimensions
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let start = buffer.baseAddress { state.copy(array, state.rows, to: start) }
      initialized = count
    }
  }

  /// Replaces each element of S by the result of `value`.
  func setSparse(_ value: (Int) -> Float) {
    guard let state = trainer.rows.sparse else { return }
    state.beginUpdate(within: [state.arrays[1].name: 1])
    state.update(state.rows) { arrays in
      for i in 0..<state.rows.count * state.dimensions { arrays[0][i] = value(i) }
    }
    state.endUpdate()
  }

  /// All weights, in memory order with the padding between them.
  var weights: [Float] {
    Array(UnsafeBufferPointer(start: trainer.buckets.values, count: trainer.buckets.count))
  }

  /// The reconstructions of X - S by projection number `time`, [N, D], lane by lane.
  func reconstructions(time: Int, sampling: Bool) -> [Float] {
    let step = Step(seed: trainer.settings.seed)
    let (x, s, d) = (x, s, trainer.dimensions)
    return (0..<trainer.lanes.count).flatMap { lane in
      let rows = trainer.lanes.rows(of: lane)
      rows.map(Int32.init).withUnsafeBufferPointer {
        step.begin(rows: $0, dimensions: d, purpose: .projection, time: time) { l in
          for i in 0..<rows.count * d {
            let place = rows.lowerBound * d + i
            l[i] = x[place] - (s.isEmpty ? 0 : s[place])
          }
        }
      }
      let model = trainer.model as? any Encoding
      return model?.reconstruct(step.target, step, sampling: sampling).values ?? []
    }
  }

  /// Weights below a child of the model, by that child's name.
  func weights(of child: String) -> [Float] {
    trainer.parameters.entries.filter { $0.name.hasPrefix("\(child).") }.flatMap { entry in
      UnsafeBufferPointer(start: entry.parameter.value, count: entry.parameter.shape.count)
    }
  }
}

/// An outer iteration that ended with this projection.
func outerResult(_ found: ProjectionResult, c1: Double, c2: Double) -> OuterResult {
  OuterResult(
    c1: c1, c2: c2, nonzero: found.nonzero, penalty: found.l1, cleanError: found.cleanError,
    seconds: found.seconds)
}

/// Memory as bits, to compare every bit.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

/// The Frobenius norm.
func norm(_ values: [Float]) -> Double {
  values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
}

func clip(_ value: Float, _ limit: Float) -> Float { min(max(value, -limit), limit) }
