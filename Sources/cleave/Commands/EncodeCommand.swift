import Datasets
import Evaluation

/// `cleave encode`: writes the codes of images.
struct EncodeCommand: ImagesCommand {
  static let name = "encode"
  static let summary = "write the codes of images"
  static let details =
    "Writes /mean and, where the model has one, /log_variance: float32, [N, latent]."

  let query: RunQuery

  func write(_ images: ImageSet, by outputs: Outputs) throws -> [String] {
    try outputs.encode(images, to: query.output)
    return []
  }
}
