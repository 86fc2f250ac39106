import Datasets
import Evaluation

/// `cleave encode`: writes the codes of images.
struct EncodeCommand: ImagesCommand {
  static let name = "encode"
  static let summary = "write the codes of images"
  static let details = """
    Writes /mean and, where the model has one, /log_variance: float32, [N, latent]. A model of patches
    has a code for each patch: those of an image follow each other, row by row.
    """

  let query: RunQuery

  func write(_ images: ImageSet, by outputs: Outputs) throws -> [String] {
    try outputs.encode(images, to: query.output)
    guard let patches = try outputs.extent(of: images).patches else { return [] }
    return [
      "a row of codes is a patch, with the name and label of its image: \(images.extent(of: patches)), in their order"
    ]
  }
}
