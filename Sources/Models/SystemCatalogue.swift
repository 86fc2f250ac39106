import Support
import Training

/// All systems.
public enum SystemCatalogue {
  /// Names that messages of other systems recommend.
  static let convolutionalGame = "dcgan"
  static let noisyWeighted = "diwae"

  /// The systems, one line each: the name, and the model or loop whose file holds the rest.
  public static let systems: [System] = [
    VAE.system("vae"),
    OutlierVAE.system("outlier-vae"),
    RobustLoop.variational("rvae"),
    RobustLoop.deterministic("rda"),
    AE.system("ae"),
    AE.system("dae"),
    DAAE.system("aae"),
    DAAE.system("daae"),
    IDAAE.system("idaae"),
    GAN.system("gan"),
    DCGAN.system(convolutionalGame),
    L2VAE.system("l2-vae"),
    L2VAE.system("r-l2-vae"),
    LCVAE.system("lc-vae"),
    LCVAE.system("rlc-vae"),
    ICVAE.system("ic-vae"),
    ICVAE.system("ric-vae"),
    ICVAE.affine("ic-affine"),
    AffineICVAE.system("ic-affine-em"),
    RobustPCA.system("rpca"),
    PCA.system("pca"),
    LowPassFilter.system("lpf"),
    MedianModel.system("median"),
    DVAE.noiseless("iwae"),
    DVAE.denoising("dvae"),
    DVAE.weighted(noisyWeighted),
    FeatureNet.system("feature-net"),
  ]

  /// The values of the key `model`.
  public static let names = systems.map(\.name)

  /// The system with a name.
  ///
  /// Traps where there is none: configurations hold only names of the catalogue.
  static func system(_ name: String) -> System {
    guard let system = systems.first(where: { $0.name == name }) else {
      preconditionFailure("no system \(name)")
    }
    return system
  }

  /// The keys of all systems, each once, in the order of the catalogue.
  static let keys: [KeyDescription] = {
    var seen: Set<String> = []
    return systems.flatMap(\.keys).filter { seen.insert($0.name).inserted }
  }()

  /// The names of the systems that read a key; nil for a key that all systems read.
  static func readers(of key: String) -> [String]? {
    let readers = systems.filter { $0.keys.contains { $0.name == key } }.map(\.name)
    return readers.isEmpty || readers.count == systems.count ? nil : readers
  }
}
