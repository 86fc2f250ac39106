import Support
import Training

/// All systems.
public enum SystemCatalogue {
  /// The systems, one line each.
  public static let systems: [System] = [
    VAE.system,
    RobustLoop.rvae,
    RobustLoop.rda,
    AE.ae,
    AE.dae,
    DAAE.aae,
    DAAE.daae,
    IDAAE.system,
    GAN.system,
    DCGAN.system,
    L2VAE.plain,
    L2VAE.recycled,
    LCVAE.plain,
    LCVAE.recycled,
    ICVAE.plain,
    ICVAE.recycled,
    ICVAE.affine,
    AffineICVAE.system,
    DVAE.iwae,
    DVAE.dvae,
    DVAE.diwae,
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
