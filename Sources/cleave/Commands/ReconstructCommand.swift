import Datasets
import Evaluation

/// `cleave reconstruct`: writes reconstructions of images.
struct ReconstructCommand: ImagesCommand {
  static let name = "reconstruct"
  static let summary = "write what the model makes of images"
  static let details =
    "Writes /reconstructions (float32, [N, H, W, C]), or the first ones as a PNG grid."
  static let options = RunQuery.options + PassesOption.options
  static let endings = RunQuery.files + RunQuery.pictures

  let query: RunQuery

  func write(_ images: ImageSet, by outputs: Outputs) throws -> [String] {
    try outputs.reconstruct(images, to: query.output)
    return []
  }
}
