import Statistics
import Support

/// The accuracy of a support vector machine on codes, as the adversarial autoencoders' paper has it.
enum SupportVectorAccuracy: Metric {
  static let name = "svm"
  static let summary = "accuracy of a support vector machine (RBF, C = 1) on codes"
  static let needs: String? = "codes"
  static let unit = Measure.accuracy
  static let isOfWholeImages = true
  static let headline = ["codes"]
  static let isHigherBetter = true
  static let gamma = MetricOption(
    "gamma", "WORD", "of svm: auto (default, 1 / dimensions; D-37) or scale",
    .word(["auto", "scale"]))
  static let options = [MetricOption.fit, gamma]
  static let note: String? = accuracyNote

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    let gamma: SupportVectorMachine.Gamma =
      evaluation.options.metrics.text(gamma) == "scale" ? .scale : .auto
    return try evaluation.accuracies(name) { fit, labels, test in
      try SupportVectorMachine(fit, labels: labels, kernel: .radial(gamma)).predict(test)
    }
  }
}

/// What accuracies on codes are of.
let accuracyNote =
  "fitted on clean training images, measured on those of the held-out split (test, unless --split "
  + "names another); principal_components are as many of the pixels, majority the most frequent class"
