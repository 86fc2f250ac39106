import Training

/// The guard of a GAN's logarithms.
public struct LossEpsilon: SettingsGroup {
  /// A number added to probabilities inside the logarithms of the losses.
  public var epsilon = 0.0

  /// The default.
  public init() {}

  /// `loss_epsilon`.
  public static let entries: [SettingsEntry<LossEpsilon>] = [
    .real(
      "loss_epsilon", \.epsilon, .fraction,
      "Added to probabilities inside the logarithms of a GAN's losses.", "D-12: 0; [C]: 0.01")
  ]
}
