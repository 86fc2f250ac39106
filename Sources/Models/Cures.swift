import Training

/// Settings that help against a collapse, those alone that are not in effect yet.
struct Cures {
  private var words: [String] = []

  /// One that is always left: "more epochs".
  static func always(_ words: String) -> Cures { Cures().or(words) }

  /// One more, unless it is in effect.
  func or(_ cure: String, unless isInEffect: Bool = false) -> Cures {
    guard !isInEffect else { return self }
    var cures = self
    cures.words.append(cure)
    return cures
  }

  /// `a, b or c`.
  var text: String {
    guard let last = words.last else { return "other settings" }
    return words.count == 1
      ? last : words.dropLast().joined(separator: ", ") + " or " + last
  }
}

extension Cures {
  /// A lighter KL term.
  func orLighterKL(_ weight: KLWeight) -> Cures {
    or("beta below 1 (beta=0.3)", unless: weight.beta < 1)
  }

  /// Units that do not saturate, where the condition holds.
  func orReLU(_ layers: LayerSettings, if condition: Bool = true) -> Cures {
    or("activation=relu", unless: !condition || layers.activation == .relu)
  }
}
