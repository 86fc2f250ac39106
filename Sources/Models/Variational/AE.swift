import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// Autoencoder, and denoising autoencoder: a DAE without noise is an AE.
///
/// Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", ICML
/// 2008. Shapes: B examples, D pixels, J latent dimensions.
/// It is the VAE of the same settings with only its mean: no KL and no sampling. It reconstructs
/// clean x from x~ = C(x) drawn at each step.
/// The reconstruction term is the VAE's (option `reconstruction_term`): bce in presets beside the
/// RVAE and DAAE families, mse beside the RiC-VAE's.
///
/// The model has no prior. Decoded codes of N(0, I) only start the chain x -> D(E(C(x)))
/// (docs/systems.md, 7.6).
public struct AE: Autoencoder, Trainable {
  /// The settings of an autoencoder.
  public struct Settings: SettingsGroup {
    /// Encoder and decoder.
    public var network = NetworkSettings()
    /// Comparison with the target.
    public var reconstruction = ReconstructionSettings()
    /// Passes of the trained model.
    public var passes = TestPasses()

    /// The defaults.
    public init() {}

    /// Networks, loss, passes.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.network),
      .group(\.reconstruction),
      .group(\.passes),
    ]
  }

  /// An autoencoder trained for some epochs; with noise, a denoising autoencoder.
  static func system(_ name: String) -> System {
    System(
      name, make: AE.init, loop: Epochs.init, presets: Preset.relatives, takesFeatures: true
    ) { settings, _ in
      Cures().orReLU(settings.model.network.layers).or("more epochs").text
    }
  }

  let encoder: any Network  // [B, D] -> [B, H]
  let mean: Dense  // [B, H] -> [B, J]; the code
  let decoder: any Network  // [B, J] -> [B, D]; logits
  let output: Activation  // of the logits
  let term: ReconstructionSettings
  let testPasses: Int

  /// A model of images of this shape.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: Settings, image: ImageShape) throws {
    let architecture = try Architecture(c.network, image)
    encoder = Sequential(architecture.trunk)
    mean = architecture.head(c.network.latent)
    decoder = architecture.decoder
    output = image.output
    term = c.reconstruction
    testPasses = c.passes.count
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] {
    [("encoder", encoder), ("mean", mean), ("decoder", decoder)]
  }

  /// One phase updates all networks.
  public let phases = [Phase("all", updates: ["encoder", "mean", "decoder"])]

  /// Whether the term is a likelihood.
  public var reportsLogLikelihood: Bool { term.isLogLikelihood }

  /// The reconstruction term of clean x from x~, [B].
  public func loss(phase: Int, _ step: Step) -> Variable {
    let loss = term.loss(
      logits: decoder(mean(encoder(step.corrupted()))), of: step.target, output: output)
    step.report(.reconstruction, loss)
    return loss
  }

  /// The latent dimensions, J.
  public var latent: Int { mean.bias.shape.count }

  /// Codes, [B, J].
  public func encode(_ x: Variable) -> Code { Code(mean: mean(encoder(x))) }

  /// The decoder's mean, [B, D].
  public func decode(_ z: Variable) -> Variable { decoder(z).activated(output) }

  /// As PyTorch computes it.
  public var torchImages: String? { output == .identity ? "decoder(z)" : "sigmoid(decoder(z))" }

  /// As PyTorch computes it.
  public var torchCode: String? { "mean(encoder(x))" }

  /// The last image of M passes, [B, D]; each pass takes the image of the previous pass.
  ///
  /// The RiC-VAE paper reconstructs in this way with its baselines.
  public func reconstruct(_ x: Variable, _ step: Step, sampling: Bool) -> Variable {
    (0..<testPasses).reduce(x) { image, _ in decode(mean(encoder(image))) }
  }
}
