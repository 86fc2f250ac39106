import Autodiff
import CKernels
import Distributed
import Foundation
import Tensors

/// An update rule with its settings.
///
/// The updates are PyTorch's, with its bias correction and its place of epsilon.
public enum UpdateRule: Sendable, Equatable {
  /// Kingma & Ba, ICLR 2015.
  case adam(beta1: Double, beta2: Double, epsilon: Float)
  /// Adam with beta1 1e-8^(t - 1) in place of beta1 in step t; the bias correction is Adam's
  /// (D-41).
  case legacyAdam(beta1: Double, beta2: Double, epsilon: Float)
  /// Tieleman & Hinton, 2012, uncentred; no momentum buffer if `momentum` is 0.
  case rmsprop(alpha: Double, epsilon: Float, momentum: Float)

  /// The rule of the settings; `momentum` replaces RMSprop's in a phase with its own momentum.
  public init(_ settings: OptimizerSettings, momentum: Double? = nil) {
    let epsilon = Float(settings.adamEpsilon)
    switch (settings.optimizer, settings.adam) {
    case (.rmsprop, _):
      self = .rmsprop(
        alpha: settings.rmspropAlpha, epsilon: epsilon,
        momentum: Float(momentum ?? settings.rmspropMomentum))
    case (.adam, .legacyDVAE):
      self = .legacyAdam(beta1: settings.adamBeta1, beta2: settings.adamBeta2, epsilon: epsilon)
    case (.adam, .standard):
      self = .adam(beta1: settings.adamBeta1, beta2: settings.adamBeta2, epsilon: epsilon)
    }
  }

  /// Names of the state of each parameter, as PyTorch calls them.
  public var stateNames: [String] {
    switch self {
    case .adam, .legacyAdam: ["exp_avg", "exp_avg_sq"]
    case .rmsprop(_, _, let momentum):
      momentum == 0 ? ["square_avg"] : ["square_avg", "momentum_buffer"]
    }
  }
}

/// The optimizer of one phase.
///
/// A rank holds only the state of its own slices of the parameters.
public final class Optimizer {
  /// The rule that turns gradients into updates.
  public let rule: UpdateRule
  /// The mask of the parameter groups that the optimizer updates, with groups of statistics.
  public let groups: UInt64
  private static let trainedGroups: UInt64 = 1 << UInt64(ParameterSet.firstStatisticGroup) - 1
  /// The weight of a step's measurement in a running average.
  private static let statisticMomentum: Float = 0.1
  /// The learning rate.
  public var learningRate: Float
  /// Updates made so far.
  public private(set) var step = 0
  private let buckets: GradientBuckets
  /// 1 - beta^step for both moments of Adam.
  private var biasCorrection = (1.0, 1.0)
  /// The initial value of each state.
  private let initialState: [Float]
  private var state: [[Storage]]  // [state name][bucket]; empty storage for buckets of other groups

  /// An optimizer before its first step; `secondMoment` is the initial value of Adam's second
  /// moments.
  public init(
    _ rule: UpdateRule, learningRate: Float, groups: UInt64, buckets: GradientBuckets,
    secondMoment: Float = 0
  ) {
    let isAdam = rule.stateNames.contains("exp_avg_sq")
    initialState = isAdam ? [0, secondMoment] : rule.stateNames.map { _ in 0 }
    self.rule = rule
    self.groups = groups
    self.learningRate = learningRate
    self.buckets = buckets
    let trained = groups & Self.trainedGroups
    state = rule.stateNames.map { _ in
      buckets.buckets.enumerated().map { index, bucket in
        Storage(
          count: trained >> UInt64(bucket.group) & 1 == 1 ? buckets.owned(bucket: index).count : 0)
      }
    }
    if secondMoment != 0 { reset() }
  }

  /// Counts a step; the updates of the step follow.
  public func beginStep() {
    step += 1
    switch rule {
    case .adam(let beta1, let beta2, _), .legacyAdam(let beta1, let beta2, _):
      biasCorrection = (1 - pow(beta1, Double(step)), 1 - pow(beta2, Double(step)))
    case .rmsprop: break
    }
  }

  /// Resets moments and count to those of a new optimizer (D-06).
  public func reset() {
    step = 0
    for (storages, value) in zip(state, initialState) {
      for (index, storage) in storages.enumerated() where storage.count > 0 {
        ck_fill(storage.pointer, 0, storage.count)
        if value != 0 { fill(storage, ofBucket: index, with: value) }
      }
    }
  }

  /// Sets the values of parameters; the padding between parameters stays zero.
  private func fill(_ storage: Storage, ofBucket index: Int, with value: Float) {
    let (layout, slice) = (buckets.layout, buckets.owned(bucket: index))
    for slot in buckets.buckets[index].slots {
      let first = layout.offsets[slot]
      let range = (first..<first + layout.slots[slot].count).clamped(to: slice)
      ck_fill(storage.pointer + (range.lowerBound - slice.lowerBound), value, range.count)
    }
  }

  /// Whether the optimizer keeps moments for a parameter.
  public func trains(_ parameter: Parameter) -> Bool {
    (groups & Self.trainedGroups) >> UInt64(parameter.group) & 1 == 1
  }

  /// Updates a piece of this rank's slice of a bucket in place, from the reduced gradient.
  public func update(
    bucket: Int, piece: Range<Int>, values: UnsafeMutablePointer<Float>,
    gradient: UnsafePointer<Float>
  ) {
    Workers.share(piece.count, grain: Workers.smallestLoop) { part in
      let from = part.lowerBound
      update(
        bucket: bucket, from: piece.lowerBound + from, count: part.count, values: values + from,
        gradient: gradient + from)
    }
  }

  private func update(
    bucket: Int, from first: Int, count: Int, values: UnsafeMutablePointer<Float>,
    gradient: UnsafePointer<Float>
  ) {
    func state(_ index: Int) -> UnsafeMutablePointer<Float> {
      self.state[index][bucket].pointer + first
    }
    if buckets.buckets[bucket].group >= ParameterSet.firstStatisticGroup {
      ck_scale(values, 1 - Self.statisticMomentum, count)
      ck_axpy(values, gradient, Self.statisticMomentum, count)
      return
    }
    switch rule {
    case .adam(let beta1, let beta2, let epsilon), .legacyAdam(let beta1, let beta2, let epsilon):
      var decay = beta1
      if case .legacyAdam = rule { decay *= pow(1e-8, Double(step - 1)) }
      ck_adam(
        values, gradient, state(0), state(1), count,
        Float(Double(learningRate) / biasCorrection.0), decay, beta2, epsilon,
        Float(1 / biasCorrection.1.squareRoot()))
    case .rmsprop(let alpha, let epsilon, let momentum):
      ck_rmsprop(
        values, gradient, state(0), momentum == 0 ? nil : state(1), count, learningRate,
        alpha, epsilon, momentum)
    }
  }

  /// State `index` of all parameters in one flat array on rank 0; empty on other ranks.
  ///
  /// **Collective.** The array is zero outside the optimizer's groups.
  public func gathered(_ index: Int) throws -> [Float] {
    try buckets.gatherOwned(groups: groups & Self.trainedGroups) {
      UnsafePointer(self.state[index][$0].pointer)
    }
  }

  /// The inverse of `gathered`: rank 0 gives the whole array.
  ///
  /// **Collective.**
  public func scatter(_ index: Int, _ flat: [Float], step: Int) throws {
    self.step = step
    try buckets.scatterOwned(flat, groups: groups & Self.trainedGroups) {
      self.state[index][$0].pointer
    }
  }

  /// Bytes of state that this rank holds.
  public var stateBytes: Int {
    state.reduce(0) { $0 + $1.reduce(0) { $0 + $1.count * MemoryLayout<Float>.size } }
  }
}
