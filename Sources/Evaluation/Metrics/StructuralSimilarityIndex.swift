import Statistics
import Support
import Tensors

/// The structural similarity of each image to its clean one.
enum StructuralSimilarityIndex: Metric {
  static let name = "ssim"
  static let summary = "structural similarity to the clean images, mean over the images"
  static let options = [Evaluation.undo]
  static let needs: String? = "an encoder"
  static let unit = Measure.index
  static let isOfPixels = true
  static let isHigherBetter = true
  static let note: String? =
    "1 is equal; Wang et al. 2004 with a Gaussian window of 11 pixels, of each channel"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    let found = try evaluation.compare(
      evaluation.source.images, with: evaluation.source.wholeReference,
      isOfRun: evaluation.source.isOfRun
    ) { answer, clean, shape in
      let index = StructuralSimilarity(
        height: shape.height, width: shape.width, channels: shape.channels)
      let pixels = Shape(1, shape.count)
      return (try index.indices(of: Tensor(pixels, answer), to: Tensor(pixels, clean))[0], 1)
    }
    let isItself = try evaluation.world.agree { try evaluation.inputIsReference() }
    return found?.values(isItself: isItself) ?? []
  }
}
