import Datasets
import Foundation
import Layers
import MPI
import Support
import Tensors

/// Bounds of log p(x), averaged over images (docs/systems.md, 8.5).
///
/// The ranks share blocks of rows. A block's draws depend only on the seed and the block's rows,
/// and blocks are added in their order. So a result is the same bit for bit on any number of ranks
/// and at any time.
public struct BoundEstimate {
  private let model: any LatentVariableModel
  private let rows: Range<Int>
  private let dimensions: Int
  private let world: Communicator
  private let fill: (Range<Int>, UnsafeMutablePointer<Float>) throws -> Void
  private let step: Step
  /// Samples of z that are decoded together.
  private static let samplesAtOnce = 2000
  /// The largest number of samples of z that one row decodes together.
  private static let samplesOfRow = 100

  /// An estimate over `rows`.
  ///
  /// - Parameters:
  ///   - corrupt: the noise of training, for bounds at corrupted inputs.
  ///   - fill: writes rows, [rows.count, dimensions].
  public init(
    _ model: any LatentVariableModel, rows: Range<Int>, dimensions: Int, seed: UInt64,
    corrupt: Step.Corrupter? = nil, on world: Communicator,
    fill: @escaping (Range<Int>, UnsafeMutablePointer<Float>) throws -> Void
  ) {
    self.model = model
    self.rows = rows
    self.dimensions = dimensions
    self.world = world
    self.fill = fill
    step = Step(seed: seed, corrupt: corrupt)
  }

  /// The mean negative bound in nats an image, with as many samples as in training.
  ///
  /// **Collective.**
  ///
  /// - Parameter isCorrupted: whether q sees the noise of training.
  /// - Returns: the mean and its standard error over the images; nil for one image, and where the
  ///   model tells the sum alone.
  public func negativeBound(
    isCorrupted: Bool = false
  ) throws -> (mean: Double, standardError: Double?) {
    var squares = [0.0, 0]
    let mean = try mean(blockRows: 200) { block in
      try begin(block)
      let bound = model.negativeBound(step, isCorrupted: isCorrupted)
      if bound.shape.count == block.count {
        squares[0] += bound.values.reduce(0) { $0 + Double($1) * Double($1) }
        squares[1] += Double(block.count)
      }
      return bound.sum
    }
    try world.allReduce(&squares, .sum)
    let n = Double(rows.count)
    let variance = max(0, squares[0] / n - mean * mean) / (n - 1)
    return (mean, n > 1 && squares[1] == n ? variance.squareRoot() : nil)
  }

  /// The mean of -log p(x); the mean weight of `samples` draws from q(z|x) estimates p(x).
  ///
  /// **Collective.**
  public func negativeLogLikelihood(samples: Int) throws -> LikelihoodEstimate {
    precondition(samples > 0, "a likelihood by \(samples) samples")
    let atOnce = min(samples, Self.samplesOfRow)
    // Of each row -log p(x) and the effective number of samples; a rank has its own rows alone.
    var found = Array(repeating: 0.0, count: 2 * rows.count)
    let mean = try mean(blockRows: max(1, Self.samplesAtOnce / atOnce)) { block in
      var sums = Array(repeating: LogSum(), count: block.count)
      for (repetition, first) in stride(from: 0, to: samples, by: atOnce).enumerated() {
        let count = min(atOnce, samples - first)
        try begin(block)
        let weights = model.logWeights(step, count: count, repetition: repetition).pointer
        for row in sums.indices {
          for k in 0..<count { sums[row].add(Double(weights[row * count + k])) }
        }
      }
      for (row, sum) in zip(block, sums) {
        found[2 * (row - rows.lowerBound)] = -sum.logMean
        found[2 * (row - rows.lowerBound) + 1] = sum.effectiveCount
      }
      return sums.reduce(0) { $0 - $1.logMean }
    }
    try world.allReduce(&found, .sum)
    return LikelihoodEstimate(
      mean: mean, samples: samples,
      values: stride(from: 0, to: found.count, by: 2).map { found[$0] },
      effectiveSamples: stride(from: 1, to: found.count, by: 2).map { found[$0] })
  }

  private func begin(_ block: Range<Int>) throws {
    try block.map(Int32.init).withUnsafeBufferPointer { batch in
      try step.begin(rows: batch, dimensions: dimensions, purpose: .evaluation, time: 0) {
        try fill(block, $0)
      }
    }
  }

  /// Adds the results of `sum` for blocks of rows; rank r of P takes blocks r, r + P and so on.
  private func mean(blockRows: Int, _ sum: (Range<Int>) throws -> Double) throws -> Double {
    let starts = Array(stride(from: rows.lowerBound, to: rows.upperBound, by: blockRows))
    var sums = Array(repeating: 0.0, count: starts.count)
    try world.agree {
      for index in stride(from: world.rank, to: starts.count, by: world.size) {
        Activity.advance()
        sums[index] = try sum(
          starts[index]..<min(starts[index] + blockRows, rows.upperBound))
      }
    }
    try world.allReduce(&sums, .sum)
    return sums.reduce(0, +) / Double(rows.count)
  }
}

/// An estimate of -log p(x) in nats an image, over images.
public struct LikelihoodEstimate: Sendable {
  /// The mean over the images.
  public let mean: Double
  /// The standard error of that mean; nil for one image.
  ///
  /// It has the spread among the images, not the error of each image's estimate.
  public let standardError: Double?
  /// Samples of z of each image.
  public let samples: Int
  /// The smallest and the median effective number of samples, (sum w)^2 / sum w^2 of the weights of
  /// an image.
  ///
  /// Near 1, one sample has all the weight, and -log p(x) is estimated too high.
  public let smallestSampleSize: Double, medianSampleSize: Double
  /// The number of images, and of those with fewer effective samples than `fewSamples`.
  public let images: Int, imagesOfFewSamples: Int

  /// Fewer effective samples than this make an image's estimate doubtful.
  public static let fewSamples = 10.0

  /// - Parameters:
  ///   - values: -log p(x) of each image.
  ///   - effectiveSamples: the effective number of samples of each image.
  init(mean: Double, samples: Int, values: [Double], effectiveSamples: [Double]) {
    self.mean = mean
    self.samples = samples
    images = values.count
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let n = Double(values.count)
    standardError = values.count > 1 ? (squares / (n - 1) / n).squareRoot() : nil
    let sizes = effectiveSamples.sorted()
    smallestSampleSize = sizes.first ?? 0
    medianSampleSize =
      sizes.isEmpty ? 0 : (sizes[(sizes.count - 1) / 2] + sizes[sizes.count / 2]) / 2
    imagesOfFewSamples = sizes.count { $0 < Self.fewSamples }
  }
}

/// The log of a mean of exponentials that arrive one by one.
private struct LogSum {
  private var largest = -Double.infinity
  private var sum = 0.0
  private var squares = 0.0
  private var count = 0

  mutating func add(_ x: Double) {
    count += 1
    guard x > largest else {
      let weight = exp(x - largest)
      sum += weight
      squares += weight * weight
      return
    }
    let factor = exp(largest - x)
    sum = sum * factor + 1
    squares = squares * factor * factor + 1
    largest = x
  }

  var logMean: Double { largest + log(sum / Double(count)) }

  /// (sum w)^2 / sum w^2: from 1, where one weight is all, to the count of equal weights.
  var effectiveCount: Double { sum * sum / squares }
}

extension Double {
  /// Converts nats an image to bits a dimension.
  public func bitsPerDimension(of dimensions: Int) -> Double {
    self / (Double(dimensions) * log(2))
  }
}
