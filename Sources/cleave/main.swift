import Datasets
import MPI
import Tensors

// Each rank parses the words and sets the BLAS kernel while its process may still be exchanged.
// Then it starts MPI and the work. Nothing is printed before MPI starts, so that only rank 0
// prints.
Storage.returnLargeBlocks()
let invocation = Invocation(Array(CommandLine.arguments.dropFirst()))

withMPI(program: invocation.program, status: Failure.status(of:)) { world in
  MappedFiles.speak(
    as: invocation.program + (world.size > 1 ? ": rank \(world.rank) (\(world.hostName))" : ""),
    rank: world.rank)
  let console = Console(isRoot: world.isRoot, isQuiet: invocation.isQuiet)
  switch try world.agree({ try invocation.action.get() }) {
  case .text(let text):
    console.result(text)
    try world.agree { try console.finish() }
    return 0
  case .command(let command):
    defer { console.closeLine() }
    let status = try command.run(on: world, console)
    try world.agree { try console.finish() }
    return status
  }
}
