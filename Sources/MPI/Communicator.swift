import CMPI
import Glibc
import Support

/// A group of ranks that exchange messages, and this process's rank in the group.
///
/// A communicator of one rank makes no MPI call. Only the main thread may use a communicator.
public final class Communicator {
  /// This process's number in the group, from 0.
  public let rank: Int
  /// The number of processes in the group.
  public let size: Int
  /// This machine's name.
  public let hostName: String
  /// The exit status of the processes that an error ends.
  public let exitStatus: (any Error) -> Int32

  let handle: MPI_Comm?
  let environment: MPIEnvironment?

  private init(lone exitStatus: @escaping (any Error) -> Int32) {
    (rank, size, handle, environment) = (0, 1, nil, nil)
    hostName = Launch.hostName
    self.exitStatus = exitStatus
  }

  init(
    handle: MPI_Comm?, in environment: MPIEnvironment, exitStatus: @escaping (any Error) -> Int32
  ) throws(MPIError) {
    var (rank, size) = (Int32(0), Int32(1))
    try check("MPI_Comm_rank", MPI_Comm_rank(handle, &rank))
    try check("MPI_Comm_size", MPI_Comm_size(handle, &size))
    (self.rank, self.size) = (Int(rank), Int(size))
    self.handle = handle
    self.environment = environment
    self.exitStatus = exitStatus
    hostName = Launch.hostName
  }

  /// A communicator of this process alone, even if other ranks exist.
  public static func alone(
    exitStatus: @escaping (any Error) -> Int32 = Support.exitStatus(of:)
  ) -> Communicator {
    Communicator(lone: exitStatus)
  }

  /// Whether `mpirun`, `srun` or another launcher of parallel programs started this process.
  public static var isLaunched: Bool { Launch.isParallel }

  /// Whether this is rank 0, which prints for all ranks.
  public var isRoot: Bool { rank == 0 }

  /// The ranks of this communicator that share memory with this rank, in the same order.
  ///
  /// **Collective.** The C function is `MPI_Comm_split_type`.
  public func onThisHost() throws(MPIError) -> Communicator {
    guard size > 1 else { return .alone(exitStatus: exitStatus) }
    return try derived("MPI_Comm_split_type") { [handle, rank] in
      MPI_Comm_split_type(
        handle, cmpi_comm_type_shared(), Int32(rank), cmpi_info_null(), $0)
    }
  }

  /// The same ranks with separate message traffic.
  ///
  /// **Collective.** The C function is `MPI_Comm_dup`.
  public func duplicate() throws(MPIError) -> Communicator {
    guard size > 1 else { return .alone(exitStatus: exitStatus) }
    return try derived("MPI_Comm_dup") { [handle] in MPI_Comm_dup(handle, $0) }
  }

  private func derived(
    _ call: StaticString, _ create: (UnsafeMutablePointer<MPI_Comm?>) -> Int32
  ) throws(MPIError) -> Communicator {
    guard let environment else { preconditionFailure("a lone communicator has no handle") }
    var new: MPI_Comm?
    try check(call, create(&new))
    _ = environment.releaseAtEnd { () throws(MPIError) in
      var handle = new
      try check("MPI_Comm_free", MPI_Comm_free(&handle))
    }
    return try Communicator(handle: new, in: environment, exitStatus: exitStatus)
  }

  /// Ends all ranks of the job at once.
  ///
  /// The C function is `MPI_Abort`.
  public func abort(status: Int32) -> Never {
    if let environment { environment.abort(status: status) }
    exit(status)
  }

  /// Runs `body` on every rank; if `body` throws on any rank, every rank throws.
  ///
  /// Work that may fail on one rank only belongs in `body`: a missing file, for example. Otherwise
  /// the remaining ranks would wait forever. `body` must not call other ranks, unless no rank can
  /// throw before the call.
  ///
  /// **Collective.**
  ///
  /// - Returns: what `body` returned on this rank.
  /// - Throws: `AgreedError` with the message of the lowest rank that failed. With one rank, its
  ///   own error. `MPIError` if the ranks cannot be asked.
  public func agree<Result>(_ body: () throws -> Result) throws -> Result {
    guard size > 1 else { return try body() }
    var own: (any Error)?
    var result: Result?
    do { result = try body() } catch { own = error }
    // The first minimum is the lowest rank that failed. The second is 0 only if all ranks failed.
    var votes = [Int64(own == nil ? size : rank), own == nil ? -1 : 0]
    try allReduce(&votes, .min)
    let lowest = Int(votes[0])
    if lowest == size, let result { return result }
    throw try agreed(on: own, of: lowest, allFailed: votes[1] == 0)
  }

  /// As ``agree(_:)``, where `body` may take long on one rank; the others sleep until it is done.
  ///
  /// **Collective.**
  public func agreeAsleep<Value>(_ body: () throws -> Value) throws -> Value {
    let own = Result { try body() }
    try sleepingBarrier()
    return try agree { try own.get() }
  }

  private func agreed(on own: (any Error)?, of lowest: Int, allFailed: Bool) throws -> any Error {
    let ownMessage = own.map { String(describing: $0) }
    let message = try broadcast(ownMessage ?? "", from: lowest)
    let host = try broadcast(hostName, from: lowest)
    var status = [Int64(own.map { exitStatus($0) } ?? 0)]
    try broadcast(&status, from: lowest)
    // An error on which all ranks agreed before keeps the rank where it arose.
    var differences = [Int64(own is AgreedError ? 0 : 1), ownMessage == message ? 0 : 1]
    try allReduce(&differences, .max)
    if let own, differences[0] == 0 { return own }
    return AgreedError(
      rank: lowest, host: host, message: message, exitStatus: Int32(truncatingIfNeeded: status[0]),
      isEverywhere: allFailed && differences[1] == 0, rankCount: size, underlying: own)
  }
}
