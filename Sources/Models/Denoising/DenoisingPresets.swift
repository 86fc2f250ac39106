/// The models of Im et al. ("Denoising Criterion for Variational Auto-encoding Framework") and
/// Burda et al. ("Importance Weighted Autoencoders").
///
/// MNIST has grey images (`cleave import mnist`) or binary images from a file. Frey faces are
/// written by `cleave import frey --splits shuffled`: 1,572 to train, 295 to validate, 98 to test
/// (D-20).
extension Preset {
  static let denoising: [Preset] = [
    Preset(
      name: "mnist-dvae", summary: "denoising VAE on binarised MNIST, K = 1, 5 % noise",
      settings: [Setting("model=dvae", "6.3"), Setting("samples=1", "6.3 [P]")] + binaryMNIST
        + softplus + pepper),
    Preset(
      name: "mnist-dvae-k5", summary: "denoising VAE on binarised MNIST, K = 5, 5 % noise",
      settings: [Setting("model=dvae", "6.3"), Setting("samples=5", "6.3 [P]")] + binaryMNIST
        + softplus + pepper),
    Preset(
      name: "mnist-dvae-augmented",
      summary: "VAE on MNIST binarised anew in each step: the DVAE paper's data augmentation",
      settings: [Setting("model=dvae", "6.3"), Setting("samples=1", "6.3 [P]")] + binaryMNIST
        + softplus + augmented),
    Preset(
      name: "mnist-diwae",
      summary: "denoising importance-weighted autoencoder on binarised MNIST, K = 5, 5 % noise",
      settings: [Setting("model=diwae", "6.4"), Setting("samples=5", "6.4 [P]")] + binaryMNIST
        + tanh + pepper),
    Preset(
      name: "mnist-iwae",
      summary:
        "importance-weighted autoencoder on binarised MNIST, K = 5, in the DVAE paper's nets",
      settings: [Setting("model=iwae", "6.2"), Setting("samples=5", "6.2 [P]")] + binaryMNIST
        + tanh),
    Preset(
      name: "mnist-iwae-augmented",
      summary: "the same on MNIST binarised anew in each step",
      settings: [Setting("model=iwae", "6.2"), Setting("samples=5", "6.2 [P]")] + binaryMNIST
        + tanh + augmented),
    Preset(
      name: "mnist-dvae-gru", summary: "denoising VAE with a GRU for inference, K = 1, 5 % noise",
      settings: [Setting("model=dvae", "6.5"), Setting("samples=1", "6.5")] + binaryMNIST
        + softplus + pepper + recurrent),
    Preset(
      name: "mnist-diwae-gru",
      summary:
        "denoising importance-weighted autoencoder with a GRU for inference, K = 5, 5 % noise",
      settings: [Setting("model=diwae", "6.5"), Setting("samples=5", "6.5")] + binaryMNIST
        + tanh + pepper + recurrent),
    Preset(
      name: "mnist-iwae-reference",
      summary:
        "importance-weighted autoencoder with one stochastic layer, K = 5, as its authors train it",
      settings: [Setting("samples=5", "6.1: K = 5")] + reference),
    Preset(
      name: "mnist-iwae-reference-k50",
      summary: "the same with K = 50",
      settings: [Setting("samples=50", "6.1: K = 50")] + reference),
    Preset(
      name: "frey-dvae", summary: "denoising VAE with a Gaussian decoder on Frey faces, K = 1",
      settings: [Setting("model=dvae", "6.3"), Setting("samples=1", "6.7")] + freyFaces + softplus),
    Preset(
      name: "frey-dvae-k5", summary: "denoising VAE with a Gaussian decoder on Frey faces, K = 5",
      settings: [Setting("model=dvae", "6.3"), Setting("samples=5", "6.7")] + freyFaces + softplus),
    Preset(
      name: "frey-diwae",
      summary:
        "denoising importance-weighted autoencoder with a Gaussian decoder on Frey faces, K = 5",
      settings: [Setting("model=diwae", "6.4"), Setting("samples=5", "6.7")] + freyFaces + tanh),
  ]

  /// Settings that the DVAE paper's models of MNIST share.
  private static let binaryMNIST =
    [
      Setting("rows=50000", "1: 50,000 / 10,000 / 10,000"),
      Setting("binarize=once", "1 [C]: one Bernoulli draw for the run"),
      Setting("hidden=200,200", "6.1 [P]: one or two"),
      Setting("decoder_hidden=200,200", "D-21 [P]; the code has one layer"),
      Setting("latent=50", "6.1 [P]"),
      Setting("likelihood=bernoulli", "6.1"),
      Setting("corruptions=1", "6.3 [P]"),
      Setting("batch=100", "6.1 [P]"),
      Setting("epochs=5000", "6.1 [P]"),
      Setting("shuffle=true", "D-47: unstated; the usual order"),
      Setting("optimizer=adam", "6.1 [P]"),
      Setting("adam=standard", "D-41"),
      Setting("learning_rate=0.001", "6.1 [C]"),
      Setting("learning_rate_schedule=dvae", "6.1 [C]"),
    ] + training

  /// Clipping and model selection of Im et al.
  private static let training = [
    Setting("clip_norm=5", "6.1 [C]"),
    Setting("validate_every=50", "6.1 [C]"),
    Setting("validate_after=0.4", "6.1 [C]"),
    Setting("keep_best=true", "6.1 [C]: by the validation bound"),
    Setting("grid_every=0", "own: thousands of epochs"),
  ]

  private static let softplus = [Setting("activation=softplus", "6.1 [P]: VAE and DVAE")]
  private static let tanh = [Setting("activation=tanh", "6.1 [P]: IWAE and DIWAE")]
  private static let pepper = [Setting("noise=bernoulli:0.05", "C6, D-19 [C]: 0 to 15 %")]
  private static let augmented = [Setting("binarize=each_step", "C11 [P]: data augmentation")]

  private static let recurrent = [
    Setting("inference=gru", "6.5"), Setting("hidden=200", "D-24: units of the layer"),
    Setting("gru_steps=5", "6.5 [P]"), Setting("gru_input=repeat", "D-24"),
    Setting("gru_corrupt=once", "D-24"),
  ]

  /// The settings of Burda et al.
  private static let reference = [
    Setting("model=iwae", "6.2"),
    Setting("rows=59600", "6.1 [C]: 59,600 / 400 / 10,000"),
    Setting("binarize=each_step", "6.1 [C]: fresh at every access"),
    Setting("hidden=200,200", "6.1 [C]"), Setting("decoder_hidden=200,200", "6.1 [C]"),
    Setting("latent=50", "6.1 [C]"), Setting("activation=tanh", "6.1 [C]"),
    Setting("batch=20", "6.1 [C]"),
    Setting("epochs=3280", "6.1 [C]: 3^i epochs for i = 0...7"),
    Setting("shuffle=true", "D-47: unstated; the usual order"),
    Setting("optimizer=adam", "6.1 [C]"),
    Setting("learning_rate=0.0001", "6.1 [C]: times 10^(1 - i / 7)"),
    Setting("learning_rate_schedule=iwae", "6.1 [C]"),
    Setting("adam_beta1=0.99", "6.1 [C]"), Setting("adam_beta2=0.999", "6.1 [C]"),
    Setting("adam_epsilon=0.0001", "6.1 [C]"), Setting("adam_second_moment=1", "6.1 [C]"),
    Setting("output_bias=mean_image", "6.1 [C]"),
    Setting("grid_every=0", "own: thousands of epochs"),
  ]

  /// Settings that the DVAE paper's models of Frey faces share.
  private static let freyFaces =
    [
      Setting("likelihood=gaussian", "6.1 [C]"),
      Setting("noise=gaussian:0.025", "C4 [P]: 0.025, 0.05, 0.075"),
      Setting("hidden=100,100", "6.1 [C]: 100 units; layers D-21 [P]: two"),
      Setting("decoder_hidden=100,100", "6.1 [C]: 100 units; layers D-21 [P]: two"),
      Setting("latent=10", "6.1 [C]; D-21 [P]: 50"),
      Setting("corruptions=1", "6.3 [P]"),
      Setting("batch=100", "6.1 [P]"),
      Setting("epochs=3000", "6.1 [C]"),
      Setting("shuffle=true", "D-47: unstated; the usual order"),
      Setting("optimizer=adam", "6.1 [P]"),
      Setting("learning_rate=0.002", "6.1 [C]"),
      Setting("learning_rate_schedule=frey", "6.1 [C]: 1 / (1 + epoch / 3000)"),
    ] + training
}
