import Datasets
import Evaluation

/// `cleave denoise`: writes clean images L and sparse parts S.
struct DenoiseCommand: ImagesCommand {
  static let name = "denoise"
  static let summary = "split images into a clean and a sparse part"
  static let details = """
    Writes /L (uint8) and /S (float32), [N, H, W, C], in the order of the input. For the rows the
    run was trained on, they are the run's own: S, and L = X - S - R of its last split. Others are
    split with frozen weights: L = D(E(X - S)) and S = shrink(X - L, t) are repeated until L rests.
    """
  static var options: [Option] { RunQuery.options + [Option.rounds] }

  let query: RunQuery

  func write(_ images: ImageSet, by outputs: Outputs) throws -> String? {
    try outputs.denoise(images, to: query.output, rounds: query.rounds).description
  }
}
