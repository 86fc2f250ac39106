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
/// Ranks that do not come together within a minute end, with the reason. Ranks that were started
/// with different words are refused.
///
/// **Collective.**
///
/// - Parameters:
///   - program: the name at the start of an error's line.
///   - status: the exit status of an error. The default is ``exitStatus(of:)``; give a mapping for
///     errors of other modules.
///   - body: the program; it returns the exit status of the process. Nothing that belongs to the
///     communicator may live after it.
public func withMPI(
  program: String = "cleave", status: @escaping (any Error) -> Int32 = exitStatus(of:),
  _ body: (Communicator) throws -> Int32
) -> Never {
  StandardStreams.prepare()
  if let tasks = Launch.unconnectedTasks {
    let error = LaunchError(
      description:
        "srun started \(tasks) tasks without connecting them; use srun --mpi=pmix, or mpirun")
    printError("\(program): \(error)")
    exit(error.exitStatus)
  }
  LauncherWatch.start()
  guard Launch.isParallel, Launch.announcedSize != 1 else {
    LauncherStatus.agree(isHeard: LauncherStatus.open(isRoot: true))
    do {
      exit(LauncherStatus.told(try body(Communicator.alone(exitStatus: status)), isRoot: true))
    } catch {
      printError("\(program): \(error)")
      exit(LauncherStatus.told(status(error), isRoot: true))
    }
  }
  runRank(program: program, status: status, body)
}

/// `withMPI` on one of several ranks.
private func runRank(
  program: String, status: @escaping (any Error) -> Int32, _ body: (Communicator) throws -> Int32
) -> Never {
  let environment = MPIEnvironment()
  do {
    let watch = StartWatch(program: program)
    let world = try environment.start(exitStatus: status)
    try meet(world)
    watch.stop()
    let result = try body(world)
    // An mpirun that was asked to end lets no rank get further than this.
    let told = LauncherStatus.told(result, isRoot: environment.rank == 0)
    try environment.end()
    exit(told)
  } catch let error as AgreedError where error.rankCount == environment.size {
    if environment.rank == 0 { printError("\(program): \(error)") }
    do {
      try environment.end()
    } catch {
      printError("\(program): rank \(environment.rank) (\(Launch.hostName)): \(error)")
    }
    exit(LauncherStatus.told(error.exitStatus, isRoot: environment.rank == 0))
  } catch {
    printError("\(program): rank \(environment.rank) (\(Launch.hostName)): \(error)")
    environment.abort(status: status(error))
  }
}

/// The first message among all ranks: they have to be started with the same words.
///
/// **Collective.**
///
/// - Throws: `LaunchError` that names the first rank with other words.
private func meet(_ world: Communicator) throws {
  // Executables may have different places on different hosts.
  var words = CommandLine.arguments
  words[0] = Launch.programName
  let isHeard = LauncherStatus.open(isRoot: world.isRoot)
  let all = try world.allGather(
    ([isHeard ? "heard" : "", world.hostName] + words).joined(separator: "\0")
  ).map { $0.split(separator: "\0", omittingEmptySubsequences: false).map { String($0) } }
  LauncherStatus.agree(isHeard: all[0][0] == "heard")
  let expected = all[0].dropFirst(2)
  guard let odd = all.firstIndex(where: { $0.dropFirst(2) != expected }) else { return }
  let found = all[odd].dropFirst(2)
  let place = zip(found, expected).prefix { $0 == $1 }.count
  func word(_ words: ArraySlice<String>) -> String {
    place < words.count ? words[words.startIndex + place] : "no more words"
  }
  try world.agree {
    throw LaunchError(
      description: "rank \(odd) (\(all[odd][1])): found \(word(found)) where rank 0 was started "
        + "with \(word(expected)), expected the same words on all ranks")
  }
}

/// Writes one line to standard error in a single call, so lines of ranks do not mix.
///
/// Messages may hold names from files: what could steer a terminal is replaced.
func printError(_ message: String) { StandardStreams.message(message.printable + "\n") }
