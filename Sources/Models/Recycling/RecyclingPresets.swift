/// The recycling family (docs/systems.md, 5), with settings that an independent program found to
/// work.
extension Preset {
  /// Frey presets expect faces with discs: `cleave corrupt frey.h5 ... --noise circle:0.6`.
  static let recycling: [Preset] = [
    Preset(
      name: "frey-l2", summary: "l2-VAE on Frey faces, the RiC-VAE paper's baseline",
      settings: [Setting("model=l2-vae", "5.1")] + frey + epochs(200)),
    Preset(
      name: "frey-rl2", summary: "R-l2-VAE(2,2) on Frey faces",
      settings: [Setting("model=r-l2-vae", "5.6")] + frey + epochs(200) + twice),
    Preset(
      name: "frey-lc", summary: "LC-VAE on Frey faces: learned variances",
      settings: [Setting("model=lc-vae", "5.2")] + frey + epochs(200)),
    Preset(
      name: "frey-rlc", summary: "RLC-VAE(2,2) on Frey faces",
      settings: [Setting("model=rlc-vae", "5.6")] + frey + epochs(200) + twice),
    Preset(
      name: "frey-ic", summary: "iC-VAE on Frey faces: a variance for every pixel of every sample",
      settings: [Setting("model=ic-vae", "5.3")] + frey + epochs(400) + freyResiduals),
    Preset(
      name: "frey-ric", summary: "RiC-VAE(2,2) on Frey faces",
      settings: [Setting("model=ric-vae", "5.5")] + frey + epochs(400) + freyResiduals + twice
        + [
          Setting(
            "passes_from_epoch=100", "expected-recycling, section 4: from the start it collapses"),
          Setting("recycle_grad=detach", "D-16 [R]"),
        ]),
    Preset(
      name: "mnist-l2", summary: "l2-VAE on MNIST, the RiC-VAE paper's baseline",
      settings: [Setting("model=l2-vae", "5.1")] + mnist),
    Preset(
      name: "mnist-ic", summary: "iC-VAE on MNIST",
      settings: [Setting("model=ic-vae", "5.3")] + mnist + mnistResiduals),
    Preset(
      name: "mnist-ric", summary: "RiC-VAE(5,5) on MNIST",
      settings: [Setting("model=ric-vae", "5.5")] + mnist + mnistResiduals + fiveTimes),
    Preset(
      name: "mnist-l2-full", summary: "l2-VAE on all of MNIST, wider and for 200 epochs",
      settings: [Setting("model=l2-vae", "5.1")] + mnist + fullMNIST),
    Preset(
      name: "mnist-ic-full", summary: "iC-VAE on all of MNIST, wider and for 200 epochs",
      settings: [Setting("model=ic-vae", "5.3")] + mnist + mnistResiduals + fullMNIST),
    Preset(
      name: "mnist-ric-full", summary: "RiC-VAE(5,5) on all of MNIST, wider and for 200 epochs",
      settings: [Setting("model=ric-vae", "5.5")] + mnist + mnistResiduals + fiveTimes + fullMNIST),
    Preset(
      name: "frey-ic-affine", summary: "iC-VAE with an affine decoder, sampled, on Frey faces",
      settings: [Setting("model=ic-affine", "5.4 (i)")]
        + frey.filter { !["hidden", "activation"].contains($0.key) } + epochs(400) + freyResiduals),
    Preset(
      name: "frey-ic-affine-em",
      summary: "affine iC-VAE by its EM bound on Frey faces: a robust PCA",
      settings: affineEM + [
        Setting("latent=10", "5 [P]"),
        Setting("batch=100", "own: only how rows are counted"),
        Setting("grid_every=0", "own"), Setting("checkpoint_minutes=1", "own: short runs"),
      ]),
    Preset(
      name: "celeba-ic-affine-em",
      summary: "affine iC-VAE by its EM bound on the principal components of CelebA",
      settings: affineEM + [
        Setting("components=256", "5.4 [R]"),
        Setting("latent=30", "own: 256, as 5.4 [R] has it, takes some fifty times as long"),
        Setting("batch=128", "own: only how rows are counted"),
        Setting("split_storage=float32", "own: variances are kept there"),
        Setting("grid_every=0", "own"), Setting("checkpoint_minutes=5", "own: large row files"),
      ]),
    Preset(
      name: "features-ic-affine",
      summary: "affine iC-VAE by its EM bound on features, as many latent dimensions as these",
      settings: affineEM + [
        Setting("full_latent=true", "5.4 [P]: k = d"),
        Setting("batch=8", "own: only how rows are counted; groups may be small"),
        Setting("log_every=10", "own: sweeps"), Setting("grid_every=0", "own"),
        Setting("checkpoint_minutes=1", "own: short runs"),
      ]),
  ]

  /// The affine iC-VAE by its EM bound.
  private static let affineEM = [
    Setting("model=ic-affine-em", "5.4 (ii)"), Setting("epochs=120", "5.4 [R]: sweeps"),
    Setting("floor=1e-6", "5.4 [R]"), Setting("floor_decay=0.9", "5.4 [R]"),
    Setting("affine_bias=true", "5.4"),
  ]

  /// Networks and optimizer of all presets of Frey faces.
  private static let frey = [
    Setting("batch=100", "5 [R]"),
    Setting("shuffle=true", "own: frames are in the order of the film"),
    Setting("hidden=400,200,100", "5 [P]: 3 layers; sizes [R]"),
    Setting("latent=10", "5 [P]"),
    Setting("activation=relu", "5 [R]"),
    Setting("initialization=pytorch", "expected-recycling, section 1"),
    Setting("collapse_spread=0.03", "expected-recycling, section 4: a variance of 1e-3"),
    Setting("optimizer=adam", "5 [R]"),
    Setting("learning_rate=0.001", "expected-recycling, section 3: 3e-3 and 3e-4 are worse"),
    Setting("checkpoint_minutes=1", "own: short runs"),
    Setting("grid_every=50", "own: short epochs"),
  ]

  /// The value 1e-3 is the largest epsilon that removes both small and large discs.
  private static let freyResiduals = [
    Setting("residual_epsilon=0.001", "expected-recycling, section 7"),
    Setting("residual_epsilon_start=0", "expected-recycling, section 7: no annealing on Frey"),
    Setting("l2_epochs=0", "expected-recycling, section 3: discs once learned stay"),
  ]

  /// (N, M) = (2, 2).
  private static let twice = [
    Setting("passes=2", "5.5 [P]: Frey (2,2)"),
    Setting("test_passes=2", "5.5 [P]: Frey (2,2); --passes 1 beside it is usually nearer"),
  ]

  /// Networks and optimizer of all presets of MNIST.
  private static let mnist = [
    Setting("rows=10000", "expected-recycling, section 5; 1: 60,000"),
    Setting("batch=100", "5 [R]"),
    Setting("shuffle=true", "own"),
    Setting("hidden=400,200,100", "expected-recycling, section 5"),
    Setting("latent=30", "5 [P]"),
    Setting("activation=relu", "5 [R]"),
    Setting("initialization=pytorch", "expected-recycling, section 1"),
    Setting("collapse_spread=0.03", "expected-recycling, section 4: a variance of 1e-3"),
    Setting("optimizer=adam", "5 [R]"),
    Setting("learning_rate=0.001", "5 [R]"),
    Setting("epochs=45", "expected-recycling, section 5; 5 [R]: 200"),
    Setting("grid_every=5", "own: short epochs"),
  ]

  /// The paper's rows, layers and epochs, as docs/systems.md, 5 reads them.
  private static let fullMNIST = [
    Setting("rows=60000", "1: all"),
    Setting("hidden=1000,500,250", "5 [R]: 784-1000-500-250-(30,30), mirrored"),
    Setting("epochs=200", "5 [R]"),
  ]

  /// (N, M) = (5, 5).
  private static let fiveTimes = [
    Setting("passes=5", "5.5 [P]: (1,1) to (5,20)"),
    Setting("test_passes=5", "5.5 [P]; expected-recycling, section 5: the best sheet by eye"),
    Setting("passes_from_epoch=30", "expected-recycling, section 5: N=1 first"),
    Setting("recycle_grad=detach", "D-16 [R]; full collapses at N=5"),
  ]

  /// The constant background dominates unless epsilon starts large.
  private static let mnistResiduals = [
    Setting("residual_epsilon=0.01", "expected-recycling, section 5"),
    Setting("residual_epsilon_start=1", "expected-recycling, section 5: the main lever"),
    Setting("residual_epsilon_epochs=30", "expected-recycling, section 5"),
  ]

  private static func epochs(_ count: Int) -> [Setting] {
    [Setting("epochs=\(count)", "expected-recycling, section 2; 5 [R]: 1000")]
  }
}
