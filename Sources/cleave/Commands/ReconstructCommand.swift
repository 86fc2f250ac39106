import Evaluation
import MPI
import Models
import Runs
import Training

/// `cleave reconstruct`: writes reconstructions of images.
struct ReconstructCommand: Subcommand {
  static let name = "reconstruct"
  static let summary = "write what the model makes of images"
  static let details =
    "Writes /reconstructions (float32, [N, H, W, C]), or the first ones as a PNG grid."
  static let operands = [Operand("RUN", "the directory of a run")]
  static let options = RunQuery.options + PassesOption.options

  private let query: RunQuery

  init(_ arguments: Arguments) throws {
    query = try RunQuery(arguments, endings: [".h5", ".hdf5", ".png"])
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try query.answer(on: world, console) { outputs, trained in
      try outputs.reconstruct(
        query.data.open(for: trained.configuration, on: world), to: query.output)
    }
  }
}
