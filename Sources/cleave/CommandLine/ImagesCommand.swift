import Datasets
import Evaluation
import MPI
import Models

/// A command that asks a run about images, and writes what the run's model makes of them.
///
/// Such a command says what it is called and what it writes; the way there is the same for all.
protocol ImagesCommand: Subcommand {
  /// The ends that the output's name may have.
  static var endings: [String] { get }
  /// Run, images and output.
  var query: RunQuery { get }

  /// A command that asks this.
  init(query: RunQuery)

  /// Writes what the model makes of the images. **Collective.**
  func write(_ images: ImageSet, by outputs: Outputs) throws
}

extension ImagesCommand {
  static var operands: [Operand] { [RunQuery.operand] }
  static var options: [Option] { RunQuery.options }
  static var endings: [String] { RunQuery.files }

  init(_ arguments: Arguments) throws {
    self.init(query: try RunQuery(arguments, endings: Self.endings))
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try query.answer(on: world, console) { outputs, trained in
      try write(query.data.open(for: trained.configuration, on: world), by: outputs)
    }
  }
}
