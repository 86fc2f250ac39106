import Autodiff
import Datasets
import Layers
import Support
import Tensors
import Testing
import Training

/// The smallest model that a trainer can train: D pixels to J codes and back, with the Bernoulli
/// likelihood.
///
/// It records the rows of each microbatch.
final class LinearAutoencoder: Autoencoder, Generative, Trainable {
  let encoder: Dense  // [B, D] -> [B, J]
  let decoder: Dense  // [B, J] -> [B, D]; logits
  /// Rows of each microbatch so far, in order.
  private(set) var microbatches: [[Int]] = []

  init(_ pixels: Int, latent: Int = 3) {
    encoder = Dense(pixels, latent)
    decoder = Dense(latent, pixels)
  }

  var children: [(String, any Module)] { [("encoder", encoder), ("decoder", decoder)] }
  let phases = [Phase("all", updates: ["encoder", "decoder"])]

  func loss(phase: Int, _ step: Step) -> Variable {
    microbatches.append(step.rows.map(Int.init))
    let loss = decoder(encoder(step.corrupted())).bernoulliNegativeLogLikelihood(of: step.target)
    step.report(.reconstruction, loss)
    return loss
  }

  var latent: Int { 3 }
  func encode(_ x: Variable) -> Code { Code(mean: encoder(x)) }
  func decode(_ z: Variable) -> Variable { decoder(z).activated(.sigmoid) }
  func prior(_ step: Step) -> Variable { step.normal(latent, .prior) }
}

/// A trainer of a linear autoencoder on images of 4x4 pixels, with values that its tests compare.
struct LinearTraining {
  let session: Session
  var trainer: Trainer { session.trainer }
  let model: LinearAutoencoder

  /// `count` images whose pixels follow from row and place, some of them alike.
  static func images(_ count: Int) -> ImageSet {
    var bytes: [UInt8] = []
    for row in 0..<count {
      for place in 0..<16 {
        bytes.append(UInt8((row % 7 * 31 + place * (row % 3 + 1) * 9) % 256))
      }
    }
    return ImageSet(bytes: bytes, shape: ImageShape(height: 4, width: 4, channels: 1))
  }

  /// Batches of 16 in 4 lanes, unless the settings (`key=value`) say otherwise.
  init(_ settings: [String] = [], images: ImageSet, in directory: RunDirectory? = nil) throws {
    let epochs = try Settings<Epochs.Settings>(settings).group
    var common = try Settings<CommonSettings>(["batch=16", "lanes=4"] + settings).group
    let rows = min(common.data.rows ?? images.count, images.count)
    common.resolveAll(for: TrainingSetFacts(rows: rows, shape: images.shape))
    try common.checkAll("linear", with: common)
    model = LinearAutoencoder(images.shape.count)
    let loop = Epochs(epochs)
    session = Session(
      try Trainer(common, model: model, images: images, loop: loop, on: .alone()), loop,
      common.recording, in: directory)
  }

  /// A group of settings, from the assignments `key=value` that name its keys.
  private struct Settings<Group: SettingsGroup> {
    let group: Group

    init(_ assignments: [String]) throws {
      var values: [String: JSONValue] = [:]
      for assignment in assignments {
        let parts = assignment.split(separator: "=", maxSplits: 1).map(String.init)
        guard let key = Group.keys.first(where: { $0.name == parts[0] }) else { continue }
        values[parts[0]] = try #require(key.description.parse(parts[1]))
      }
      group = Group { values[$0] }
    }
  }

  /// All weights, in memory order with the padding between them.
  var weights: [Float] {
    Array(UnsafeBufferPointer(start: trainer.buckets.values, count: trainer.buckets.count))
  }

  /// Makes `count` steps.
  func train(_ count: Int) throws {
    for _ in 0..<count { try trainer.trainStep() }
  }
}

/// Float memory as bits, to compare every bit, with signs of zeros and NaNs.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
