import Datasets
import Models
import Training

/// A model to try.
struct Candidate: Sendable {
  /// The preset that its settings come from, and what is changed in words.
  let preset: String, words: String
  /// What differs from the preset, but for the length of the run.
  let assignments: [String]
  /// The threshold t with which X - L becomes S; nil for a model without S.
  let threshold: Double?

  /// The preset with what is changed.
  var name: String { preset + (words.isEmpty ? "" : ", \(words)") }

  /// The same model with another threshold.
  func at(_ threshold: Double) -> Candidate {
    let kept = assignments.filter { !$0.hasPrefix("lambda=") && !$0.hasPrefix("threshold=") }
    return Candidate(
      preset: preset, words: words,
      assignments: kept + ["threshold=none", "lambda=\(threshold)"], threshold: threshold)
  }
}

/// A model tried on a sample of the images.
public struct Trial: Sendable {
  /// What was tried.
  let candidate: Candidate
  /// The preset that its settings come from, with what was changed in words.
  public var name: String { candidate.name }
  /// The threshold t with which X - L becomes S; nil for a model without S.
  public var threshold: Double? { candidate.threshold }
  /// The error by which it is ranked, of images that it was not trained on.
  public let error: Double
  /// The standard error of the difference of that to the best trial's; 0 for the best.
  public var uncertainty = 0.0
  /// Seconds of training and measuring, and steps of training.
  public let seconds: Double, steps: Int
  /// Whether its reconstructions are all alike: the network has learnt the mean image alone.
  public let isConstant: Bool
  /// The settings of the trial.
  let configuration: Configuration
  let images: [BlindSums]
}

/// What `cleave advise` finds.
public struct Advice: Sendable {
  /// How trials are ranked.
  public enum Criterion: Equatable, Sendable {
    /// X against L at pixels that are hidden (`HiddenPixels`).
    case hidden(HiddenPixels.Measure)
    /// X against what the model makes of it after damage was planted on it (`PlantedRepair`).
    case planted
  }

  /// The images' noise, as it looks.
  public let noise: NoiseEstimate
  /// Images trained on and judged by in each trial, and steps of a trial.
  public let trained: Int, judged: Int, steps: Int
  /// The middle of each image that was looked at; nil for whole images.
  public let middle: ImageShape?
  /// How trials are ranked.
  public let criterion: Criterion
  /// The trials, best first.
  public let trials: [Trial]
  /// The same error of a median.
  public let medianError: Double
  /// The settings to train all images with.
  public let configuration: Configuration
  /// The preset that they come from, and what differs from it.
  public let preset: String, assignments: [String]
  /// Estimated seconds of that run on as many ranks.
  public let seconds: Double
  /// What cannot be told, or should be known, a line each.
  public let doubts: [String]
}
