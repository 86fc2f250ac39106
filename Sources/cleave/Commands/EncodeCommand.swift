import Evaluation
import MPI
import Models
import Runs
import Training

/// `cleave encode`: writes the codes of images.
struct EncodeCommand: Subcommand {
  static let name = "encode"
  static let summary = "write the codes of images"
  static let details =
    "Writes /mean and, where the model has one, /log_variance: float32, [N, latent]."
  static let operands = [Operand("RUN", "the directory of a run")]
  static let options = RunQuery.options

  private let query: RunQuery

  init(_ arguments: Arguments) throws {
    query = try RunQuery(arguments, endings: [".h5", ".hdf5"])
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try query.answer(on: world, console) { outputs, trained in
      try outputs.encode(
        query.data.open(for: trained.configuration, on: world), to: query.output)
    }
  }
}
