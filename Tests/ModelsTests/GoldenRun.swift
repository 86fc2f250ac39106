import Autodiff
import Datasets
import Distributed
import Layers
import MPI
import Models
import Tensors
import TestSupport
import Testing
import Training

/// A model of a fixture with its stored weights, data and noise, trained by the real optimizers on
/// one rank.
final class GoldenRun {
  let golden: Golden
  let name: String
  let configuration: Configuration
  let model: any Trainable
  let parameters: ParameterSet
  let buckets: GradientBuckets
  let optimizers: [Optimizer]
  let step: Step
  private let clock: Clock
  private let batches: [Float]
  private let labels: [Int32]  // [steps * B]; empty where the case has none
  /// Examples of a batch, and their image shape.
  let examples: Int, image: ImageShape

  /// The step whose stored noise is drawn; the closures that draw noise share it.
  private final class Clock { var step = 0 }

  /// The sum of the last loss over the batch.
  private(set) var loss = 0.0

  /// A case of a fixture: `models/vae`.
  init(_ path: String) throws {
    let parts = path.split(separator: "/").map(String.init)
    let name = parts[1]
    let golden = try Golden("\(parts[0]).h5")
    let shape = try golden.shape("\(name)/data/batches")
    examples = shape[1]
    image =
      shape.count == 5
      ? ImageShape(height: shape[2], width: shape[3], channels: shape[4])
      : ImageShape(height: 1, width: shape[2], channels: 1)
    self.golden = golden
    self.name = name
    let text = try #require(try golden.text("configuration", of: name))
    configuration = try Configuration.load(json: text)
    model = try #require(try configuration.makeModel(of: image) as? any Trainable)
    parameters = model.collectParameters()
    buckets = try GradientBuckets(
      slots: parameters.entries.map {
        ParameterSlot(
          name: $0.name, group: $0.parameter.group, count: $0.parameter.shape.count)
      }, laneCount: 1, exact: false, on: .alone())
    parameters.attach(buckets.values) { [buckets] in buckets.offset(of: $0) }
    for (index, entry) in parameters.entries.enumerated() {
      parameters.import(
        try golden.floats("\(name)/parameters/\(entry.name)"), index, to: buckets.values)
    }
    let optimizer = configuration.loop.optimizer
    optimizers = model.phases.map { [model, buckets] phase in
      Optimizer(
        UpdateRule(optimizer, momentum: phase.momentum),
        learningRate: Float(optimizer.learningRate),
        groups: model.groups(phase.updates), buckets: buckets)
    }
    batches = try golden.floats("\(name)/data/batches")
    labels =
      golden.has("\(name)/data/labels")
      ? try golden.floats("\(name)/data/labels").map { Int32($0) } : []

    let clock = Clock()
    self.clock = clock
    let examples = self.examples
    // Stored noise, [steps, B, columns], or [steps, repetitions, B, columns] where a step draws
    // several times.
    func stored(_ path: String) throws -> Step.NormalSource {
      guard golden.has(path) else { return { _, _, _, _ in preconditionFailure("no \(path)") } }
      let all = try golden.floats(path)
      let shape = try golden.shape(path)
      let repetitions = shape.count > 3 ? shape[1] : 1
      return { values, count, row, draws in
        let repetition = repetitions == 1 ? 0 : draws.repetition
        precondition(repetition < repetitions, "repetition \(repetition) of \(path)")
        let first = ((clock.step * repetitions + repetition) * examples + row) * count
        for i in 0..<count { values[i] = all[first + i] }
      }
    }
    let corrupted = try stored("\(name)/data/corrupted")
    let noise = try stored(
      golden.has("\(name)/data/noise") ? "\(name)/data/noise" : "\(name)/data/prior")
    let recycles = golden.has("\(name)/data/recycling")
    let recycling = try stored("\(name)/data/recycling")
    step = Step(
      seed: configuration.common.lanes.seed,
      corrupt: configuration.common.data.noise.isNone ? nil : corrupted,
      normal: { [image] values, count, row, draws in
        (count == image.count && recycles ? recycling : noise)(values, count, row, draws)
      })
    step.tape.training = MicrobatchLanes(rows: examples, lanes: 1)
  }

  /// Makes batch number `index` the present batch.
  func begin(_ index: Int) {
    clock.step = index
    let count = examples * image.count
    let rows = (0..<Int32(examples)).map { $0 }
    let labels = labels.isEmpty ? nil : Array(labels[index * examples..<(index + 1) * examples])
    rows.withUnsafeBufferPointer { rows in
      step.begin(
        rows: rows, dimensions: image.count, purpose: .latent, time: index, labels: labels
      ) { pixels in
        for i in 0..<count { pixels[i] = batches[index * count + i] }
      }
    }
  }

  /// Makes one phase of a step, with its update.
  ///
  /// - Returns: the phase's gradients by name, as files hold them.
  @discardableResult
  func run(phase: Int) throws -> [String: [Float]] {
    let optimizer = optimizers[phase]
    optimizer.beginStep()
    buckets.begin(groups: optimizer.groups) { bucket, piece, values, gradient in
      optimizer.update(bucket: bucket, piece: piece, values: values, gradient: gradient)
    }
    step.tape.newPhase()
    let loss = model.loss(phase: phase, step)
    self.loss = loss.sum
    let gradient = buckets.gradient(microbatch: 0)
    step.tape.backward(
      from: loss, scale: 1 / Float(examples), groups: optimizer.groups, into: gradient,
      parameters: parameters.parameters
    ) { [buckets] in buckets.ready(slot: $0, microbatch: 0) }
    try buckets.finish()
    var found: [String: [Float]] = [:]
    for (index, entry) in parameters.entries.enumerated()
    where optimizer.groups >> UInt64(entry.parameter.group) & 1 == 1 {
      found[entry.name] = parameters.exported(index, from: gradient).values
    }
    return found
  }

  /// All weights by name, as files hold them.
  var weights: [String: [Float]] {
    var found: [String: [Float]] = [:]
    for (index, entry) in parameters.entries.enumerated() {
      found[entry.name] = parameters.exported(index, from: buckets.values).values
    }
    return found
  }
}
