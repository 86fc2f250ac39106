import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// The smallest model a trainer can train: D pixels to J codes and back, with the Bernoulli likelihood.
///
/// It notes the rows that each pass brings.
final class LinearAutoencoder: Autoencoder {
  let encoder: Dense  // [B, D] -> [B, J]
  let decoder: Dense  // [B, J] -> [B, D]; logits
  /// Rows of each pass so far, in order.
  private(set) var passes: [[Int]] = []

  init(_ pixels: Int, latent: Int = 3) {
    encoder = Dense(pixels, latent)
    decoder = Dense(latent, pixels)
  }

  var children: [(String, any Module)] { [("encoder", encoder), ("decoder", decoder)] }
  let phases = [Phase("all", updates: ["encoder", "decoder"])]

  func loss(phase: Int, _ step: Step) -> Variable {
    passes.append(step.rows.map(Int.init))
    let loss = decoder(encoder(step.corrupted())).bernoulliNegativeLogLikelihood(of: step.target)
    step.report("reconstruction", loss)
    return loss
  }

  func encode(_ x: Variable) -> Code { Code(mean: encoder(x)) }
  func decode(_ z: Variable) -> Variable { decoder(z).activated(.sigmoid) }
  func prior(_ step: Step) -> Variable { step.normal(3, .prior) }
}

/// A trainer of a linear autoencoder on images of 4x4 pixels, with what its tests want to see.
struct LinearTraining {
  let trainer: Trainer
  let model: LinearAutoencoder

  /// `count` images whose pixels follow from row and place, some alike and some not.
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
  init(_ settings: [String] = [], images: ImageSet, session: Session? = nil) throws {
    var c = Configuration()
    for setting in ["batch=16", "lanes=4"] + settings { try c.set(setting) }
    model = LinearAutoencoder(images.shape.count)
    trainer = try Trainer(
      try c.validated(rows: images.count), model: model, images: images, splits: false,
      on: .alone(), session: session ?? Session(directory: nil))
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

/// Float memory as bits, so that equality is of every bit, zeros' signs and not-a-numbers included.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
