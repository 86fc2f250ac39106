import Autodiff
import Datasets
import Foundation
import Layers
import Tensors
import Training

/// The distribution of images whose parameters a decoder gives.
public enum Likelihood: String, CaseIterable, Sendable {
  /// Bernoullis; of a VAE, what `reconstruction_term` says.
  case bernoulli
  /// Gaussians with deviations of their own.
  case gaussian
  /// Of clean pixels, seen through the known noise.
  case noise
}

/// What scores images, and the noise that it may know.
public struct LikelihoodSettings: SettingsGroup {
  /// The distribution.
  public var kind = Likelihood.bernoulli
  /// The noise of the images.
  public var noise = KnownNoise.none
  /// The scale of a clean pixel around its location, as a share of the range of pixels; infinite
  /// for pixels that are 0 or 1; nil for one by the noise.
  public var scale: Double?

  /// The defaults.
  public init() {}

  /// What `known_noise` is, in all models that read it.
  static let knownNoiseSummary =
    "The noise that images are known to have: for likelihood=noise, and for GANs, whose own images "
    + "suffer it before they are judged. A level is a number, auto, or LOW..HIGH to learn it."

  /// `likelihood`, `known_noise`, `clean_scale`.
  public static let entries: [SettingsEntry<LikelihoodSettings>] = [
    .choice(
      "likelihood", \.kind,
      "What a decoder gives: logits (a VAE's: reconstruction_term), means (sigmoid) and deviations "
        + "(softplus + 1e-4), or, with noise, logits of clean pixels, scored through known_noise.",
      "6.1 [C]"
    ).fixed,
    .knownNoise("known_noise", \.noise, knownNoiseSummary, "4.4, 6.8").fixed,
    .optionalReal(
      "clean_scale", \.scale, .widthOrInfinite,
      absent: "0.5, or inf where flips leave less than a third of a difference",
      "Scale of a clean pixel's logistic distribution, cut off at 0 and 1; inf for binary images.",
      "own, 6.8"
    ).fixed,
  ]

  /// Checks that noise is known only where it is used, and that its places are those of images.
  public func check(_ system: String, with common: CommonSettings) throws(ConfigurationError) {
    if kind == .noise, common.data.patch != nil, noise.isOfPlaces {
      throw ConfigurationError(
        key: "known_noise", found: "\(noise) with patch",
        expected: "whole images, whose pixels have places, or other noise")
    }
    guard kind != .noise, !noise.isNone else { return }
    throw ConfigurationError(
      key: "known_noise", found: "\(noise) with likelihood=\(kind.rawValue)",
      expected: "likelihood=noise, which scores images through their noise, or known_noise=none")
  }

  /// Settings that the likelihood does not read.
  public func unreached(_ system: String, epochs: Int) -> [String] {
    guard let scale else { return [] }
    if kind != .noise {
      return ["clean_scale=\(scale): likelihood=\(kind.rawValue) does not read it"]
    }
    return noise.isGaussian
      ? ["clean_scale=\(scale): a clean pixel under Gaussian noise has no scale"] : []
  }

  /// The likelihood through the noise; nil for another.
  ///
  /// - Throws: as `NoiseLikelihood`.
  func throughNoise(_ image: ImageShape) throws(ConfigurationError) -> NoiseLikelihood? {
    kind == .noise ? try NoiseLikelihood(self, image: image) : nil
  }
}

/// p(x|z) of noisy images x: a decoder's logits tell of clean pixels, and a channel of what the
/// noise makes of them.
///
/// So the decoder's images are clean. It is the noise model of DivNoising (Prakash et al., ICLR
/// 2021), with pixels that are replaced. Shapes: R codes, D pixels.
struct NoiseLikelihood: Module {
  /// What a clean pixel is.
  let pixel: CleanPixel
  private let channel: NoiseChannel
  private let bounds: ClosedRange<Double>?
  /// The logit of the level within its bounds, where it is learned.
  private let level: Parameter?
  /// The mean training image, [D], where the noise is drawn from it, or dead pixels are seen in it.
  private let meanImage: Parameter?
  private let image: ImageShape
  private var dimensions: Int { image.count }
  /// What the channel makes of 0 and 1 in the mean: offset, offset + gain.
  private let meanLine: (offset: Double, gain: Double)

  /// The likelihood of images of a shape.
  ///
  /// - Throws: `ConfigurationError` for noise without a density, and for a level that is not known
  ///   yet.
  init(_ settings: LikelihoodSettings, image: ImageShape) throws(ConfigurationError) {
    if image.isFeatures {
      throw ConfigurationError(
        key: "likelihood", found: "noise for features",
        expected: "images, whose pixels lie in 0...1")
    }
    do throws(DatasetError) {
      channel = try settings.noise.channel(of: image)
    } catch {
      guard case .specification(let found, let expected) = error else {
        preconditionFailure("\(error)")
      }
      throw ConfigurationError(key: "known_noise", found: found, expected: expected)
    }
    bounds = settings.noise.bounds
    self.image = image
    meanLine = channel.meanLine(level: bounds.map { ($0.lowerBound + $0.upperBound) / 2 })
    level = bounds == nil ? nil : Parameter(Shape(1), .zeros)
    meanImage =
      channel.isOfMeanImage || channel.isOfDeadPixels ? Parameter(Shape(image.count), .zeros) : nil
    guard channel.deviation == 0 else {
      pixel = .gaussian(deviation: Float(channel.deviation), isClipped: channel.isClipped)
      return
    }
    // Grey pixels are clean for certain. Where 0 and 1 say little, they alone would say where a
    // pixel lies, and dark and bright sides are mistaken for each other.
    let saysLittle = channel.flip > 0 && abs(meanLine.gain) < 1.0 / 3
    let scale = settings.scale ?? (saysLittle ? .infinity : 0.5)
    pixel = scale.isInfinite ? .bernoulli : .logistic(h: Float(0.5 / scale))
  }

  var parameters: [(String, Parameter)] {
    (level.map { [("level", $0)] } ?? []) + (meanImage.map { [("mean_image", $0)] } ?? [])
  }

  /// What starts at the mean training image: the mean image of such noise, and the last bias of a
  /// decoder, [D], at the logit of the clean mean.
  ///
  /// Between dark and bright, the likelihood of a pixel of frequent noise is lowest: a background
  /// that begins there may end on the wrong side.
  ///
  /// - Parameter bias: one value a pixel; others, as those of convolutions, start as they would.
  func meanImageParameters(
    _ bias: Parameter?
  ) -> [(Parameter, @Sendable (Float) -> Float)] {
    let same: @Sendable (Float) -> Float = { $0 }
    let (offset, gain) = meanLine
    let logit: @Sendable (Float) -> Float = { mean in
      let clean = min(max((Double(mean) - offset) / gain, 0.02), 0.98)
      return Float(log(clean / (1 - clean)))
    }
    let known = meanImage.map { [($0, same)] } ?? []
    guard let bias, bias.shape.count == dimensions, gain > 0.05 else { return known }
    return known + [(bias, logit)]
  }

  /// Whether training changes it.
  var isLearned: Bool { level != nil }

  /// Whether p(x|z) has densities, not only chances.
  var isDensity: Bool { pixel != .bernoulli }

  /// The clean pixel by the logit of a network, as PyTorch computes it from `logits`.
  func torchImages(_ logits: String) -> String {
    guard case .logistic(let h) = pixel else { return "sigmoid(\(logits))" }
    return "(softplus(\(logits) + \(h)) - softplus(\(logits) - \(h))) / \(2 * h)"
  }

  /// -log p(x|z) in nats, [R], of logits [R, D].
  func negativeLogLikelihood(of x: Variable, logits: Variable) -> Variable {
    logits.noisyNegativeLogLikelihood(
      of: x, as: pixel, chances: chances(logits.tape), level: factor(logits.tape))
  }

  /// Reports the level, where it is learned.
  func report(to step: Step) {
    guard isLearned else { return }
    step.report(
      .other("noise_level"), sum: Double(factor(step.tape).pointer[0]) * Double(step.rows.count))
  }

  /// The mean of the clean image, [R, D].
  func mean(logits: Variable) -> Variable { logits.cleanMean(as: pixel) }

  /// The mean of the clean image given the noisy one, too, [R, D].
  func restored(_ x: Variable, logits: Variable) -> Variable {
    logits.restored(
      from: x, as: pixel, chances: chances(logits.tape), level: factor(logits.tape))
  }

  /// The level: 1, or what has been learned, [1].
  private func factor(_ tape: Tape) -> Variable {
    guard let level, let bounds else {
      let one = tape.constant(Shape(1))
      one.pointer[0] = 1
      return one
    }
    let share = tape.leaf(level).activated(.sigmoid)
    let low = tape.constant(Shape(1))
    low.pointer[0] = Float(bounds.lowerBound)
    return Float(bounds.upperBound - bounds.lowerBound) * share + low
  }

  /// Whether a pixel is 0 in all training images, but most of its neighbours of the same channel
  /// are not: a background is no sensor's fault.
  private func isDead(_ pixel: Int, _ mean: Parameter) -> Bool {
    guard mean.value[pixel] == 0 else { return false }
    let (channels, width) = (image.channels, image.width)
    let (y, x) = (pixel / channels / width, pixel / channels % width)
    var (alive, all) = (0, 0)
    for row in max(0, y - 1)...min(image.height - 1, y + 1) {
      for column in max(0, x - 1)...min(width - 1, x + 1) where (row, column) != (y, x) {
        all += 1
        if mean.value[(row * width + column) * channels + pixel % channels] > 0 { alive += 1 }
      }
    }
    return 2 * alive > all
  }

  /// The chances of each pixel, [4, D].
  private func chances(_ tape: Tape) -> Variable {
    let chances = tape.constant(Shape(4, dimensions))
    let p = chances.pointer
    for (row, chance) in [channel.flip, channel.zero, channel.one, channel.uniform].enumerated() {
      (p + row * dimensions).update(repeating: Float(chance), count: dimensions)
    }
    if let meanImage {
      for j in 0..<dimensions {
        let m = meanImage.value[j]
        if channel.isOfDeadPixels {
          p[dimensions + j] = isDead(j, meanImage) ? 1 : 0
          continue
        }
        p[dimensions + j] = m * (1 - m)
        p[2 * dimensions + j] = m * m
      }
    }
    return chances
  }
}
