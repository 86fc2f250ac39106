import Layers
import Tensors

/// Whether training goes well, and how long it will take.
extension Trainer {
  /// Mean over the pixels of the standard deviation of the model's outputs over a batch of this rank's first lane.
  func outputSpread() -> Double {
    let rows = lanes.rows(of: localLanes.lowerBound)
    let count = min(200, blockRows, rows.count)
    let first = rows.lowerBound
    let step = Step(seed: configuration.seed)
    let batch = (first..<first + count).map(Int32.init)
    batch.withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: dimensions, purpose: .evaluation, time: progress.step) {
        images.gather(batch, into: $0)
        split?.subtract(batch, from: $0)
      }
    }
    let output = model.outputs(step).pointer
    var spread = 0.0
    for j in 0..<dimensions {
      var (sum, squares) = (0.0, 0.0)
      for i in 0..<count {
        let value = Double(output[i * dimensions + j])
        sum += value
        squares += value * value
      }
      let mean = sum / Double(count)
      spread += max(0, squares / Double(count) - mean * mean).squareRoot()
    }
    return spread / Double(dimensions)
  }

  /// The error of a step with something that is not finite.
  func error(_ found: NonFinite) -> RunError {
    .nonFinite(step: progress.step, lane: found.lane, what: finite.words(for: found))
  }

  /// Makes sure that all weights are finite.
  ///
  /// **Collective.**
  ///
  /// - Throws: `RunError` that names the first that is not.
  func checkWeights() throws {
    try world.agree {
      guard let weight = finite.firstWeight else { return }
      throw error(NonFinite(lane: nil, place: .weight, parameter: weight))
    }
  }

  /// The loss of the last step, as the log has it.
  ///
  /// **Collective.**
  public func lossOfStep() throws -> Double {
    try sums.stepMeans(batch: configuration.batch, on: world)[0].value
  }

  /// Whether training on batches alternates with a projection of all rows.
  public var alternates: Bool { split != nil && !model.phases.isEmpty }

  /// Epochs of the whole run.
  public var totalEpochs: Int {
    alternates
      ? configuration.outerIterations * configuration.innerEpochs : configuration.epochs
  }

  /// Steps of the whole run.
  public var totalSteps: Int { stepsPerEpoch * totalEpochs }

  /// Estimated seconds to the end of the run, at this rate and with this long a projection.
  func remainingSeconds(imagesPerSecond: Double, projection: Double, limit: Int?) -> Double {
    let steps = max(0, min(totalSteps, limit ?? .max) - progress.step)
    let projections = alternates ? configuration.outerIterations - progress.outer : 0
    return Double(steps * configuration.batch) / max(imagesPerSecond, 1e-9)
      + Double(projections) * projection
  }
}
