/// Plain relatives of the papers' models: autoencoders without a prior, the beta-VAE, and GANs.
extension Preset {
  static let relatives: [Preset] = [
    Preset(
      name: "mnist-beta-vae", summary: "beta-VAE on MNIST, networks of the RVAE paper's VAE",
      settings: [
        Setting("model=vae", "4.2"), Setting("beta=4", "D-52; the grid is 1, 2, 4, 8"),
      ] + beside),
    Preset(
      name: "mnist-ae", summary: "autoencoder on MNIST, networks of the RVAE paper's VAE",
      settings: [
        Setting("model=ae", "4.10"), Setting("reconstruction_term=bce", "4.10"),
      ] + beside),
    Preset(
      name: "mnist-dae",
      summary: "denoising autoencoder on MNIST, networks of the DAAE paper's DAAE",
      settings: [
        Setting("model=dae", "4.10"), Setting("noise=gaussian:0.5", "7.1 [P]: C4 with s = 0.5"),
        Setting("reconstruction_term=bce", "4.10"),
        Setting("rows=50000", "1: 50,000 / 10,000 / 10,000"),
        Setting("batch=64", "7.1 [P]"), Setting("epochs=100", "7.1 [P]"),
        Setting("shuffle=true", "D-47: unstated; the usual order"),
        Setting("hidden=1000,1000", "7.1 [P]"), Setting("latent=10", "7.1 [P]"),
        Setting("activation=relu", "7.1 [P]"), Setting("learning_rate=0.0002", "7.1 [P]"),
      ]),
    Preset(
      name: "frey-ae", summary: "autoencoder on Frey faces, networks of the RiC-VAE",
      settings: [
        Setting("model=ae", "4.10"), Setting("reconstruction_term=mse", "4.10"),
        Setting("hidden=400,200,100", "expected-recycling, section 1"),
        Setting("latent=10", "5 [P]"),
        Setting("activation=relu", "expected-recycling, section 1"),
        Setting("batch=100", "5"), Setting("shuffle=true", "own"),
        Setting("epochs=200", "expected-recycling, section 2"),
        Setting("initialization=pytorch", "expected-recycling, section 1"),
        Setting("learning_rate=0.001", "5"),
      ]),
    Preset(
      name: "mnist-gan", summary: "GAN on MNIST with the layers of the RVAE paper's VAE",
      settings: gan + [
        Setting("hidden=512,256", "4.4: as the VAE, D-04 [P]"), Setting("latent=49", "4.4 [C]"),
        Setting("batch=200", "4.4 [C]"), Setting("epochs=600", "4.4 [C]"),
        Setting("dropout=0.3", "D-42; the code keeps 0.3"),
        Setting("generator_output=sigmoid", "D-12; the code has tanh"),
        Setting("loss_epsilon=0", "D-12; the code has 0.01"),
      ]),
    Preset(
      name: "mnist-gan-legacy", summary: "GAN on MNIST to the letter of the RVAE authors' code",
      settings: gan + [
        Setting("hidden=512,384,256", "4.4 [C]"), Setting("latent=49", "4.4 [C]"),
        Setting("batch=200", "4.4 [C]"), Setting("epochs=600", "4.4 [C]"),
        Setting("shuffle=false", "D-47 [C]: MNIST in its order"),
        Setting("lanes=1", "D-47 [C]: a step's rows are consecutive; 8 for up to 8 ranks"),
        Setting("dropout=0.7", "D-42 [C]: keep 0.3"),
        Setting("generator_output=tanh", "D-12 [C]"), Setting("loss_epsilon=0.01", "D-12 [C]"),
      ]),
    Preset(
      name: "mnist-gan-small", summary: "GAN on MNIST, the RVAE authors' second architecture",
      settings: gan + [
        Setting("hidden=256,256", "4.4 [C]: the discriminator's"),
        Setting("decoder_hidden=256,512", "4.4 [C]: the generator's"),
        Setting("latent=100", "4.4 [C]"),
        Setting("discriminator_activation=leaky_relu", "4.4 [C]"),
        Setting("batch=64", "4.4 [C]"), Setting("epochs=200", "4.4 [C]"),
        Setting("dropout=0", "4.4 [C]"),
        Setting("noise=salt-pepper:0.25", "4.4 [C]: drawn anew each batch; the level is free"),
      ]),
    Preset(
      name: "celeba-dcgan", summary: "DCGAN on CelebA, the RVAE authors' code",
      settings: dcgan + faces),
    Preset(
      name: "celeba-ambient-dcgan",
      summary: "DCGAN on CelebA that knows the noise of its images (AmbientGAN)",
      settings: dcgan + faces + [
        Setting("known_noise=salt-pepper-random:0.2", "D-10: C2; the level is that of the images")
      ]),
    Preset(
      name: "mnist-ambient-dcgan",
      summary: "small DCGAN on MNIST that knows the noise of its images (AmbientGAN)",
      settings: dcgan + [
        Setting("channels=16,32", "own: 28 pixels become 7"), Setting("batch=64", "own"),
        Setting("rows=55000", "D-11 [C]: the first 55,000"),
        Setting("epochs=8", "own: 2,500 steps with 20,000 images served as well"),
        Setting("known_noise=salt-pepper:0.25", "C1; the level is that of the images"),
      ]),
  ]

  /// The networks and the optimizer of the RVAE paper's VAE on MNIST.
  private static let beside = [
    Setting("rows=55000", "D-11 [C]: the first 55,000"), Setting("batch=200", "4.1 [C]"),
    Setting("epochs=600", "4.1: 30 x 20"), Setting("hidden=512,256", "D-04 [P]"),
    Setting("latent=49", "4.1 [P]"), Setting("activation=sigmoid", "4.1 [C]"),
    Setting("optimizer=adam", "4.1 [P]"), Setting("learning_rate=0.001", "4.1 [P]"),
  ]

  /// Settings that DCGANs share.
  private static let dcgan = [
    Setting("model=dcgan", "4.5"), Setting("latent=100", "4.5 [C]"),
    Setting("shuffle=true", "4.5: the usual order"), Setting("optimizer=adam", "4.5 [C]"),
    Setting("learning_rate=0.0002", "4.5 [C]"), Setting("adam_beta1=0.5", "4.5 [C]"),
    Setting("generator_loss=non_saturating", "4.5 [C]"),
  ]

  /// Settings of DCGANs on CelebA.
  private static let faces = [
    Setting("channels=64,128,256,512", "4.5 [C]"), Setting("batch=128", "4.5 [C]"),
    Setting("epochs=200", "4.5 [C]"),
  ]

  /// Settings that the fully connected GANs share.
  private static let gan = [
    Setting("model=gan", "4.4"), Setting("rows=55000", "D-11 [C]: the first 55,000"),
    Setting("shuffle=true", "own"), Setting("activation=relu", "4.4 [C]"),
    Setting("optimizer=adam", "4.4 [C]"), Setting("learning_rate=0.0002", "4.4 [C]"),
    Setting("generator_loss=non_saturating", "4.4 [C]"),
  ]
}
