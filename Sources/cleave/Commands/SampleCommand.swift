import Evaluation
import MPI
import Models
import Training

/// `cleave sample`.
struct SampleCommand: Subcommand {
  static let name = "sample"
  static let summary = "draw new images"
  static let details = "Writes /samples (float32, [N, H, W, C]), or the first ones as a PNG grid."
  static let operands = [Operand("RUN", "the directory of a run")]
  static let options =
    [
      Option.value("count", "N", "how many (default 100)"),
      Option.value("seed", "K", "another K draws other images (default 595)"), Option.out,
      Option.force,
    ] + PassesOption.options

  private let query: RunQuery
  private let count: Int
  private let seed: UInt64

  init(_ arguments: Arguments) throws {
    query = try RunQuery(arguments, endings: [".h5", ".hdf5", ".png"])
    count = try arguments.integer("count", in: 1...100_000_000) ?? 100
    seed = try arguments.seed()
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try query.answer(on: world, console) { outputs, _ in
      try outputs.sample(count, seed: seed, to: query.output)
    }
  }
}
