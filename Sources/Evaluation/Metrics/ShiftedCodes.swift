import Datasets
import Layers
import Report
import Statistics
import Support
import Tensors
import Training

/// How much codes turn when images are shifted (docs/systems.md, 8.12).
enum ShiftedCodes: Metric {
  static let name = "shift"
  static let summary = "mean cosine of codes of shifted images to those of the images"
  static let needs: String? = "codes"
  static let unit = Measure.index
  static let isOfPixels = true
  static let isHigherBetter = true
  static let headline = ["mean"]
  static let shifts = MetricOption(
    "shifts", "LIST", "pixels to the right, such as -4,4 (default: to half of a side, 16 steps)",
    .text)
  static let options = [shifts]
  static let note: String? =
    "pixels that come in are 0; pixels: the same of the images themselves"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    guard let found = try evaluation.shiftCosines() else { return [] }
    let n = Double(found.count)
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / n }
    return [
      MetricValue("mean", mean(found.map { $0.codes.mean ?? .nan })),
      MetricValue("mean pixels", mean(found.map { $0.pixels.mean ?? .nan })),
    ]
      + found.flatMap { shift in
        [("", shift.codes), (" pixels", shift.pixels)].map { suffix, moments in
          MetricValue(
            (shift.by > 0 ? "+" : "") + "\(shift.by)" + suffix, moments.mean ?? .nan,
            standardError: moments.standardError)
        }
      }
  }

  static let hasPlot = true

  static func plot(_ evaluation: Evaluation) throws -> Plot? {
    guard let found = try evaluation.shiftCosines() else { return nil }
    func line(_ name: String, _ of: (ShiftCosines) -> SampleMoments) -> Plot.Points {
      let points = (found.map { (Double($0.by), of($0).mean ?? .nan) } + [(0, 1)]).sorted {
        $0.0 < $1.0
      }
      return Plot.Points(name, x: points.map(\.0), y: points.map(\.1))
    }
    return Plot(
      title: "Codes of shifted images",
      subtitle: "\(evaluation.trained.runName), "
        + Quantity.count(evaluation.source.rows, "image"),
      x: Plot.Axis("shift to the right", unit: "pixels"), y: Plot.Axis("mean cosine"),
      marks: .lines([line("codes") { $0.codes }, line("pixels") { $0.pixels }]))
  }

  /// The shifts that were asked for.
  ///
  /// - Throws: `ConfigurationError` for text that is no list of integers.
  fileprivate static func shifts(_ evaluation: Evaluation) throws -> [Int] {
    let width = evaluation.source.images.shape.width
    guard width > 1 else {
      throw ConfigurationError(
        "--metrics: found shift for images 1 pixel wide, expected images that can be shifted")
    }
    guard let text = evaluation.options.metrics.text(shifts) else {
      let step = max(1, width / 16)
      return stride(from: -width / 2, through: width / 2, by: step).filter { $0 != 0 }
    }
    let found = try text.split(separator: ",").map { word in
      guard let shift = Int(word), abs(shift) < width else {
        throw ConfigurationError(
          "--shifts: found \(word), expected integers of less than \(width), the width of an image")
      }
      return shift
    }
    return Set(found).sorted()
  }
}

/// Cosines of codes and of pixels at one shift.
private struct ShiftCosines {
  let by: Int
  var codes = SampleMoments(), pixels = SampleMoments()
}

extension Evaluation {
  /// **Collective.**
  fileprivate func shiftCosines() throws -> [ShiftCosines]? {
    guard hasCodes, let model = trained.model as? any Encoding else { return nil }
    try requireOneStage(ShiftedCodes.name)
    return try once("shifts") {
      let shifts = try world.agree { try ShiftedCodes.shifts(self) }
      let (images, shape) = (source.images, source.images.shape)
      let step = Step(seed: trained.configuration.common.lanes.seed)
      func codes(_ rows: Range<Int>, _ pixels: Tensor) -> Tensor {
        rows.map(Int32.init).withUnsafeBufferPointer { batch in
          step.begin(rows: batch, dimensions: shape.count, purpose: .evaluation, time: 0) {
            $0.update(from: pixels.pointer, count: pixels.count)
          }
        }
        let code = model.encode(step.target).mean
        return Tensor(Shape(rows.count, code.shape.columns), code.values)
      }
      var found = shifts.map { ShiftCosines(by: $0) }
      let sums = try RowBlocks(rows: source.rows, of: shape, on: world).sum(6 * shifts.count) {
        rows in
        let x = Tensor(
          Shape(rows.count, shape.height, shape.width, shape.channels), images.values(rows))
        let (flat, own) = (x.reshaped(Shape(rows.count, shape.count)), codes(rows, x))
        return try shifts.flatMap { shift -> [Double] in
          let moved = ShiftRobustness.shifted(x, down: 0, right: shift)
          var (ofCodes, ofPixels) = (SampleMoments(), SampleMoments())
          ofCodes.add(try ShiftRobustness.cosines(of: codes(rows, moved), to: own))
          ofPixels.add(
            try ShiftRobustness.cosines(
              of: moved.reshaped(Shape(rows.count, shape.count)), to: flat))
          return ofCodes.sums + ofPixels.sums
        }
      }
      for i in found.indices {
        found[i].codes.sums = Array(sums[6 * i..<6 * i + 3])
        found[i].pixels.sums = Array(sums[6 * i + 3..<6 * i + 6])
      }
      return found
    }
  }
}
