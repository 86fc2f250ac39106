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
  public var knownNoise = KnownNoise.none

  /// The default: none is known.
  public init() {}

  /// `known_noise`.
  public static let entries: [SettingsEntry<AmbientSettings>] = [
    .knownNoise("known_noise", \.knownNoise, LikelihoodSettings.knownNoiseSummary, "4.4, 6.8").fixed
  ]

  /// Refuses noise through which no gradient reaches the generator, and levels that are learned.
  public func check(
    _ system: String, with common: CommonSettings
  ) throws(ConfigurationError) {
    guard knownNoise.bounds == nil else {
      throw ConfigurationError(
        key: "known_noise", found: "\(knownNoise) with model=\(system)",
        expected: "a level as number or auto")
    }
    for noise in knownNoise.corruptions where !noise.hasSlopes {
      throw ConfigurationError(
        key: "known_noise", found: noise.spec,
        expected: "noise that passes a gradient on to model=\(system): \(Corruption.withSlopes)")
    }
  }
}

/// Noise on generated images, drawn as the real images' noise is.
struct AmbientNoise: Sendable {
  private let noises: [Corruption]
  private let shape: ImageShape
  /// Phases of a step, at most: each noise of a mixture has draws of its own.
  private static let phases = 8

  /// Noise on images of a shape; it must have slopes.
  init(_ noise: KnownNoise, on shape: ImageShape) {
    (noises, self.shape) = (noise.corruptions.filter { !$0.isNone }, shape)
  }

  /// Generated images with noise, [B, D]; without noise the images themselves.
  ///
  /// The draw of an image is a function of seed, step, phase and the row of the batch's image at
  /// its place. So neither ranks nor lanes make a difference.
  func callAsFunction(_ made: Variable, _ step: Step, phase: Int) -> Variable {
    var made = made
    for (number, noise) in noises.enumerated() {
      let draws = Draws(
        seed: step.seed, purpose: .knownNoise, time: step.time,
        repetition: phase + number * Self.phases)
      made = made.corrupted { [shape] values, slopes, example in
        noise.apply(
          to: values, slopes: slopes, shape: shape, row: Int(step.rows[example]), draws: draws)
      }
    }
    return made
  }
}
