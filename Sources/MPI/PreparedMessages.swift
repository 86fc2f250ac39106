import CMPI

/// Messages between fixed places in memory: prepared once, started many times.
///
/// The memory must stay allocated while this object lives. It must not be touched between a start
/// and its completion. The library moves messages only inside MPI calls, so a computing rank should
/// call ``test()`` now and then.
public final class PreparedMessages {
  private let communicator: Communicator
  private var requests: [MPI_Request?] = []
  /// Whether messages were started and their completion was not yet seen.
  public private(set) var isActive = false

  /// An empty list of messages for the ranks of `communicator`.
  public init(on communicator: Communicator) { self.communicator = communicator }

  /// Adds a send of `count` floats.
  ///
  /// The C function is `MPI_Send_init`.
  public func addSend(
    _ memory: UnsafePointer<Float>, count: Int, to rank: Int, tag: Int
  ) throws(MPIError) {
    guard count > 0 else { return }
    var request: MPI_Request?
    try check(
      "MPI_Send_init",
      MPI_Send_init(
        memory, Int32(count), cmpi_float(), Int32(rank), Int32(tag), communicator.handle, &request))
    requests.append(request)
  }

  /// Adds a receive of `count` floats.
  ///
  /// The C function is `MPI_Recv_init`.
  public func addReceive(
    _ memory: UnsafeMutablePointer<Float>, count: Int, from rank: Int, tag: Int
  ) throws(MPIError) {
    guard count > 0 else { return }
    var request: MPI_Request?
    try check(
      "MPI_Recv_init",
      MPI_Recv_init(
        memory, Int32(count), cmpi_float(), Int32(rank), Int32(tag), communicator.handle, &request))
    requests.append(request)
  }

  /// Starts all messages.
  ///
  /// The C function is `MPI_Startall`.
  public func start() throws(MPIError) {
    precondition(!isActive, "messages started twice")
    guard !requests.isEmpty else { return }
    isActive = true
    try check("MPI_Startall", MPI_Startall(Int32(requests.count), &requests))
  }

  /// Whether all messages are complete; also moves messages on.
  ///
  /// The C function is `MPI_Testall`.
  public func test() throws(MPIError) -> Bool {
    guard isActive else { return true }
    var flag: Int32 = 0
    try check(
      "MPI_Testall",
      MPI_Testall(Int32(requests.count), &requests, &flag, cmpi_statuses_ignore()))
    isActive = flag == 0
    return !isActive
  }

  /// Returns when all messages are complete.
  ///
  /// The C function is `MPI_Waitall`.
  public func wait() throws(MPIError) {
    guard isActive else { return }
    try checkWaiting(
      "MPI_Waitall", MPI_Waitall(Int32(requests.count), &requests, cmpi_statuses_ignore()))
    isActive = false
  }

  deinit {
    // Freeing is local. After `MPI_Finalize`, or before an abort, there is nothing to free.
    var isFinalized: Int32 = 0
    guard MPI_Finalized(&isFinalized) == MPI_SUCCESS, isFinalized == 0, !isActive else { return }
    for index in requests.indices { MPI_Request_free(&requests[index]) }
  }
}
