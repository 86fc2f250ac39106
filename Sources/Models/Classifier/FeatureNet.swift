import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// The number of classes of the labels.
public struct ClassSettings: SettingsGroup {
  /// K; nil until the labels tell it.
  public var classes: Int?

  /// The default.
  public init() {}

  /// `classes`.
  public static let entries: [SettingsEntry<ClassSettings>] = [
    .optionalInteger(
      "classes", \.classes, 2...ImageSet.mostClasses, absent: "as many as the labels tell",
      "The classes of a classifier; labels are 0 to this less 1.", "own"
    ).fixed
  ]

  /// The classes are those of the labels.
  public mutating func resolve(for data: TrainingSetFacts) { classes = classes ?? data.classes }
}

/// A small convolutional classifier, whose features measure distances between sets of images.
///
/// Convolutions 3x3 of stride 2 with ReLU, a fully connected layer of J features with ReLU, and the
/// logits of the K classes. Sides are halved and rounded up, so images of any size fit. The loss is
/// the cross-entropy. It stands in where the weights of a public network cannot be had; distances
/// by it carry the digest of its weights (docs/systems.md, 4.11).
/// Shapes: B examples, D pixels, J features, K classes.
public struct FeatureNet: Classifying, Trainable {
  /// The settings of a classifier.
  public struct Settings: SettingsGroup {
    /// Channels of the convolutions.
    public var channels = ChannelSettings()
    /// The number of features, J.
    public var code = CodeSettings()
    /// The number of classes, K.
    public var classes = ClassSettings()

    /// The defaults.
    public init() {}

    /// Channels, features, classes.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.channels),
      .group(\.code),
      .group(\.classes),
    ]
  }

  /// The system.
  static func system(_ name: String) -> System {
    System(
      name, make: FeatureNet.init, loop: Epochs.init, presets: presets, needsLabels: true
    ) { _, _ in "more epochs" }
  }

  let encoder: Sequential  // [B, D] -> [B, F]
  let last: Dense  // [B, F] -> [B, J]; with its ReLU
  let classifier: Dense  // [B, J] -> [B, K]; logits

  /// A model of images of this shape.
  ///
  /// - Throws: `ConfigurationError` where the number of classes is not known.
  public init(_ c: Settings, image: ImageShape) throws {
    guard let classes = c.classes.classes else {
      throw ConfigurationError(
        key: "classes", found: "null without labels", expected: "2 to \(ImageSet.mostClasses)")
    }
    var (height, width, channels) = (image.height, image.width, image.channels)
    var parts: [(network: any Network, modules: Int)] = [(Reshape(height, width, channels), 0)]
    for outputs in c.channels.channels {
      parts.append((Convolution(channels, outputs, kernel: 3, stride: 2, padding: 1, .relu), 2))
      (height, width, channels) = ((height + 1) / 2, (width + 1) / 2, outputs)
    }
    encoder = Sequential(parts + [(Reshape(height * width * channels), 1)])
    last = Dense(flattening: height, width, channels, to: c.code.latent, .relu)
    classifier = Dense(c.code.latent, classes, initialized: .pytorch)
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] {
    [("encoder", encoder), ("features", last), ("classes", classifier)]
  }

  /// One phase updates all layers.
  public let phases = [Phase("all", updates: ["encoder", "features", "classes"])]

  /// No likelihood of images.
  public var reportsLogLikelihood: Bool { false }

  /// -log p(class|x~), [B] in nats; `accuracy` is the share of images whose class is right.
  ///
  /// Traps if the images have no labels.
  public func loss(phase: Int, _ step: Step) -> Variable {
    let logits = logits(ofFeatures: features(step.corrupted()))
    step.report(.other("accuracy"), sum: Double(logits.count(ofRight: step.labels)))
    return logits.crossEntropy(of: step.labels)
  }

  /// K.
  public var classes: Int { classifier.bias.shape.count }

  /// J.
  public var featureCount: Int { last.bias.shape.count }

  /// What the last layer reads, [B, J]: not negative.
  public func features(_ x: Variable) -> Variable { last(encoder(x)) }

  /// [B, J] to [B, K].
  public func logits(ofFeatures features: Variable) -> Variable { classifier(features) }
}

extension FeatureNet {
  private static let presets = [
    Preset(
      name: "feature-net",
      summary: "small convolutional classifier of any labelled images; its features measure others",
      settings: common + [
        Preset.Setting("channels=32,64,128", "own: sides of 32 to 64 pixels become 4 to 8"),
        Preset.Setting("learning_rate_decay=0.7", "own: to 4 % in 10 epochs"),
        Preset.Setting("epochs=10", "own"),
      ]),
    Preset(
      name: "mnist-feature-net",
      summary: "convolutional classifier of MNIST or Fashion-MNIST, of two epochs",
      settings: common + [
        Preset.Setting("channels=32,64", "own: 28 pixels become 7"),
        Preset.Setting("learning_rate_decay=0.2", "own: .5 % more right answers than without"),
        Preset.Setting("epochs=2", "own: 98.7 % of MNIST's test digits"),
      ]),
  ]

  private static let common = [
    Preset.Setting("model=feature-net", "4.11"),
    Preset.Setting("latent=128", "4.11: features"),
    Preset.Setting("batch=64", "own: more steps"),
    Preset.Setting("shuffle=true", "own"),
    Preset.Setting("learning_rate=0.002", "own: falls from epoch to epoch"),
    Preset.Setting("grid_every=0", "own: there is nothing to draw"),
  ]
}
