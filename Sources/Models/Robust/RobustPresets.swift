/// Presets of the RVAE family (docs/systems.md, 4), with the comparison models of its paper.
extension Preset {
  static let robust: [Preset] = [
    Preset(
      name: "mnist-vae", summary: "VAE on MNIST, the RVAE paper's baseline",
      settings: [Setting("model=vae", "4.1"), Setting("epochs=600", "4.1: 30 x 20")] + robustMNIST),
    Preset(
      name: "mnist-rvae", summary: "robust VAE on MNIST, the RVAE paper's settings",
      settings: [Setting("model=rvae", "4.3")] + robustMNIST + robustLoop),
    Preset(
      name: "mnist-rda",
      summary: "robust deep autoencoder on MNIST, networks and loop of the RVAE paper's RVAE",
      settings: [Setting("model=rda", "4.9, D-46"), Setting("reconstruction_term=bce", "4.9 [R]")]
        + robustMNIST + robustLoop),
    Preset(
      name: "mnist-rda-tied",
      summary: "robust deep autoencoder on MNIST with tied weights, as its own authors have it",
      settings: [Setting("model=rda", "4.9, D-46"), Setting("rows=55000", "D-11 [C]")] + tied),
    Preset(
      name: "mnist-rvae-beta",
      summary: "robust VAE on MNIST with a lighter KL term: 30 epochs suffice, and no collapse",
      settings: [Setting("model=rvae", "4.3")] + lightRobust
        + [
          Setting("outer_iterations=6", "expected-mnist, section D: 6 x 5"),
          Setting("inner_epochs=5", "expected-mnist, section D: 6 x 5"),
          Setting("epochs=30", "expected-mnist, section D: the VAE beside it"),
        ]),
    Preset(
      name: "fashion-rvae", summary: "robust VAE on Fashion-MNIST, the RVAE paper's settings",
      settings: [Setting("model=rvae", "4.3")] + robustMNIST + robustLoop),
    Preset(
      name: "celeba-vae",
      summary: "convolutional VAE on CelebA, beside celeba-rvae or on the L of celeba-rda",
      settings: [
        Setting("model=vae", "4.1"),
        Setting("epochs=200", "4.1 [C]: 10 x 20, as RVAE and the VAE on an RDA's L; 100 alone"),
      ] + celebaNet),
    Preset(
      name: "celeba-rvae", summary: "convolutional robust VAE on CelebA, the RVAE authors' code",
      settings: [Setting("model=rvae", "4.3")] + celebaNet + celebaLoop),
    Preset(
      name: "celeba-rda",
      summary: "convolutional robust deep autoencoder on CelebA, the RVAE authors' code",
      settings: [Setting("model=rda", "4.9"), Setting("reconstruction_term=bce", "4.9 [C]")]
        + celebaNet + celebaLoop + [Setting("lambda=300", "4.9 [C]")]),
    Preset(
      name: "celeba-rvae-paper",
      summary:
        "convolutional robust VAE on CelebA with the settings the RVAE paper states for all data",
      settings: [Setting("model=rvae", "4.3")] + celebaNet + celebaLoop + celebaPaper),
    Preset(
      name: "celeba-rvae-faces",
      summary: "convolutional robust VAE: faces after a dozen epochs of a small dirty set",
      settings: [Setting("model=rvae", "4.3")] + celebaNet + celebaFaces),
    Preset(
      name: "photos",
      summary: "robust VAE on patches of damaged photographs of any size: finds damage, repairs it",
      settings: [Setting("model=rvae", "4.3")] + patches),
    Preset(
      name: "demo", summary: "robust VAE on the built-in digits, a minute on two cores",
      settings: [Setting("model=rvae", "4.3")] + lightRobust
        + [
          Setting("batch=128", "own: more steps from a small set"),
          Setting("learning_rate=0.002", "own: as above"),
          Setting("hidden=256,128", "own: half the paper's, for speed"),
          Setting("latent=24", "own: as above"),
          Setting("beta=0.2", "own: the digits vary more than MNIST's in slant and place"),
          Setting("outer_iterations=6", "as mnist-rvae-beta"),
          Setting("inner_epochs=8", "own: the built-in sets are smaller than MNIST"),
          Setting("checkpoint_minutes=1", "own: a short run"),
        ]),
  ]

  /// Settings for damaged photographs, found on others than those of docs/results.md, Photographs.
  private static let patches = [
    Setting("patch=16", "own: patches carry over to new photographs, whole images do not"),
    Setting("stride=4", "own: 16 patches see a pixel"),
    Setting("batch=64", "own: more steps"),
    Setting("shuffle=true", "own"),
    Setting("hidden=256", "own: one layer learns faster than two"),
    Setting("latent=64", "own"),
    Setting("activation=relu", "own"),
    Setting("beta=0.02", "own: a sharp L; S, not the code, keeps damage out"),
    Setting("noise=blotch:0.5", "own: teaches the encoder to look past damage"),
    Setting("learning_rate=0.002", "own"),
    Setting("learning_rate_decay=0.81", "own: to 4 % in 16 epochs"),
    Setting("outer_iterations=8", "own"),
    Setting("inner_epochs=2", "own"),
    Setting("threshold=none", "own: the threshold is lambda"),
    Setting("lambda=0.21", "own: of values in [0, 1]"),
    Setting("shrinkage=firm", "own: whole where damaged, nothing elsewhere"),
    Setting("project_with=mean", "own"),
    Setting("grid_every=4", "own"),
  ]

  /// Settings that VAE and RVAE share in the RVAE paper.
  static let robustMNIST = [
    Setting("rows=55000", "D-11 [C]: the first 55,000"),
    Setting("batch=200", "4.1 [C]"),
    Setting("shuffle=false", "D-47 [C]: fixed order"),
    Setting("lanes=1", "D-47 [C]: a step's rows are consecutive; 8 for up to 8 ranks"),
    Setting("hidden=512,256", "D-04 [P]; the code has 512,384,256"),
    Setting("latent=49", "4.1 [P]"),
    Setting("activation=sigmoid", "4.1 [C]"),
    Setting("optimizer=adam", "4.1 [P]"),
    Setting("learning_rate=0.001", "4.1 [P]"),
  ]

  /// Networks, loss and loop of the original robust deep autoencoder.
  private static let tied = [
    Setting("rda_variant=tied", "4.9: the original's"),
    Setting("tied_layers=400", "4.9: 784-400"),
    Setting("reconstruction_term=mse", "4.9: 200 times the mean squared error"),
    Setting("batch=128", "4.9: 40 to 133"),
    Setting("shuffle=true", "own"),
    Setting("optimizer=adam", "4.9"),
    Setting("learning_rate=0.01", "4.9: 0.01 to 0.15"),
    Setting("outer_iterations=10", "4.9: 5 to 20"),
    Setting("inner_epochs=50", "4.9: 50 to 100"),
    Setting("lambda=70", "D-15"),
    Setting("threshold=induced", "D-01 [C]"),
  ]

  /// The outer loop of the RVAE paper.
  static let robustLoop = [
    Setting("outer_iterations=30", "4.3 [C]"),
    Setting("inner_epochs=20", "4.3 [C]"),
    Setting("lambda=70", "D-15: unstated in the paper"),
    Setting("threshold=induced", "D-01 [C]"),
    Setting("stop_rule=both", "D-02 [C]"),
    Setting("c2_weight=code", "D-02 [C]"),
    Setting("tolerance=1e-7", "4.3"),
    Setting("reset_optimizer=false", "D-06 [C]"),
    Setting("project_with=sample", "D-07 [C]"),
  ]

  /// The variant whose codes stay in use from the first projection on.
  private static let lightRobust = lightNet + [Setting("lambda=70", "D-15")]

  /// Settings that a VAE has beside it.
  static let lightNet = [
    Setting("batch=200", "4.1 [C]"),
    Setting("shuffle=true", "expected-mnist, section D"),
    Setting("hidden=512,256", "D-04 [P]"),
    Setting("latent=49", "4.1 [P]"),
    Setting("activation=relu", "expected-mnist, section D"),
    Setting("learning_rate=0.001", "4.1 [P]"),
    Setting("beta=0.3", "expected-mnist, section D: keeps the KL from collapsing"),
  ]

  /// Settings that VAE and RVAE share on CelebA in the RVAE authors' code.
  static let celebaNet = [
    Setting("network=conv_bn", "4.1 [P, C]"),
    Setting("channels=64,128,256,512", "4.1 [P, C]"),
    Setting("output_normalization=true", "D-43 [C]"),
    Setting("latent=100", "4.1 [P, C]"),
    Setting("batch=128", "4.1 [C]"),
    Setting("shuffle=true", "4.1 [C]"),
    Setting("optimizer=adam", "4.1 [P]"),
    Setting("learning_rate=0.0001", "D-08 [C]; the paper has 1e-3 for all data"),
    Setting("adam_beta1=0.5", "D-08 [C]"),
  ]

  /// The outer loop of the RVAE authors' CelebA code.
  private static let celebaLoop = [
    Setting("outer_iterations=10", "D-08 [C]"),
    Setting("inner_epochs=20", "D-08 [C]"),
    Setting("lambda=50", "4.3 [C]: the CelebA scripts; 300 in the FID script"),
    Setting("reset_optimizer=true", "D-06 [C]: a new Adam in every outer iteration"),
    Setting("project_with=sample", "D-07 [C]"),
  ]

  /// The RVAE paper's settings for all data, where its authors' CelebA code differs.
  private static let celebaPaper = [
    Setting("learning_rate=0.001", "D-08 [P]"),
    Setting("adam_beta1=0.9", "D-08 [P]: Adam's usual"),
    Setting("outer_iterations=30", "4.3 [P]"),
    Setting("reset_optimizer=false", "D-06 [P]"),
  ]

  /// Settings that give faces from a small dirty set in minutes.
  ///
  /// A small batch gives more steps, a large learning rate longer steps. From the first projection
  /// on, the threshold leaves the faces to the model.
  private static let celebaFaces =
    celebaSteps + [
      Setting("lambda=300", "4.3 [C]: the FID script; 50 puts half of each face into S"),
      Setting("outer_iterations=3", "own: the error of L halves in three"),
      Setting("inner_epochs=4", "own: as above"),
      Setting("epochs=12", "own: the VAE beside it, --set model=vae"),
      Setting("reset_optimizer=false", "D-06 [P]"),
    ]

  /// More and longer steps than the release has.
  static let celebaSteps = [
    Setting("batch=64", "own: more steps from a small set"),
    Setting("learning_rate=0.001", "D-08 [P]"),
    Setting("adam_beta1=0.9", "D-08 [P]: Adam's usual"),
  ]
}
