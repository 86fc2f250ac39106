import Training

/// What the reconstruction terms read that a few far values move little (docs/systems.md, 4.1).
///
/// Student's t: Lange, Little & Taylor, "Robust Statistical Modeling Using the t Distribution",
/// JASA 1989. Density power divergence: Basu, Harris, Hjort & Jones, Biometrika 1998; in a VAE
/// Akrami et al., "A robust variational autoencoder using beta divergence", Knowledge-Based Systems
/// 2022.
public struct RobustLossSettings: SettingsGroup {
  /// s of Student's t and of a Gaussian, b of Laplace's distribution, in units of the pixels.
  public var scale = 0.1
  /// v of Student's t.
  public var degreesOfFreedom = 3.0
  /// The exponent of the density power divergence as set; nil for the usual one.
  public var beta: Double?
  /// The decoder's distribution in the density power divergence.
  public var decoder = Decoder.bernoulli
  /// What that divergence is of.
  public var part = Part.pixels

  /// The distribution whose powers are taken.
  public enum Decoder: String, CaseIterable, Sendable {
    /// Of pixels in [0, 1].
    case bernoulli
    /// Of deviation `loss_scale` around the decoder's mean.
    case gaussian
  }

  /// What has a divergence of its own.
  public enum Part: String, CaseIterable, Sendable {
    /// Each pixel: far pixels count little.
    case pixels
    /// The whole image: images that fit badly count little.
    case image
  }

  /// The defaults.
  public init() {}

  /// Scale, degrees of freedom, divergence.
  public static let entries: [SettingsEntry<RobustLossSettings>] = [
    .real(
      "loss_scale", \.scale, .width,
      "Scale of student_t and laplace, deviation of a Gaussian beta_divergence, in units of the "
        + "pixels.",
      "4.1 [R]: 0.1"),
    .real(
      "student_degrees", \.degreesOfFreedom, .degrees,
      "Degrees of freedom of student_t: the fewer, the less far values count.", "4.1 [R]: 3"),
    .optionalReal(
      "divergence_beta", \.beta, .exponent, absent: "0.1, or 0.005 with divergence_of=image",
      "Exponent of beta_divergence: the larger, the less far values count.", "4.1 [R]"),
    .choice(
      "divergence_decoder", \.decoder,
      "Distribution in beta_divergence: bernoulli, of pixels in [0, 1]; gaussian, of any values.",
      "4.1 [P]: bernoulli"),
    .choice(
      "divergence_of", \.part,
      "What beta_divergence sums: that of each pixel, or one of the image as its paper has it.",
      "4.1 [R]: pixels; [P]: image"),
  ]

  /// The exponent; that of images is small, as an image has hundreds of nats at first.
  var exponent: Double { beta ?? (part == .image ? 0.005 : 0.1) }

  /// A Gaussian's power of a whole image leaves the range of floats.
  func checkDivergence() throws(ConfigurationError) {
    guard decoder == .gaussian, part == .image else { return }
    throw ConfigurationError(
      key: "divergence_of", found: "image with divergence_decoder=gaussian",
      expected: "pixels, as the power of a Gaussian of a whole image is no float")
  }

  /// Messages about values that a term does not read.
  func unread(by term: ReconstructionTerm) -> [String] {
    let usual = RobustLossSettings()
    let isDivergence = term == .betaDivergence
    let isGaussian = isDivergence && decoder == .gaussian
    let readers = [
      (
        scale != usual.scale && !isGaussian && term != .studentT && term != .laplace,
        "loss_scale=\(scale)",
        "student_t, laplace and beta_divergence with divergence_decoder=gaussian"
      ),
      (
        degreesOfFreedom != usual.degreesOfFreedom && term != .studentT,
        "student_degrees=\(degreesOfFreedom)", "student_t"
      ),
      (
        beta != nil && !isDivergence, "divergence_beta=\(exponent)", "beta_divergence"
      ),
      (
        decoder != usual.decoder && !isDivergence, "divergence_decoder=\(decoder.rawValue)",
        "beta_divergence"
      ),
      (part != usual.part && !isDivergence, "divergence_of=\(part.rawValue)", "beta_divergence"),
    ]
    return readers.filter(\.0).map { "\($0.1): of reconstruction_term only \($0.2) reads it" }
  }
}
