/// What helped against a collapse, by the kind of model: found by trial (expected-mnist, expected-recycling).
extension Configuration {
  /// What helps a model with these settings: stands before "help".
  func cure(of warning: CollapseWarning) -> String {
    switch (warning, model) {
    case (.discriminatorWon, _) where generatorLoss == .saturating:
      "generator_loss=non_saturating"
    case (.discriminatorWon, "gan"): "more dropout or a smaller learning_rate"
    case (.constantOutput, "gan"), (.constantOutput, "dcgan"):
      "a smaller learning_rate or more epochs"
    case (.constantOutput, "ae"), (.constantOutput, "dae"): "activation=relu or more epochs"
    case (.discriminatorWon, _): "a smaller learning_rate"
    case (.constantOutput, "aae"), (.constantOutput, "daae"), (.constantOutput, "idaae"):
      "a smaller learning_rate or more epochs"
    case (_, _) where Self.recyclingModels.contains(model): recyclingCure
    case (_, Self.affineEM): "floor_decay=0.95 with epochs=300"
    case (.posteriorCollapse, "rvae"):
      "more inner epochs before the first split, beta below 1 (beta=0.3) or activation=relu"
    case (.constantOutput, "rvae"):
      "more inner epochs before the first split or beta below 1 (beta=0.3)"
    case (_, "rda"): "more inner epochs before the first split or activation=relu"
    case (_, "iwae"): "more epochs"
    case (_, "diwae"): "less noise or more epochs"
    case (.posteriorCollapse, _): "beta below 1 (beta=0.3) or activation=relu"
    case (.constantOutput, _): "beta below 1 (beta=0.3) or more epochs"
    }
  }
}
