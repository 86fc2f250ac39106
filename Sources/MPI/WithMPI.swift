import CMPI
import Glibc
import Support

/// Runs `body` with a communicator of all ranks, and turns an error that escapes it into the end of
/// the job.
///
/// A process that no launcher started, or that was started as the only rank, gets a communicator of
/// size 1 and makes no MPI call at all. Otherwise MPI is initialized for one calling thread
/// (`MPI_Init_thread`, `MPI_THREAD_FUNNELED`) before `body` and finalized after it
/// (`MPI_Finalize`).
///
/// An escaping error is printed on standard error as `program: rank r (host): message`. Where every
/// rank threw it together (``AgreedError``), it is printed once, by rank 0, and all ranks end in
/// order with its exit status. Otherwise this rank ends the whole job with `MPI_Abort`.
///
/// **Collective.**
///
/// - Parameters:
///   - program: the name at the start of an error's line.
///   - status: the exit status for an error; ``exitStatus(of:)`` unless other modules'
///     errors need a mapping.
///   - body: the program. Nothing that belongs to the communicator may outlive it.
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

/// Writes one line to standard error in a single call, so that ranks do not mix theirs.
private func printError(_ message: String) {
  var line = message + "\n"
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
