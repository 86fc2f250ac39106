import Datasets

/// The workloads of launch/torch_train.py: the same networks and batches.
extension Workload {
  /// One entry a workload.
  static let all: [any Benchmark] = [
    Workload(
      name: "rvae-mlp",
      summary: "robust VAE, 784-512-256-49: training steps on batches of L = X - S",
      settings: ["model=rvae"],
      flopsPerImage: Products.training(encoder) + Products.training(decoder, inputGradient: true)),
    Workload(
      name: "rvae-proj", summary: "robust VAE, 784-512-256-49: projections of all rows",
      settings: ["model=rvae"], work: .projection, repetitions: (1, 3),
      flopsPerImage: Products.forward(encoder) + Products.forward(decoder)),
    Workload(
      name: "rvae-split",
      summary: "robust VAE, 784-512-256-49: the split of new images, 15 rounds each",
      settings: ["model=rvae"], images: (12_000, ImageShape(height: 28, width: 28, channels: 1)),
      work: .split(rounds: 15), repetitions: (1, 3),
      flopsPerImage: 15 * (Products.forward(encoder) + Products.forward(decoder))),
    Workload(
      name: "daae-mlp",
      summary: "denoising adversarial autoencoder, 784-1000-1000-10: training steps",
      settings: ["model=daae"] + adversarial, flopsPerImage: adversarialFlops(matched: 1)),
    Workload(
      name: "idaae-mlp", summary: "iDAAE(5) with the same networks: training steps",
      settings: ["model=idaae"] + adversarial, flopsPerImage: adversarialFlops(matched: 5)),
    Workload(
      name: "dvae-mlp", summary: "denoising VAE, 784-200-200-50, K = 5: training steps",
      settings: ["model=dvae", "activation=softplus"] + denoising, flopsPerImage: denoisingFlops),
    Workload(
      name: "diwae-mlp", summary: "DIWAE with the same networks, K = 5: training steps",
      settings: ["model=diwae", "activation=tanh"] + denoising, flopsPerImage: denoisingFlops),
    Workload(
      name: "celeba-conv-vae",
      summary: "convolutional VAE of 64 x 64 x 3, channels 64 to 512: training steps",
      settings: [
        "model=vae", "network=conv_bn", "latent=100", "batch=64", "learning_rate=1e-4",
        "adam_beta1=0.5",
      ], images: (2048, ImageShape(height: 64, width: 64, channels: 3)), repetitions: (2, 10),
      flopsPerImage: convolutionalFlops),
    Workload(
      name: "ricvae-mlp", summary: "RiC-VAE, 784-512-256-30, five recycled passes: training steps",
      settings: [
        "model=ric-vae", "latent=30", "activation=relu", "batch=100", "passes=5",
        "recycle_grad=full", "residual_epsilon=1e-6",
      ],
      flopsPerImage: 5
        * (Products.training([784, 512, 256, 60])
          + Products.training([30, 256, 512, 784], inputGradient: true))
        + 4 * Double(2 * 784 * 512)),
  ]

  private static let encoder = [784, 512, 256, 98]
  private static let decoder = [49, 256, 512, 784]

  private static let adversarial = [
    "hidden=1000,1000", "latent=10", "activation=relu", "batch=64", "learning_rate=2e-4",
    "noise=gaussian:0.5",
  ]

  /// - Parameter matched: encodings that are matched to the prior.
  private static func adversarialFlops(matched: Double) -> Double {
    let (encoder, decoder) = ([784, 1000, 1000, 10], [10, 1000, 1000, 784])
    let discriminator = [10, 1000, 1000, 1]
    return Products.training(encoder) + Products.training(decoder, inputGradient: true)
      + 2 * Products.training(discriminator) + matched * Products.training(encoder)
      + Products.training(discriminator, inputGradient: true, weights: false)
  }

  private static let denoising = [
    "hidden=200,200", "latent=50", "samples=5", "batch=100", "binarize=each_step",
    "noise=bernoulli-balanced:0.05",
  ]

  private static let denoisingFlops =
    Products.training([784, 200, 200, 100])
    + 5 * Products.training([50, 200, 200, 784], inputGradient: true)

  private static let convolutionalFlops: Double = {
    let layers = [(3, 64, 32), (64, 128, 16), (128, 256, 8), (256, 512, 4)]
    let convolutions = layers.enumerated().reduce(0.0) { sum, layer in
      let (inputs, outputs, side) = layer.element
      let product = Double(2 * inputs * outputs * 16 * side * side)
      let uses: Double = layer.offset > 0 ? 6 : 5  // the first needs no gradient of its input
      return sum + uses * product
    }
    return convolutions + Double(3 * 2 * 8192 * (200 + 100))
  }()
}

/// Operations, multiplication and addition counted apart, of the products of fully connected layers
/// for one image.
private enum Products {
  /// Of the forward computation alone.
  static func forward(_ sizes: [Int]) -> Double {
    zip(sizes, sizes.dropFirst()).reduce(0) { $0 + 2 * Double($1.0 * $1.1) }
  }

  /// Forward, weight gradients, and the input gradients that are used.
  static func training(
    _ sizes: [Int], inputGradient: Bool = false, weights: Bool = true
  ) -> Double {
    zip(sizes, sizes.dropFirst()).enumerated().reduce(0) { sum, layer in
      let product = 2 * Double(layer.element.0 * layer.element.1)
      let backward = inputGradient || layer.offset > 0
      return sum + product * (1 + (weights ? 1 : 0) + (backward ? 1 : 0))
    }
  }
}
