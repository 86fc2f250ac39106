/// Presets of VAEs that know the noise of their images, and of those that learn which pixels are
/// outliers (docs/systems.md, 6.8, 6.9).
extension Preset {
  static let knownNoise: [Preset] = [
    Preset(
      name: "mnist-noise-vae", summary: "VAE that knows the noise, on MNIST: a quarter flipped",
      settings: known("salt-pepper:0.25") + lightNet + thirtyEpochs + bound),
    Preset(
      name: "fashion-noise-vae",
      summary: "VAE that knows the noise, on Fashion-MNIST: a quarter flipped",
      settings: known("salt-pepper:0.25") + lightNet + thirtyEpochs + bound),
    Preset(
      name: "celeba-noise-vae",
      summary: "convolutional VAE that knows the noise, on CelebA: two fifths 0 or 1",
      settings: known("salt-pepper-random:0.4") + celebaNet + celebaSteps
        + [Setting("epochs=12", "as celeba-rvae-faces")] + bound),
  ]

  private static let bound = [
    Setting(
      "beta=1", "own, 6.8: samples are nearer than with 0.3, and codes hold no noise"),
    Setting("kl_warmup_epochs=5", "own, 6.8: codes are found before they cost"),
  ]

  private static func known(_ noise: String) -> [Setting] {
    [
      Setting("model=vae", "4.1"), Setting("likelihood=noise", "own, 6.8"),
      Setting(
        "known_noise=\(noise)", "own, 6.8: set it to that of your images, or its level to auto"),
    ]
  }

  static let outliers: [Preset] = [
    Preset(
      name: "mnist-outlier-vae", summary: "VAE with a gate for each pixel, on MNIST",
      settings: gated + lightNet + thirtyEpochs),
    Preset(
      name: "fashion-outlier-vae", summary: "VAE with a gate for each pixel, on Fashion-MNIST",
      settings: gated + lightNet + thirtyEpochs),
    Preset(
      name: "celeba-outlier-vae",
      summary: "convolutional VAE with a gate for each pixel, on CelebA",
      settings: gated + celebaNet + celebaSteps + [Setting("epochs=12", "as celeba-rvae-faces")]),
  ]

  private static let gated = [Setting("model=outlier-vae", "6.9")]

  private static let thirtyEpochs = [
    Setting("epochs=30", "expected-mnist, section E")
  ]
}
