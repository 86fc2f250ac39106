import Datasets
import Layers
import Report
import Statistics
import Support
import Tensors

/// How far new images are from the nearest training image, beside how far training images are from
/// the nearest other one (docs/systems.md, 8.10).
///
/// A model that copies has distances near 0. A model that misses the data has distances far above
/// those of the training images.
enum NeighbourDistance: Metric {
  static let name = "diversity"
  static let summary = "distance of new images to the nearest training image (Euclidean, pixels)"
  static let needs: String? = "a prior"
  static let unit = Measure.distance
  static let isOfWholeImages = true
  static let headline = ["samples"]
  static let options = [MetricOption.generated]
  static let note: String? =
    "training: the same of training images and the nearest other one, of the training split whatever "
    + "--split says; all are clean images where those are known; copies, with distance 0, are counted"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    guard let found = try evaluation.neighbourDistances() else { return [] }
    return found.map { name, distances in
      let moments = SampleMoments(distances)
      return MetricValue(name, moments.mean ?? .nan, standardError: moments.standardError)
    }
  }

  static func details(_ evaluation: Evaluation) throws -> [(name: String, value: Double)] {
    let samples = try evaluation.neighbourDistances()?.first { $0.name == "samples" }
    return samples.map { [("copies", Double($0.distances.count { $0 == 0 }))] } ?? []
  }

  static func unit(ofDetail name: String) -> Measure { name == "copies" ? .count : unit }

  static let hasPlot = true

  static func plot(_ evaluation: Evaluation) throws -> Plot? {
    guard let found = try evaluation.neighbourDistances() else { return nil }
    return Plot(
      title: "Distance to the nearest training image",
      subtitle: "\(evaluation.trained.runName), "
        + found.map { "\(Quantity.grouped($0.distances.count)) \($0.name)" }.joined(separator: ", "),
      x: Plot.Axis("Euclidean distance of pixels in 0...1"), y: Plot.Axis("share of images"),
      marks: .histogram(
        found.map { Plot.Series($0.name, $0.distances) }, bins: 100, heights: .shares))
  }
}

extension Evaluation {
  /// Floats of training images that lie in memory at once.
  private static let referenceFloats = 1 << 26

  /// The distances of new and of training images, the same on all ranks; nil for a model without a
  /// prior.
  ///
  /// **Collective.**
  fileprivate func neighbourDistances() throws -> [(name: String, distances: [Double])]? {
    try once("neighbour distances") {
      guard let generated = try generated(generatedCount) else { return nil }
      // The images trained on, whichever split is measured.
      let (training, count) = try world.agree {
        if source.isOfRun {
          return (source.wholeReference, try Source.extent(trained, data).count)
        }
        let images = try required(.train, for: NeighbourDistance.name)
        return (images, images.count)
      }
      let d = training.shape.count
      let reference = min(count, generated.shape.rows)
      // Parts of equal size, as many as their memory demands.
      let pieces = (count * d + Self.referenceFloats - 1) / Self.referenceFloats
      let parts = (0..<pieces).map { $0 * count / pieces..<($0 + 1) * count / pieces }
      let own = Tensor(Shape(reference, d), training.values(0..<reference))
      var found = [[Double]](repeating: [], count: 2)
      for (place, queries) in [generated, own].enumerated() {
        let nearest = try rows(queries.shape.rows, width: 1, of: training.shape) { block in
          var best = [Double](repeating: .infinity, count: block.count)
          for part in parts {
            let neighbours = try NearestNeighbours(
              of: Tensor(Shape(part.count, d), training.values(part)))
            // A training image is no neighbour of itself.
            let distances = try neighbours.nearest(
              to: queries.rows(block),
              excludingFrom: place == 1 ? block.lowerBound - part.lowerBound : nil
            ).distances
            for (i, distance) in distances.enumerated() { best[i] = min(best[i], distance) }
          }
          return best.map { Float($0) }
        }
        found[place] = nearest.values.map { Double($0) }
      }
      return [("samples", found[0]), ("training", found[1])]
    }
  }
}
