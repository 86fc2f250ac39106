/// Presets of robust PCA (docs/systems.md, 4.6).
extension RobustPCA {
  static let presets: [Preset] = [
    Preset(
      name: "mnist-rpca", summary: "robust PCA of MNIST, by inexact ALM",
      settings: common("4.6: the first 55,000") + [Preset.Setting("rows=55000", "1")]),
    Preset(
      name: "fashion-rpca", summary: "robust PCA of Fashion-MNIST, by inexact ALM",
      settings: common("4.6: the first 55,000") + [Preset.Setting("rows=55000", "1")]),
    Preset(
      name: "frey-rpca", summary: "robust PCA of Frey faces, the RiC-VAE paper's baseline",
      settings: common("4.6")),
    Preset(
      name: "celeba-rpca",
      summary: "robust PCA of CelebA, singular values from a random range",
      settings: common("4.6") + [Preset.Setting("svd=randomized", "4.6")]),
  ]

  private static func common(_ source: String) -> [Preset.Setting] {
    [
      Preset.Setting("model=rpca", source),
      Preset.Setting("epochs=100", "own: 35 to 40 are needed, 4.6 allows 1000"),
      Preset.Setting("batch=128", "own: only how rows are counted"),
      Preset.Setting("log_every=1", "own: a sweep"), Preset.Setting("grid_every=0", "own"),
      Preset.Setting("checkpoint_minutes=5", "own: a few hundred sweeps"),
    ]
  }
}
