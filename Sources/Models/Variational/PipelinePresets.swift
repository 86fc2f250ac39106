/// Presets of runs with two stages: a VAE on the L that another system makes (docs/systems.md, 4.7
/// to 4.9).
extension Preset {
  static let pipelines: [Preset] = [
    onMNIST("mnist-rpca-vae", "VAE on the L of robust PCA, on MNIST", rpca("mnist-rpca")),
    onMNIST("mnist-lpf-vae", "VAE on low-pass filtered images, on MNIST", filtered),
    onMNIST(
      "mnist-rda-vae", "VAE on the L of a robust deep autoencoder, on MNIST", rda("mnist-rda")),
    onMNIST(
      "fashion-rpca-vae", "VAE on the L of robust PCA, on Fashion-MNIST", rpca("fashion-rpca")),
    onMNIST("fashion-lpf-vae", "VAE on low-pass filtered images, on Fashion-MNIST", filtered),
    onMNIST(
      "fashion-rda-vae", "VAE on the L of a robust deep autoencoder, on Fashion-MNIST",
      rda("mnist-rda")),
    onCelebA(
      "celeba-rpca-vae", "convolutional VAE on the L of robust PCA, on CelebA",
      rpca("celeba-rpca") + [
        Setting("epochs=100", "4.7 [C]"), Setting("batch=100", "4.7 [C]"),
      ]),
    onCelebA(
      "celeba-lpf-vae", "convolutional VAE on low-pass filtered images, on CelebA",
      filtered + [Setting("epochs=100", "4.8, 4.1 [C]: as the plain VAE and the VAE on RPCA's L")]),
    onCelebA(
      "celeba-rda-vae", "convolutional VAE on the L of a robust deep autoencoder, on CelebA",
      rda("celeba-rda") + [Setting("epochs=200", "4.9 [C]: 10 x 20, two full budgets")]),
  ]

  private static func rpca(_ first: String) -> [Setting] {
    [Setting("first=\(first)", "4.7"), Setting("first_range=clip", "D-14 [R]; the release: raw")]
  }

  private static func rda(_ first: String) -> [Setting] { [Setting("first=\(first)", "4.9")] }

  private static let filtered = [
    Setting("first=lpf", "4.8, D-13 [R]: 3 x 3 box; the release on MNIST: mnist-lpf")
  ]

  private static func onMNIST(
    _ name: String, _ summary: String, _ first: [Setting]
  ) -> Preset {
    Preset(
      name: name, summary: summary,
      settings: [Setting("model=vae", "4.1"), Setting("epochs=600", "4.7, 4.8, 4.9: 30 x 20")]
        + first + robustMNIST)
  }

  private static func onCelebA(
    _ name: String, _ summary: String, _ settings: [Setting]
  ) -> Preset {
    Preset(
      name: name, summary: summary,
      settings: [Setting("model=vae", "4.1")] + celebaNet + settings)
  }
}
