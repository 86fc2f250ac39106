import Autodiff
import Tensors

/// Networks in the words of PyTorch, so that a reader of a checkpoint can build them again.
///
/// A text such as `Sequential(Linear(784, 512), ReLU())` is an expression of `torch.nn`; the names
/// of its `state_dict` are those of the checkpoint.
public protocol TorchText {
  /// The modules of `torch.nn` that do the same, in their order; nil where PyTorch has none.
  var torchModules: [String]? { get }
}

extension Network {
  /// The default: PyTorch has none.
  public var torchModules: [String]? { nil }
}

extension Activation {
  /// The module of PyTorch; none for the identity.
  fileprivate var torchModules: [String] {
    switch self {
    case .identity: []
    case .sigmoid: ["Sigmoid()"]
    case .relu: ["ReLU()"]
    case .tanh: ["Tanh()"]
    case .softplus: ["Softplus()"]
    case .leakyReLU: ["LeakyReLU(0.2)"]
    }
  }
}

extension Dense {
  /// A linear layer, and its activation.
  public var torchModules: [String]? {
    ["Linear(\(weight.shape[0]), \(weight.shape[1]))"] + activation.torchModules
  }
}

extension Perceptron {
  /// Linear layers, each followed by its activation.
  public var torchModules: [String]? {
    layers.dropLast().flatMap { TorchSequence.padded($0.torchModules ?? [], to: 2) }
      + (layers.last?.torchModules ?? [])
  }
}

extension Reshape {
  /// `Flatten` or `Unflatten`; channels come first in PyTorch.
  public var torchModules: [String]? {
    extents.count == 3
      ? ["Unflatten(1, (\(extents[2]), \(extents[0]), \(extents[1])))"] : ["Flatten()"]
  }
}

extension Activated {
  /// The activation.
  public var torchModules: [String]? { activation.torchModules }
}

extension BatchNormalization {
  /// `BatchNorm2d`, and its activation.
  public var torchModules: [String]? {
    ["BatchNorm2d(\(bias.shape[0]))"] + activation.torchModules
  }
}

extension Convolution {
  /// `Conv2d`, and its activation.
  public var torchModules: [String]? {
    let (shape, window) = (weight.shape, setup.window)
    return [
      "Conv2d(\(shape[2]), \(shape[3]), \(window.kernel), \(window.stride), \(window.padding)"
        + (bias == nil ? ", bias=False)" : ")")
    ] + setup.activation.torchModules
  }
}

extension TransposedConvolution {
  /// `ConvTranspose2d`, and its activation.
  public var torchModules: [String]? {
    let (shape, window) = (weight.shape, setup.window)
    return [
      "ConvTranspose2d(\(shape[3]), \(shape[2]), \(window.kernel), \(window.stride), "
        + "\(window.padding)" + (outputPadding > 0 ? ", output_padding=\(outputPadding)" : "")
        + (bias == nil ? ", bias=False)" : ")")
    ] + setup.activation.torchModules
  }
}

extension Sequential {
  /// The modules of all networks; their places are the numbers in the names.
  public var torchModules: [String]? {
    var all: [String] = []
    for (layer, count) in zip(layers, modules) {
      if count == 0 { continue }
      guard let list = layer.network.torchModules else { return nil }
      all += TorchSequence.padded(list, to: count)
    }
    return all
  }
}

private enum TorchSequence {
  /// So many modules, with the identity in the place of those that are missing.
  static func padded(_ modules: [String], to count: Int) -> [String] {
    modules + Array(repeating: "Identity()", count: max(0, count - modules.count))
  }
}

extension Module {
  /// The networks of a model and what they make of a batch, as expressions of Python, by name.
  ///
  /// A network has the name of its child. `x`, `code` and `images` say what goes in, how a code
  /// comes from it, and how images come from codes `z`.
  ///
  /// - Parameter image: height, width and channels of an image.
  public func torchTexts(image: [Int]) -> [(name: String, text: String)] {
    let networks = children.compactMap { child -> (name: String, text: String)? in
      guard let modules = (child.1 as? any TorchText)?.torchModules else { return nil }
      if child.1 is Dense { return modules.count == 1 ? (child.0, modules[0]) : nil }
      return (child.0, "Sequential(\(modules.joined(separator: ", ")))")
    }
    let isConvolutional = networks.contains { $0.text.contains("Conv") }
    let sides =
      isConvolutional
      ? "[N, \(image[2]), \(image[0]), \(image[1])]: channels, height, width"
      : "[N, \(image.reduce(1, *))]: height, width, channels"
    var texts = networks + [("x", "\(sides), from 0 to 1")]
    if let text = (self as? any Encoding)?.torchCode { texts.append(("code", text)) }
    if let text = (self as? any Decoding)?.torchImages { texts.append(("images", text)) }
    // What speaks of networks that PyTorch does not have says nothing.
    return texts.filter { text in
      !["code", "images"].contains(text.name)
        || children.allSatisfy { child in
          !text.text.contains("\(child.0)(") || networks.contains { $0.name == child.0 }
        }
    }
  }
}
