import Support
import Training

/// All systems.
public enum SystemCatalogue {
  /// One line a system: its name, and the model or loop whose file says the rest.
  public static let systems: [System] = [
    VAE.system("vae"),
    RobustLoop.variational("rvae"),
    RobustLoop.deterministic("rda"),
    AE.system("ae"),
    AE.system("dae"),
    DAAE.system("aae"),
    DAAE.system("daae"),
    IDAAE.system("idaae"),
    GAN.system("gan"),
    DCGAN.system("dcgan"),
    L2VAE.system("l2-vae"),
    L2VAE.system("r-l2-vae"),
    LCVAE.system("lc-vae"),
    LCVAE.system("rlc-vae"),
    ICVAE.system("ic-vae"),
    ICVAE.system("ric-vae"),
    ICVAE.affine("ic-affine"),
    AffineICVAE.system("ic-affine-em"),
    DVAE.noiseless("iwae"),
    DVAE.denoising("dvae"),
    DVAE.weighted("diwae"),
  ]

  /// The names that the key `model` may have.
  public static let names = systems.map(\.name)

  /// The system of a name.
  ///
  /// Traps where there is none: configurations hold names of the catalogue only.
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

  /// The systems that read a key, by name; nil for a key that all read.
  static func readers(of key: String) -> [String]? {
    let readers = systems.filter { $0.keys.contains { $0.name == key } }.map(\.name)
    return readers.isEmpty || readers.count == systems.count ? nil : readers
  }
}
