import Foundation
import MPI

// One line a rank on its way: words to a command, the BLAS kernel while the process may still be exchanged, then
// MPI and the work. Nothing is printed before MPI is up, so that only rank 0 speaks.
let invocation = Invocation(Array(CommandLine.arguments.dropFirst()))

let status = withMPI(program: invocation.program, status: Failure.status(of:)) { world in
  let console = Console(isRoot: world.isRoot, isQuiet: invocation.isQuiet)
  switch try world.agree({ try invocation.action.get() }) {
  case .text(let text):
    console.result(text)
    return Int32(0)
  case .command(let command):
    defer { console.closeLine() }
    return try command.run(on: world, console)
  }
}
exit(status)
