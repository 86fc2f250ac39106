import Layers
import Tensors
import Training

/// The kind of encoder and decoder.
public enum NetworkKind: String, CaseIterable, Sendable {
  /// Fully connected layers: `hidden`, `decoder_hidden`.
  case mlp
  /// Convolutions 4x4 of stride 2 with batch normalisation and leaky ReLU; the decoder's are
  /// transposed.
  case convolutionalNormalized = "conv_bn"
  /// Convolutions 5x5 of stride 2 with ReLU; transposed 3x3 in the decoder.
  case convolutional = "conv"
}

/// The hidden layers.
public struct LayerSettings: SettingsGroup {
  /// Units of the encoder's hidden layers, from the image inwards.
  public var hidden = [512, 256]
  /// Units of the decoder's hidden layers, from the code outwards; nil for `hidden` reversed.
  public var decoderHidden: [Int]?
  /// The kind of encoder and decoder.
  public var network = NetworkKind.mlp
  /// The activation of every hidden layer.
  public var activation = Activation.sigmoid

  /// The defaults.
  public init() {}

  /// All keys; layers are fixed for the whole run, because its weights depend on them.
  public static let entries: [SettingsEntry<LayerSettings>] = [
    .layers(
      "hidden", \.hidden, "Hidden layers of the encoder, from the image inwards.",
      "D-04 [P]: 512,256"
    ).fixed,
    .optionalLayers(
      "decoder_hidden", \.decoderHidden, absent: "hidden reversed",
      "Hidden layers of the decoder, from the code outwards.", "D-04 [P]: the encoder's mirrored"
    ).fixed,
    .choice(
      "network", \.network,
      "Fully connected, or convolutional: conv_bn is the RVAE paper's CelebA net, conv the DAAE "
        + "paper's.",
      "4.1, 7.1"
    ).fixed,
    .choice(
      "activation", \.activation, from: [.sigmoid, .relu, .tanh, .softplus],
      "The function behind every hidden layer.", "4.1 [C]: sigmoid"
    ).fixed,
  ]

  /// The decoder's hidden layers: as set, or the encoder's reversed.
  public var decoderLayers: [Int] { decoderHidden ?? hidden.reversed() }

  /// Resolves the decoder's layers.
  public mutating func resolve(for data: TrainingSetFacts) { decoderHidden = decoderLayers }

  /// Refuses convolutional networks, for a model that takes none.
  ///
  /// - Parameter reason: follows "mlp" in the message.
  func checkConnected(_ reason: String) throws(ConfigurationError) {
    guard network != .mlp else { return }
    throw ConfigurationError(key: "network", found: network.rawValue, expected: "mlp\(reason)")
  }
}

/// Dimensions of the code.
public struct CodeSettings: SettingsGroup {
  /// The latent dimensions, J.
  public var latent = 49

  /// The default.
  public init() {}

  /// `latent`.
  public static let entries: [SettingsEntry<CodeSettings>] = [
    .integer("latent", \.latent, 1...65536, "Dimensions of the code.", "4.1 [P]: 49").fixed
  ]
}

/// The initial values of fully connected layers.
public struct InitializationSettings: SettingsGroup {
  /// The distribution of initial values.
  public var initialization = Initialization.glorot

  /// The default.
  public init() {}

  /// `initialization`.
  public static let entries: [SettingsEntry<InitializationSettings>] = [
    .choice(
      "initialization", \.initialization,
      "First values of fully connected layers: Glorot uniform, or PyTorch's default.",
      "0: GU, PT"
    ).fixed
  ]
}

/// Channels of convolutions.
public struct ChannelSettings: SettingsGroup {
  /// Channels of the encoder's convolutions; the decoder mirrors them.
  public var channels = [64, 128, 256, 512]

  /// The default.
  public init() {}

  /// `channels`.
  public static let entries: [SettingsEntry<ChannelSettings>] = [
    .layers(
      "channels", \.channels,
      "Channels of the convolutions, each halving height and width; the decoder mirrors them.",
      "4.1 [P]: 64,128,256,512"
    ).fixed
  ]
}

/// A network of fully connected layers with a code.
public struct ConnectedSettings: SettingsGroup {
  /// Hidden layers.
  public var layers = LayerSettings()
  /// The code.
  public var code = CodeSettings()
  /// Initial values.
  public var initialization = InitializationSettings()

  /// The defaults.
  public init() {}

  /// Layers, code, initial values.
  public static let entries: [SettingsEntry<ConnectedSettings>] = [
    .group(\.layers),
    .group(\.code),
    .group(\.initialization),
  ]

  /// The latent dimensions, J.
  public var latent: Int { code.latent }
}

/// A network of fully connected layers or of convolutions, with a code.
public struct NetworkSettings: SettingsGroup {
  /// The settings of all networks.
  public var connected = ConnectedSettings()
  /// Channels of convolutions.
  public var channels = ChannelSettings()
  /// Whether batch normalisation comes before the output's sigmoid too, in networks that have it.
  public var outputNormalization = true

  /// The defaults.
  public init() {}

  /// Layers and code, then settings of convolutions.
  public static let entries: [SettingsEntry<NetworkSettings>] = [
    .group(\.connected),
    .group(\.channels),
    .flag(
      "output_normalization", \.outputNormalization,
      "Batch normalisation before the output's sigmoid, in conv_bn.", "D-43 [C]: present"
    ).fixed,
  ]

  /// The latent dimensions, J.
  public var latent: Int { connected.code.latent }
  /// Hidden layers.
  public var layers: LayerSettings { connected.layers }
}
