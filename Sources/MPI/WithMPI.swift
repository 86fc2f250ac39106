import CMPI
import Glibc
import Support

/// Runs `body` with a communicator of all ranks; an error that escapes `body` ends the job.
///
/// Without a launcher, or with one rank, the communicator has size 1 and makes no MPI call.
/// Otherwise MPI is initialized before `body` for one calling thread (`MPI_Init_thread`,
/// `MPI_THREAD_FUNNELED`). After `body` it is finalized (`MPI_Finalize`).
///
/// An escaping error is printed on standard error as `program: rank r (host): message`. If every
/// rank threw it together (``AgreedError``), only rank 0 prints it. All ranks then end in order
/// with its exit status. Otherwise this rank ends the whole job with `MPI_Abort`.
///
/// **Collective.**
///
/// - Parameters:
///   - program: the name at the start of an error's line.
///   - status: the exit status of an error. The default is ``exitStatus(of:)``; give a mapping for
///     errors of other modules.
///   - body: the program. Nothing that belongs to the communicator may live after it.
public func withMPI<Result>(
  program: String = "cleave", status: @escaping (any Error) -> Int32 = exitStatus(of:),
  _ body: (Communicator) throws -> Result
) -> Result {
  if let tasks = Launch.unconnectedTasks {
    let error = LaunchError(
      description:
        "srun started \(tasks) tasks without connecting them; use srun --mpi=pmix, or mpirun")
    printError("\(program): \(error)")
    exit(error.exitStatus)
  }
  LauncherWatch.start()
  guard Launch.isParallel, Launch.announcedSize != 1 else {
    do {
      return try body(Communicator.alone(exitStatus: status))
    } catch {
      printError("\(program): \(error)")
      exit(status(error))
    }
  }
  return runRank(program: program, status: status, body)
}

/// `withMPI` on one of several ranks.
private func runRank<Result>(
  program: String, status: @escaping (any Error) -> Int32, _ body: (Communicator) throws -> Result
) -> Result {
  let environment = MPIEnvironment()
  do {
    let result = try body(environment.start(exitStatus: status))
    try environment.end()
    return result
  } catch let error as AgreedError where error.rankCount == environment.size {
    if environment.rank == 0 { printError("\(program): \(error)") }
    do {
      try environment.end()
    } catch {
      printError("\(program): rank \(environment.rank) (\(Launch.hostName)): \(error)")
    }
    exit(error.exitStatus)
  } catch {
    printError("\(program): rank \(environment.rank) (\(Launch.hostName)): \(error)")
    environment.abort(status: status(error))
  }
}

/// Writes one line to standard error in a single call, so lines of ranks do not mix.
///
/// Messages may hold names from files: what could steer a terminal is replaced.
func printError(_ message: String) {
  var line = message.printable + "\n"
  line.withUTF8 { bytes in
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = write(
        2, UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: rest)).baseAddress, rest.count)
      guard written > 0 else { return }
      rest = rest.dropFirst(written)
    }
  }
}
