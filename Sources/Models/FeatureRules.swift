import Datasets
import Tensors
import Training

extension ImageShape {
  /// What a decoder's last layer has: pixels lie in [0, 1], features anywhere.
  var output: Activation { isFeatures ? .identity : .sigmoid }
}

extension SystemCatalogue {
  /// The names of the systems that take features.
  static var namesForFeatures: [String] { systems.filter(\.takesFeatures).map(\.name) }
}

extension Configuration {
  /// Refuses a system and settings that are made for pixels.
  ///
  /// Features are numbers without limits and without neighbours. So nothing may take them for
  /// probabilities, for places of a picture, or for values to clip.
  ///
  /// - Throws: `ConfigurationError` that says which values fit.
  func checkFeatures() throws(ConfigurationError) {
    func refuse(_ key: String, _ found: String, _ expected: String) -> ConfigurationError {
      ConfigurationError(key: key, found: "\(found) with features", expected: expected)
    }
    guard system.takesFeatures else {
      throw refuse(
        "model", model,
        "one with a linear output: " + SystemCatalogue.namesForFeatures.joined(separator: ", "))
    }
    let read = Set(keysRead.map(\.name))
    func isRead(_ key: String) -> Bool { read.contains(key) }
    let term: ReconstructionSettings = self.read()
    if isRead("reconstruction_term"), term.isOfProbabilities {
      throw refuse(
        "reconstruction_term", term.term.rawValue,
        "mse, l2norm, student_t, laplace, or beta_divergence with divergence_decoder=gaussian: "
          + "features are no probabilities")
    }
    let layers: LayerSettings = self.read()
    if isRead("network"), layers.network != .mlp {
      throw refuse("network", layers.network.rawValue, "mlp: features have no neighbours")
    }
    let recycling: Recycling.Settings = self.read()
    if isRead("recycle_clip"), recycling.isClipped {
      throw refuse("recycle_clip", "true", "false: features have no limits")
    }
    let data = common.data
    for (key, noise) in [("noise", data.noise), ("static_noise", data.staticNoise)]
    where !noise.isForFeatures {
      throw refuse(key, noise.spec, Corruption.forFeatures)
    }
    if hasFirstStage {
      throw refuse(
        "first", firstStageSettings.stage, "nothing: the first of two stages is for images")
    }
    if data.binarize != .none { throw refuse("binarize", data.binarize.rawValue, "none") }
    if let side = data.patch {
      throw refuse("patch", "\(side)", "whole rows: features have no neighbours")
    }
  }
}
