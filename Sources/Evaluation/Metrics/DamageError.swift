import Datasets
import Report
import Support
import Training

/// The error of what a model makes of clean images that are damaged on purpose, by kind and amount.
///
/// docs/systems.md, 8.6. The images are new to the model as they are damaged, so a robust model
/// splits them with frozen weights.
enum DamageError: Metric {
  static let name = "damage"
  static let summary = "mean squared error of clean images damaged by each noise of --damage"
  static let needs: String? = "an encoder"
  static let unit = Measure.squaredError
  static let isOfPixels = true
  static let damage = MetricOption(
    "damage", "SPECS", "noises, as corrupt has them (default \(usual))", .text)
  static let options = [damage]
  private static let usual = "salt-pepper:0.1,salt-pepper:0.25,salt-pepper:0.4"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    let noises = try evaluation.world.agree { try Self.noises(evaluation) }
    return try noises.flatMap { noise in
      try evaluation.errors(damagedBy: noise).map {
        MetricValue("\(noise.spec) \($0.of)", $0.value, standardError: $0.standardError)
      }
    }
  }

  static let hasPlot = true

  /// The error over the amount of each kind, of the model and of the simplest alternatives.
  static func plot(_ evaluation: Evaluation) throws -> Plot? {
    let noises = try Self.noises(evaluation)
    var lines: [(name: String, points: [(Double, Double)])] = []
    for noise in noises {
      let parts = noise.spec.split(separator: ":")
      let amount = parts.last.flatMap { Double($0) } ?? 0
      for value in try evaluation.errors(damagedBy: noise) where shown.contains(value.of) {
        let name = "\(value.of), \(parts[0])"
        let place = lines.firstIndex { $0.name == name } ?? lines.count
        if place == lines.count { lines.append((name, [])) }
        lines[place].points.append((amount, value.value))
      }
    }
    return Plot(
      title: "Error by the amount of damage",
      subtitle: "\(Quantity.count(evaluation.source.count, "clean image")) damaged on purpose",
      x: Plot.Axis("amount"), y: Plot.Axis("mean squared error"),
      marks: .lines(
        lines.map { line in
          let points = line.points.sorted { $0.0 < $1.0 }
          return Plot.Points(line.name, x: points.map(\.0), y: points.map(\.1))
        }))
  }

  private static let shown = ["X", "median_5x5", "reconstruction", "L"]

  /// - Throws: `ConfigurationError` for a SPEC of no noise.
  private static func noises(_ evaluation: Evaluation) throws -> [Corruption] {
    let text = evaluation.options.metrics.text(damage) ?? usual
    return try text.split(separator: ",").map { spec in
      do { return try Corruption(parsing: String(spec)) } catch {
        throw ConfigurationError("--damage: \(error)")
      }
    }
  }
}

extension Evaluation {
  /// The errors of clean images with some noise; images of mixed sizes are refused.
  ///
  /// **Collective.**
  fileprivate func errors(damagedBy noise: Corruption) throws -> [MetricValue] {
    try once("errors of \(noise.spec)") {
      let clean = source.wholeReference
      try world.agree {
        guard clean.isMixed else { return }
        throw ConfigurationError(
          "--metrics: found damage for images of mixed sizes, expected images of one size; "
            + "planted plants damage on any")
      }
      let settings = trained.configuration.common
      let images = try world.agree {
        let noise =
          noise.needsMeanImage
          ? noise.knowing(meanImage: clean.meanImage(of: 0..<source.count)) : noise
        return try trained.binary(
          clean.corrupted(by: noise, seed: settings.lanes.seed, rows: 0..<source.count)
            .rows(by: settings.data))
      }
      return try squaredErrors(of: images, to: clean, isOfRun: false, isItself: false)
    }
  }
}
