import Autodiff
import Datasets
import Foundation
import Layers
import Tensors
import Training

/// Denoising variational autoencoders DVAE(K, M) and DIWAE(K, M), and IWAE, which is a DIWAE
/// without noise.
///
/// Im, Ahn, Memisevic & Bengio, "Denoising Criterion for Variational Auto-encoding Framework", AAAI
/// 2017 (DVAE, DIWAE); Burda, Grosse & Salakhutdinov, "Importance Weighted Autoencoders", ICLR 2016
/// (IWAE).
///
/// Shapes: B examples, D pixels, J latent dimensions; K samples of z for each of M corrupted inputs
/// x~ of an example.
/// The weight of a sample is w = p(x|z) p(z) / q(z|x~). A DVAE maximises the mean of log w over all
/// samples, a DIWAE the logarithm of the mean of w.
/// The likelihood is of the clean x; q belongs to the x~ for which z was drawn; x~ is fresh in
/// every step. Both bounds are measured on clean inputs.
///
/// Where paper and released code disagree:
/// - Two layers generate; the code has one (`decoder_hidden`, D-21).
/// - The KL of a DVAE is analytic as in the code (option `kl`, D-22).
/// - The M inputs of a DIWAE are averaged inside the logarithm (option `outer`, D-23).
/// - The GRU follows D-24.
/// - A gradient that is not finite ends the run; the code continues with a tenth of the parameter.
public struct DVAE: LatentVariableModel, Generative, Trainable {
  /// A DVAE trained for some epochs.
  static func denoising(_ name: String) -> System {
    System(
      name, make: DVAE.init(ofLogWeights:image:), loop: Epochs.init, presets: Preset.denoising
    ) { settings, warning in
      let (layers, weight) = (settings.model.shared.network.layers, settings.model.weight)
      return Cures().orLighterKL(weight).orReLU(layers, if: warning == .posteriorCollapse)
        .or("more epochs", unless: warning == .posteriorCollapse && weight.beta >= 1).text
    }
  }

  /// A DIWAE trained for some epochs.
  static func weighted(_ name: String) -> System {
    System(
      name, make: DVAE.init(ofMeanWeights:image:), loop: Epochs.init, presets: Preset.denoising,
      refusing: KLWeight.keys.map(\.name)
    ) { _, _ in "less noise or more epochs" }
  }

  /// An IWAE trained for some epochs.
  static func noiseless(_ name: String) -> System {
    System(
      name, make: DVAE.init(withoutNoise:image:), loop: Epochs.init, presets: Preset.denoising,
      refusing: KLWeight.keys.map(\.name)
    ) { _, _ in "more epochs" }
  }

  let encoder: any Network  // [R, D] -> [R, H]
  let mean: Dense  // [R, H] -> [R, J]
  let logDeviation: Dense  // [R, H] -> [R, J]; log sigma
  let decoder: LikelihoodDecoder  // [R, J] -> p(x|z)
  let noise: NoiseLikelihood?
  let bound: ImportanceWeightedBound
  /// Corrupted inputs in one input of the encoder: one for each step of a GRU with `gru_corrupt`
  /// per_step, otherwise 1.
  private let inputsOfEncoder: Int
  private let startsAtMeanImage: Bool

  /// A DVAE of images of this shape.
  init(ofLogWeights settings: LogWeightSettings, image: ImageShape) throws {
    let c = settings.shared
    try self.init(
      c, image: image,
      bound: ImportanceWeightedBound(
        samples: c.samples, inputs: c.corruptions, average: .logWeights,
        analyticKL: c.kl != .samples, weight: settings.weight))
  }

  /// A DIWAE of images of this shape.
  init(ofMeanWeights settings: MeanWeightSettings, image: ImageShape) throws {
    let c = settings.shared
    try self.init(
      c, image: image,
      bound: ImportanceWeightedBound(
        samples: c.samples, inputs: c.corruptions,
        average: settings.outer == .inside ? .weights : .weightsOfEachInput, analyticKL: false))
  }

  /// An IWAE of images of this shape.
  init(withoutNoise settings: NoiselessSettings, image: ImageShape) throws {
    try self.init(ofMeanWeights: settings.weighted, image: image)
  }

  /// A model of images of this shape.
  private init(_ c: Settings, image: ImageShape, bound: ImportanceWeightedBound) throws {
    self.bound = bound
    let (layers, latent) = (c.network.layers, c.network.latent)
    let initialization = c.network.initialization.initialization
    let (pixels, widest) = (image.count, layers.hidden[layers.hidden.count - 1])
    switch c.inference {
    case .feedforward:
      encoder = Perceptron(
        [pixels] + layers.hidden, layers.activation, last: layers.activation,
        initialized: initialization)
      inputsOfEncoder = 1
    case .gru:
      let isPerStep = c.gruCorrupt == .perStep
      let input: GRU.Input =
        isPerStep
        ? .sequence(values: pixels)
        : c.gruInput == .chunks ? .chunks(values: pixels) : .repeated(values: pixels)
      encoder = GRU(input, units: widest, steps: c.gruSteps)
      inputsOfEncoder = isPerStep ? c.gruSteps : 1
    }
    mean = Dense(widest, latent, initialized: initialization)
    logDeviation = Dense(widest, latent, initialized: initialization)
    let sizes = [latent] + layers.decoderLayers + [pixels]
    decoder =
      c.likelihood.kind == .gaussian
      ? .gaussian(sizes, layers.activation, initialization)
      : .bernoulli(sizes, layers.activation, initialization)
    noise = try c.likelihood.throughNoise(image)
    phases = [
      Phase(
        "all",
        updates: ["encoder", "mean", "log_deviation", "decoder"]
          + (noise?.isLearned == true ? ["noise"] : []))
    ]
    startsAtMeanImage = c.outputBias == .meanImage
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] {
    [
      ("encoder", encoder), ("mean", mean), ("log_deviation", logDeviation), ("decoder", decoder),
    ] + (noise.map { $0.parameters.isEmpty ? [] : [("noise", $0)] } ?? [])
  }

  /// One phase updates all networks, and the level of noise where it is learned.
  public let phases: [Phase]

  /// -log p(x|z) in nats, [R]: of the decoder, or of noise around what it decodes.
  private func negativeLogLikelihood(of x: Variable, given z: Variable) -> Variable {
    noise?.negativeLogLikelihood(of: x, logits: decoder.logits(z))
      ?? decoder.negativeLogLikelihood(of: x, given: z)
  }

  /// q(z|x), [R, J] of R inputs.
  func posterior(_ x: Variable) -> LogScaleGaussian {
    let h = encoder(x)
    return LogScaleGaussian(mean: mean(h), logDeviation: logDeviation(h))
  }

  /// M corrupted inputs of each example, in consecutive rows.
  private func corruptedInputs(_ step: Step, _ count: Int) -> Variable {
    let x = step.corruptedRows(copies: count * inputsOfEncoder)
    guard inputsOfEncoder > 1 else { return x }
    return x.reshaped(
      Shape(x.shape.rows / inputsOfEncoder, inputsOfEncoder * x.shape.columns))
  }

  /// The negative bound by K samples of M inputs, [B]; terms in nats per example.
  public func loss(phase: Int, _ step: Step) -> Variable {
    noise?.report(to: step)
    return bound.negative(posterior(corruptedInputs(step, bound.inputs)), step) {
      negativeLogLikelihood(of: step.target, given: $0)
    }
  }

  /// The negative bound by K samples of one input, [B].
  public func negativeBound(_ step: Step, isCorrupted: Bool) -> Variable {
    let measured = ImportanceWeightedBound(
      samples: bound.samples, average: bound.average, analyticKL: bound.analyticKL)
    let x = isCorrupted ? corruptedInputs(step, 1) : step.target
    return measured.negative(posterior(x), step) {
      negativeLogLikelihood(of: step.target, given: $0)
    }
  }

  /// log w of draws from q(z|x), [B, count].
  public func logWeights(_ step: Step, count: Int, repetition: Int) -> Variable {
    ImportanceWeightedBound.logWeights(
      posterior(step.target), count: count, step, repetition: repetition
    ) {
      negativeLogLikelihood(of: step.target, given: $0)
    }
  }

  /// As set.
  public var warmUpEpochs: Int { bound.weight.warmUpEpochs }

  /// Whether the decoder is Gaussian, or the known noise has densities.
  public var isDensity: Bool { noise?.isDensity ?? decoder.isDensity }

  /// The decoder's last bias, if the settings start it at the logit of the mean image, between .001
  /// and .999; where the noise is known, at that of the clean mean image.
  public var meanImageParameters: [(Parameter, @Sendable (Float) -> Float)] {
    if let noise { return noise.meanImageParameters(decoder.outputBias) }
    guard startsAtMeanImage, let bias = decoder.outputBias else { return [] }
    return [(bias, Self.limitedLogit)]
  }

  @Sendable private static func limitedLogit(_ mean: Float) -> Float {
    let p = min(max(mean, 0.001), 0.999)
    return Float(log(Double(p) / (1 - Double(p))))
  }

  /// The latent dimensions, J.
  public var latent: Int { mean.bias.shape.count }

  /// Mean and log-variance of q(z|x), [B, J] each.
  public func encode(_ x: Variable) -> Code {
    let q = posterior(x)
    return Code(mean: q.mean, logVariance: q.logVariance)
  }

  /// The mean of p(x|z), [B, D]; where the noise is known, that of the clean image.
  public func decode(_ z: Variable) -> Variable {
    noise?.mean(logits: decoder.logits(z)) ?? decoder.mean(z)
  }

  /// As PyTorch computes it, where the decoder is no Gaussian.
  public var torchImages: String? { noise?.torchImages("decoder(z)") ?? "sigmoid(decoder(z))" }

  /// As PyTorch computes it, where the encoder takes one input.
  public var torchCode: String? { inputsOfEncoder == 1 ? "mean(encoder(x))" : nil }

  /// Codes from N(0, I), [B, J].
  public func prior(_ step: Step) -> Variable {
    step.normal(latent, step.purpose)
  }
}

extension DVAE: Restoring {
  /// Whether the noise is known.
  public var restores: Bool { noise != nil }

  /// The mean of the clean image given x and a code, [B, D].
  public func restored(_ x: Variable, _ z: Variable) -> Variable {
    noise?.restored(x, logits: decoder.logits(z)) ?? decode(z)
  }
}
