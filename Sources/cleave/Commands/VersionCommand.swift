import MPI
import Support
import Tensors

/// `cleave version`: prints the version.
struct VersionCommand: Subcommand {
  static let name = "version"
  static let summary = "print the version of cleave"
  static let operands: [Operand] = []
  static let options = [Option.json]

  /// The printed line.
  static let text = "cleave \(Program.version)"

  private let isJSON: Bool

  init(_ arguments: Arguments) { isJSON = arguments.has("json") }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    if isJSON {
      console.result([
        "program": "cleave", "version": .string(Program.version),
        "mpi": .string(Communicator.libraryVersion), "blas": .string("\(BLAS.libraries)"),
      ])
      return 0
    }
    console.result("\(Self.text) (\(Communicator.libraryVersion), \(BLAS.libraries))")
    return 0
  }
}
