import Training

/// What robust PCA reads; its model and its loop share it.
struct PursuitSettings: SettingsGroup {
  /// The algorithm.
  var solver = Solver.alm
  /// Weight of |S|_1; 0 stands for 1 / sqrt(max(N, D)).
  var sparseWeight = 0.0
  /// The residual at which the fit has converged; nil for the solver's own.
  var tolerance: Double?
  /// Singular values.
  var spectrum = SpectrumSettings()

  /// The algorithm.
  enum Solver: String, CaseIterable, Sendable {
    /// Inexact augmented Lagrange multipliers: mu grows by 1.5 from sweep to sweep.
    case alm
    /// ADMM with one mu for all sweeps.
    case admm
    /// That of the RVAE paper's authors: values of S up to 1e-6 cost nothing, and mu grows where L
    /// + S rests.
    case authors
  }

  /// The residual at which the fit has converged.
  var residualLimit: Double { tolerance ?? (solver == .authors ? 1e-5 : 1e-7) }

  /// Weight, algorithm, singular values.
  static let entries: [SettingsEntry<PursuitSettings>] = [
    .choice(
      "rpca_solver", \.solver,
      "alm, whose mu grows by 1.5 in each sweep; admm, whose mu stays; or that of the RVAE paper's "
        + "authors.",
      "4.6 (a): alm"
    ).fixed,
    .real(
      "rpca_lambda", \.sparseWeight, .notNegative,
      "Weight of the sum of |S|; 0 stands for 1 / sqrt(max(N, D)) of N images with D values.",
      "4.6: 0"
    ).fixed,
    .optionalReal(
      "rpca_tolerance", \.tolerance, .notNegative,
      absent: "1e-7, with the authors' solver 1e-5",
      "The fit ends where the norm of X - L - S over that of X is below it; floats reach some 3e-8.",
      "4.6"
    ).fixed,
    .group(\.spectrum),
  ]
}
