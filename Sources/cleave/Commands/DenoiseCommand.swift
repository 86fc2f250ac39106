import Evaluation
import MPI
import Models
import Runs
import Training

/// `cleave denoise`: writes clean images L and sparse parts S.
struct DenoiseCommand: Subcommand {
  static let name = "denoise"
  static let summary = "split images into a clean and a sparse part"
  static let details = """
    Writes /L (uint8) and /S (float32), [N, H, W, C], in the order of the input. For the rows the \
    run was
    trained on, L = D(E(X - S)) with the S of the run; others are split once, L = D(E(X)).
    """
  static let operands = [Operand("RUN", "the directory of a run")]
  static let options = RunQuery.options

  private let query: RunQuery

  init(_ arguments: Arguments) throws {
    query = try RunQuery(arguments, endings: [".h5", ".hdf5"])
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try query.answer(on: world, console) { outputs, trained in
      try outputs.denoise(
        query.data.open(for: trained.configuration, on: world), to: query.output)
    }
  }
}
