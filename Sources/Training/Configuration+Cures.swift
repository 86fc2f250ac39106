/// What helped against a collapse, by the kind of model: found by trial (expected-mnist, expected-recycling).
extension Configuration {
  /// What helps a model with these settings: stands before "help".
  func cure(of warning: CollapseWarning) -> String {
    switch (warning, model) {
    case (.discriminatorWon, "gan"): "more dropout or a smaller learning_rate"
    case (.constantOutput, "gan"), (.constantOutput, "dcgan"):
      "a smaller learning_rate or more epochs"
    case (.constantOutput, "ae"), (.constantOutput, "dae"): "activation=relu or more epochs"
    case (.discriminatorWon, _): "generator_loss=non_saturating or a smaller learning_rate"
    case (_, _) where Self.recyclingModels.contains(model): recyclingCure
    case (_, Self.affineEM): "floor_decay=0.95 with epochs=300"
    case (.posteriorCollapse, _):
      "more inner epochs before the first split, beta below 1 (beta=0.3) or activation=relu"
    case (.constantOutput, _):
      "more inner epochs before the first split or beta below 1 (beta=0.3)"
    }
  }
}
