import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// AmbientGAN: the noise that all real images are known to have.
///
/// Bora, Price & Dimakis, "AmbientGAN: Generative models from lossy measurements", ICLR 2018. The
/// discriminator compares noisy images with generated images that got the same kind of noise. So
/// the generator learns clean images, though only noisy ones were seen.
public struct AmbientSettings: SettingsGroup {
  /// The noise of the real images.
  public var knownNoise = Corruption.none

  /// The default: none is known.
  public init() {}

  /// `known_noise`.
  public static let entries: [SettingsEntry<AmbientSettings>] = [
    .corruption(
      "known_noise", \.knownNoise,
      "The noise that the images are known to have; a GAN's own images suffer it before its "
        + "discriminator sees them, and come out clean.",
      "4.4")
  ]

  /// Refuses noise through which no gradient reaches the generator.
  public func check(
    _ system: String, with common: CommonSettings
  ) throws(ConfigurationError) {
    guard !knownNoise.hasSlopes else { return }
    throw ConfigurationError(
      key: "known_noise", found: knownNoise.spec,
      expected: "noise that passes a gradient on to model=\(system): \(Corruption.withSlopes)")
  }
}

/// Noise on generated images, drawn as the real images' noise is.
struct AmbientNoise: Sendable {
  private let noise: Corruption
  private let shape: ImageShape

  /// Noise on images of a shape; it must have slopes.
  init(_ noise: Corruption, on shape: ImageShape) {
    (self.noise, self.shape) = (noise, shape)
  }

  /// Generated images with noise, [B, D]; without noise the images themselves.
  ///
  /// The draw of an image is a function of seed, step, phase and the row of the batch's image at its
  /// place. So neither ranks nor lanes make a difference.
  func callAsFunction(_ made: Variable, _ step: Step, phase: Int) -> Variable {
    guard !noise.isNone else { return made }
    let draws = Draws(seed: step.seed, purpose: .knownNoise, time: step.time, repetition: phase)
    return made.corrupted { values, slopes, example in
      noise.apply(
        to: values, slopes: slopes, shape: shape, row: Int(step.rows[example]), draws: draws)
    }
  }
}
