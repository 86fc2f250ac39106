/// Adversarial autoencoders (docs/systems.md, 7.1): the DAAE paper's models of MNIST, Omniglot,
/// Sprites and CelebA.
extension Preset {
  static let adversarial: [Preset] =
    [
      Preset(
        name: "mnist-aae", summary: "adversarial autoencoder on MNIST, the DAAE paper's settings",
        settings: aae + onMNIST),
      Preset(
        name: "mnist-daae",
        summary: "denoising adversarial autoencoder on MNIST, the paper's settings",
        settings: daae("0.5") + onMNIST),
      Preset(
        name: "mnist-daae-gmm",
        summary: "denoising adversarial autoencoder on MNIST, two codes matched to ten modes",
        settings: daae("0.5") + onMNIST
          + [
            Setting("latent=2", "7.1 [P]: 2 for the mixture"), Setting("prior=gmm10", "7.5 [P]"),
            Setting("gmm_radius=4", "D-30 [P]"),
          ]),
      Preset(
        name: "mnist-idaae", summary: "iDAAE(5) on MNIST, the DAAE paper's settings",
        settings: idaae("0.5") + onMNIST),
      Preset(
        name: "mnist-idaae-25", summary: "iDAAE(25) on MNIST, the DAAE paper's settings",
        settings: idaae("0.5", copies: 25) + onMNIST),
      Preset(
        name: "omniglot-aae",
        summary: "adversarial autoencoder on Omniglot, the DAAE paper's settings",
        settings: aae + onOmniglot),
      Preset(
        name: "omniglot-daae",
        summary: "denoising adversarial autoencoder on Omniglot, the paper's settings",
        settings: daae("0.5") + onOmniglot),
      Preset(
        name: "omniglot-idaae", summary: "iDAAE(5) on Omniglot, the DAAE paper's settings",
        settings: idaae("0.5") + onOmniglot),
      Preset(
        name: "sprites-aae",
        summary: "adversarial autoencoder on Sprites, the DAAE paper's settings",
        settings: aae + onSprites),
      Preset(
        name: "sprites-daae",
        summary: "denoising adversarial autoencoder on Sprites, the paper's settings",
        settings: daae("0.25") + onSprites),
      Preset(
        name: "sprites-idaae", summary: "iDAAE(5) on Sprites, the DAAE paper's settings",
        settings: idaae("0.25") + onSprites),
      Preset(
        name: "celeba-aae",
        summary: "convolutional adversarial autoencoder on CelebA, the DAAE paper's settings",
        settings: aae + onCelebA),
      Preset(
        name: "celeba-daae",
        summary: "convolutional denoising adversarial autoencoder on CelebA, the paper's settings",
        settings: daae("0.5") + onCelebA),
      Preset(
        name: "celeba-idaae",
        summary: "convolutional iDAAE(5) on CelebA, the DAAE paper's settings",
        settings: idaae("0.5") + onCelebA),
    ]
    + onCelebA(
      "reconstruction", daae: daae("0.1", ofCelebA), idaae: idaae("0.1", ofCelebA, copies: 10))
    + onCelebA(
      "classification", daae: daae("0.25", ofCelebA), idaae: idaae("0.25", ofCelebA, copies: 10))
    + onCelebA("sampling", daae: daae("1.0", ofCelebA), idaae: idaae("0.25", ofCelebA))

  /// The two models of an experiment of the paper on CelebA, which has its own noise and M.
  private static func onCelebA(
    _ experiment: String, daae: [Setting], idaae: [Setting]
  ) -> [Preset] {
    [
      Preset(
        name: "celeba-daae-\(experiment)",
        summary: "convolutional DAAE on CelebA, the paper's settings for \(experiment)",
        settings: daae + onCelebA),
      Preset(
        name: "celeba-idaae-\(experiment)",
        summary: "convolutional iDAAE on CelebA, the DAAE paper's settings for \(experiment)",
        settings: idaae + onCelebA),
    ]
  }

  private static let ofCelebA = "7.1 [P]: C4; the level and M of this experiment"

  private static let aae = [
    Setting("model=aae", "7.2"), Setting("noise=none", "7.2: the DAAE without corruption"),
  ]

  private static func daae(
    _ deviation: String, _ source: String = "7.1 [P]: C4; 0.1 to 1.0 on CelebA"
  ) -> [Setting] {
    [Setting("model=daae", "7.4"), Setting("noise=gaussian:\(deviation)", source)]
  }

  private static func idaae(
    _ deviation: String, _ source: String = "7.1 [P]: C4; 0.1 to 1.0 on CelebA", copies: Int = 5
  ) -> [Setting] {
    daae(deviation, source).dropFirst() + [
      Setting("model=idaae", "7.4"),
      Setting(
        "averaged_copies=\(copies)", "7.1 [P]: M = 5; 25 on MNIST as well, 10 in two of CelebA's"),
      Setting("idaae=codes", "D-29 [P]"),
    ]
  }

  /// Settings that are equal on every data set.
  private static let common = [
    Setting("shuffle=true", "D-47: unstated; the usual order"),
    Setting("discriminator_hidden=1000,1000", "7.1 [P]"),
    Setting("activation=relu", "7.1 [P]"),
    Setting("prior=gaussian", "7.5"),
    Setting("update_order=reconstruction_first", "D-28 [P]"),
    Setting("generator_loss=non_saturating", "D-27 [C]"),
  ]

  private static let onMNIST =
    common + [
      Setting("rows=50000", "1: 50,000 / 10,000 / 10,000"),
      Setting("batch=64", "7.1 [P]"),
      Setting("epochs=100", "7.1 [P]"),
      Setting("hidden=1000,1000", "7.1 [P]"),
      Setting("decoder_hidden=1000,1000", "7.1 [P]"),
      Setting("latent=10", "7.1 [P]"),
      Setting("optimizer=adam", "7.1 [P]"),
      Setting("learning_rate=0.0002", "7.1 [P]"),
    ]

  private static let onOmniglot =
    common + [
      Setting("batch=64", "7.1 [P]"),
      Setting("epochs=1000", "7.1 [P]; 2000 in one notebook"),
      Setting("hidden=1000,1000,1000", "7.1 [P]"),
      Setting("decoder_hidden=1000,1000,1000,1000,1000,1000", "7.1 [P]"),
      Setting("latent=200", "7.1 [P]"),
      Setting("optimizer=adam", "7.1 [P]"),
      Setting("learning_rate=0.00001", "7.1 [P]"),
    ]

  private static let onSprites =
    common + [
      Setting("batch=128", "7.1 [P]"),
      Setting("epochs=5", "7.1 [P]"),
      Setting("hidden=1000,1000", "7.1 [P]"),
      Setting("decoder_hidden=1000,500,500", "7.1 [P]"),
      Setting("latent=200", "7.1 [P]"),
      Setting("optimizer=adam", "7.1 [P]"),
      Setting("learning_rate=0.0001", "7.1 [P]"),
      Setting("learning_rate_decay=1", "D-32 [P]; 0.95 in the code"),
      Setting("sprite_reg=false", "D-32 [P]"),
    ]

  private static let onCelebA =
    common + [
      Setting("network=conv", "7.1 [P]"),
      Setting("channels=64,128,256,512", "7.1 [P]"),
      Setting("batch=64", "7.1 [P]"),
      Setting("epochs=100", "7.1 [P]"),
      Setting("latent=200", "7.1 [P]"),
      Setting("optimizer=rmsprop", "7.1 [P]"),
      Setting("learning_rate=0.0001", "7.1 [P]"),
      Setting("discriminator_momentum=0.1", "D-31 [P]"),
    ]
}
