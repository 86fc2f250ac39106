import Support
import Training

/// All systems.
public enum SystemCatalogue {
  /// One line a system.
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
