import Datasets

extension Advisor {
  private static let thresholds = [0.1, 0.2, 0.4, 0.65, 0.05]
  /// The preset of patches has a rule of its own, for which these are of use.
  private static let patchThresholds = [0.21, 0.3, 0.14]
  /// The same preset for noise of single pixels, and thresholds of use there.
  private static let pixelNoise = ["noise=none", "shrinkage=soft", "beta=0.1"]
  private static let pixelThresholds = [0.14, 0.1, 0.2]
  private static let patched = "photos"
  /// The families tried first, by the noise that images show: the table of docs/dirt.md.
  static let dirt: [NoiseEstimate.Kind: [String]] = [
    .flips: ["noise-vae", "outlier-vae"], .impulses: ["noise-vae", "outlier-vae"],
    .uniform: ["noise-vae", "outlier-vae"], .zeros: ["noise-vae"], .gaussian: ["noise-vae"],
  ]
  /// Patches need room: the sides of an image, at least.
  private static let leastPatched = 32

  /// The models to try, the most telling first, and whether they are judged by repair.
  ///
  /// Where no noise of single pixels is found, damage is of larger parts, if there is any. Hidden
  /// pixels judge L alone, and not what is taken for damage: planted damage does.
  func candidates(
    for sample: Sample, noise: NoiseEstimate
  ) -> (models: [Candidate], judgesRepair: Bool) {
    let shape = sample.images.shape
    let hasRoom = min(shape.height, shape.width) >= Self.leastPatched
    let judgesRepair = hasRoom && noise.kind == .none
    let patches = (judgesRepair ? Self.patchThresholds : Self.pixelThresholds).map {
      Candidate(
        preset: Self.patched, words: judgesRepair ? "" : "pixel noise",
        assignments: judgesRepair ? [] : Self.pixelNoise, threshold: nil
      ).at($0)
    }
    // The whole images of the middles cannot be trained on as wholes.
    if sample.middle != nil { return (patches, judgesRepair) }
    let isSmall = shape.count <= 16_384
    let divides = shape.height % 16 == 0 && shape.width % 16 == 0
    let robust = isSmall || !divides ? "mnist-rvae-beta" : "celeba-rvae-faces"
    var whole =
      known(noise, shape, as: isSmall || !divides ? "mnist" : "celeba")
      + Self.thresholds.map { split(robust, $0) }
    whole.append(
      Candidate(preset: robust, words: "no S", assignments: ["lambda=inf"], threshold: nil))
    if isSmall {
      whole.append(
        Candidate(
          preset: robust, words: "autoencoder (rda)", assignments: ["model=rda"], threshold: nil
        ).at(0.2))
      if divides { whole.append(split("celeba-rvae-faces", 0.2)) }
    }
    if !hasRoom { return (whole, judgesRepair) }
    // Three are tried in any case: two of patches, and one of whole images.
    let first = Array(patches.prefix(2)) + whole.prefix(1)
    return (first + Array(patches.dropFirst(2)) + Array(whole.dropFirst()), judgesRepair)
  }

  /// The models for the noise that was found: one that knows it, where its density is known, and one
  /// that takes its share of pixels for outliers.
  private func known(
    _ noise: NoiseEstimate, _ shape: ImageShape, as data: String
  ) -> [Candidate] {
    (Self.dirt[noise.kind] ?? []).compactMap { family in
      let preset = "\(data)-\(family)"
      if family == "outlier-vae" {
        let share = min(0.5, (noise.level * 100).rounded() / 100)
        return Candidate(
          preset: preset, words: "outliers", assignments: ["outlier_share=\(share)"],
          threshold: nil)
      }
      guard let spec = noise.spec, let known = try? KnownNoise(parsing: spec),
        (try? known.channel(of: shape)) != nil
      else { return nil }
      return Candidate(
        preset: preset, words: "knows \(spec)", assignments: ["known_noise=\(spec)"],
        threshold: nil)
    }
  }

  private func split(_ preset: String, _ threshold: Double) -> Candidate {
    Candidate(preset: preset, words: "", assignments: [], threshold: nil).at(threshold)
  }

  /// Thresholds on both sides of the best one.
  func refinements(of best: Trial, beside trials: [Trial]) -> [Candidate] {
    guard let threshold = best.threshold else { return [] }
    return [0.7, 1.4].map { (threshold * $0 * 1000).rounded() / 1000 }.filter { wanted in
      // Not what has been tried, or nearly.
      !trials.contains { trial in
        trial.name == best.name && trial.threshold.map { abs($0 / wanted - 1) < 0.2 } ?? false
      }
    }.map { best.candidate.at($0) }
  }
}
