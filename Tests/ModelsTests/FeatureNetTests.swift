import Autodiff
import Datasets
import Layers
import MPI
import Models
import Tensors
import TestSupport
import Testing
import Training

@Suite struct FeatureNetTests {
  /// PyTorch's own single precision is within 3 units.
  @Test func crossEntropyIsThatOfPyTorch() throws {
    let golden = try Golden("classifier.h5")
    let shape = try golden.shape("cross_entropy/inputs/logits")
    let leaves = Leaves([("logits", Shape(shape), .asInMemory)])
    leaves.load("logits", try golden.floats("cross_entropy/inputs/logits"))
    let labels = try golden.floats("cross_entropy/inputs/labels").map { Int32($0) }
    let tape = Tape()
    let loss = tape.leaf(leaves.set.parameters[leaves.index("logits")]).crossEntropy(of: labels)
    #expect(deviation(loss.values, from: try golden.values("cross_entropy/output")) < 16)
    let upstream = tape.constant(loss.shape)
    for (i, value) in try golden.floats("cross_entropy/upstream").enumerated() {
      upstream.pointer[i] = value
    }
    leaves.differentiate(loss * upstream)
    let expected = try golden.values("cross_entropy/gradients/logits")
    #expect(deviation(leaves.gradient("logits"), from: expected) < 16)
  }

  /// Losses, gradients of the first step, and weights after three; sides do not halve.
  @Test func theNetIsThatOfPyTorch() throws {
    let run = try GoldenRun("classifier/feature_net")
    let golden = run.golden
    let tolerance = 128.0
    #expect(
      run.parameters.entries.map(\.name).sorted()
        == (try golden.names(in: "feature_net/parameters")))
    run.begin(0)
    let net = try #require(run.model as? any Classifying)
    let features = net.features(run.step.target)
    let logits = net.logits(ofFeatures: features)
    for (name, found) in [("features", features), ("logits", logits)] {
      let expected = try golden.values("feature_net/inference/\(name)")
      #expect(deviation(found.values, from: expected) < tolerance, "\(name)")
    }
    var losses: [String: [Float]] = [:]
    for index in 0..<3 {
      run.begin(index)
      let gradients = try run.run(phase: 0)
      losses["loss", default: []].append(Float(run.loss / Double(run.examples)))
      let right = try #require(run.step.sum(of: .other("accuracy")))
      losses["accuracy", default: []].append(Float(right / Double(run.examples)))
      guard index == 0 else { continue }
      for (name, gradient) in gradients {
        let expected = try golden.values("feature_net/gradients/all/\(name)")
        #expect(deviation(gradient, from: expected) < tolerance, "gradient of \(name)")
      }
    }
    #expect(losses.keys.sorted() == (try golden.names(in: "feature_net/losses")))
    for (name, values) in losses {
      let expected = try golden.values("feature_net/losses/\(name)")
      #expect(deviation(values, from: expected) < tolerance, "\(name)")
    }
    for (name, values) in run.weights {
      let expected = try golden.values("feature_net/final/\(name)")
      #expect(deviation(values, from: expected) < tolerance, "\(name)")
    }
  }

  /// 60 images in two classes: a bright left or right half, under noise.
  private static var halves: ImageSet {
    var (pixels, labels): ([UInt8], [Int32]) = ([], [])
    for row in 0..<60 {
      let side = row * 7 % 3 == 0 ? 0 : 1
      labels.append(Int32(side))
      for place in 0..<36 {
        let isBright = (place % 6 < 3) == (side == 0)
        pixels.append(UInt8((isBright ? 160 : 40) + (row * 31 + place * 17) % 60))
      }
    }
    return ImageSet(
      bytes: pixels, shape: ImageShape(height: 6, width: 6, channels: 1), labels: labels)
  }

  /// Two classes that a line tells apart are learnt, and counted against the majority.
  @Test func classesAreLearntAndCounted() throws {
    let training = try SmallTraining(
      ["model=feature-net", "channels=4,4", "latent=8", "classes=2"], images: Self.halves)
    let net = try #require(training.trainer.model as? any Classifying)
    let counter = try ClassCounter(net, Self.halves)
    try training.train(60)
    let found = try counter.accuracy([0..<25, 25..<60], on: .alone())
    #expect(found.images == 60 && found.right == 60 && found.unknown == 0)
    #expect(found.majority == 40)
    #expect(found.share == 1 && found.standardError == 0)
  }

  /// Right, unknown, then the images of each class.
  @Test func sharesAndErrorsOfSums() {
    let found = ClassAccuracy([6, 2, 5, 1, 2])
    #expect(found.images == 10 && found.majority == 5 && found.unknown == 2)
    #expect(found.share == 0.6 && found.majorityShare == 0.5)
    #expect(abs(found.standardError - (0.6 * 0.4 / 10).squareRoot()) < 1e-15)
  }

  @Test func classesOfLabels() throws {
    func set(_ labels: [Int32]?) -> ImageSet {
      ImageSet(
        bytes: [0, 0, 0], shape: ImageShape(height: 1, width: 1, channels: 1), labels: labels)
    }
    #expect(set([0, 4, 1]).classes == 5)
    #expect(try set([0, 4, 1]).limited(to: 1).classes == nil)
    // A part of a set of known classes may have one of them alone.
    try set([0, 0, 0]).checkLabels(atMost: 3, for: "a net")
    #expect(throws: DatasetError.self) { try set([0, 3, 0]).checkLabels(atMost: 3, for: "a net") }
    let wrong: [([Int32]?, String)] = [
      (nil, "found none"), ([0, -1, 2], "found -1 in row 1"),
      ([0, 0, 0], "found 0 of every image"),
      ([0, 1, 65_536], "found 65536 in row 2"),
    ]
    for (labels, message) in wrong {
      #expect(set(labels).classes == nil, "\(message)")
      let error = #expect(throws: DatasetError.self) { try set(labels).checkLabels(for: "a net") }
      let text = error.map { "\($0)" } ?? ""
      #expect(text.contains("memory: /train/labels: \(message)"), "\(text)")
    }
  }

  /// The number of classes comes from the labels and is kept.
  @Test func theConfigurationKeepsTheClasses() throws {
    let c = try SmallTraining.configuration(["model=feature-net"])
    let resolved = try c.validated(rows: 60, of: Self.halves.shape, classes: Self.halves.classes)
    #expect(resolved.read(ClassSettings.self).classes == 2)
    #expect(throws: ConfigurationError.self) { try c.makeModel(of: Self.halves.shape) }
    var other = resolved
    try other.set("classes=3")
    #expect(throws: ConfigurationError.self) { try other.checkResume(of: resolved) }
  }
}
