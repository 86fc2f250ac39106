import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// Autoencoder whose decoder is the transpose of its encoder, as in the original robust deep
/// autoencoder.
///
/// Zhou & Paffenroth, "Anomaly Detection with Robust Deep Autoencoders", KDD 2017, and their code
/// (docs/systems.md, 4.9; D-46). Shapes: B examples, D pixels, J latent dimensions.
/// Inwards h = sigmoid(h W_k + b_k) from layer to layer; outwards g = sigmoid(g W_k' + c_k) with the
/// same W_k. The loss is 200 times the squared error, mean over the pixels. W_k is Glorot uniform;
/// b_k and c_k are uniform in ±0.1.
struct TiedAutoencoder: Autoencoder, Trainable {
  /// The variant of the robust deep autoencoder, and its layers.
  struct Settings: SettingsGroup {
    /// Whether encoder and decoder share weights.
    var variant = Variant.untied
    /// Units from the image inwards; the last layer is the code.
    var layers = [400]

    static let entries: [SettingsEntry<Settings>] = [
      .choice(
        "rda_variant", \.variant,
        "untied: the networks of ae; tied: the decoder is the transpose of the encoder (tied_layers), "
          + "and the loss 200 times the mean squared error.",
        "D-46: untied"
      ).fixed,
      .layers(
        "tied_layers", \.layers,
        "Layers of rda_variant=tied from the image inwards; the last is the code.",
        "4.9: 400, or 625,400,225,100"
      ).fixed,
    ]
  }

  /// D-46: what the robust deep autoencoder trains.
  enum Variant: String, CaseIterable, Sendable {
    /// The networks of an `AE`.
    case untied
    /// Those of a `TiedAutoencoder`.
    case tied
  }

  private static let lossScale: Float = 200
  /// Draws uniform in ±0.1.
  private static let biases = Initializer.uniform(fanIn: 100)

  /// W_k and b_k, from the image inwards.
  struct Encoder: Module {
    let layers: [Dense]

    var children: [(String, any Module)] {
      layers.enumerated().map { (String($0.offset), $0.element) }
    }
  }

  /// c_k, from the code outwards; the weights are those of the encoder.
  struct Decoder: Module {
    let biases: [Parameter]

    var parameters: [(String, Parameter)] {
      biases.enumerated().map { ("\($0.offset).bias", $0.element) }
    }
  }

  let encoder: Encoder  // [B, D] -> [B, J]
  let decoder: Decoder  // [B, J] -> [B, D]

  init(_ c: Settings, image: ImageShape) {
    let sizes = [image.count] + c.layers
    encoder = Encoder(
      layers: zip(sizes, sizes.dropFirst()).map {
        Dense($0, $1, .sigmoid, biases: Self.biases)
      })
    decoder = Decoder(biases: sizes.dropLast().reversed().map { Parameter(Shape($0), Self.biases) })
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  var children: [(String, any Module)] { [("encoder", encoder), ("decoder", decoder)] }

  /// One phase updates all layers.
  let phases = [Phase("all", updates: ["encoder", "decoder"])]

  /// The loss is no likelihood.
  var reportsLogLikelihood: Bool { false }

  /// 200 times the squared error to clean x from x~, mean over the pixels, [B].
  func loss(phase: Int, _ step: Step) -> Variable {
    let y = decode(encode(step.corrupted()).mean)
    let scale = Self.lossScale / Float(step.target.shape.columns)
    let loss = scale * y.squaredError(to: step.target)
    step.report(.reconstruction, loss)
    return loss
  }

  /// The latent dimensions, J.
  var latent: Int { encoder.layers.last?.bias.shape.count ?? 0 }

  /// Codes in [0, 1], [B, J].
  func encode(_ x: Variable) -> Code {
    Code(mean: encoder.layers.reduce(x) { h, layer in layer(h) })
  }

  /// The way back through the transposed layers, [B, D].
  func decode(_ z: Variable) -> Variable {
    zip(encoder.layers.reversed(), decoder.biases).reduce(z) { g, layer in
      g.linearTransposed(g.parameter(layer.0.weight), g.parameter(layer.1), .sigmoid)
    }
  }
}
