import MPI
import Support
import Tensors

/// `cleave version`: prints the version.
struct VersionCommand: Subcommand {
  static let name = "version"
  static let summary = "print the version of cleave"
  static let operands: [Operand] = []
  static let options: [Option] = []

  /// The printed line.
  static let text = "cleave \(Program.version)"

  init(_ arguments: Arguments) {}

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    console.result("\(Self.text) (\(Communicator.libraryVersion), \(BLAS.libraries))")
    return 0
  }
}
