import CMPI
import Glibc

/// MPI from `MPI_Init_thread` to `MPI_Finalize`, and handles that only all ranks together can
/// release.
///
/// Releasing a window is collective, so an owner's `deinit` must not release it. One failing rank
/// could run this `deinit` while the remaining ranks wait elsewhere. Therefore an explicit call
/// releases a handle, or else ``end()``.
final class MPIEnvironment {
  private(set) var rank = 0
  private(set) var size = 1
  private var isStarted = false
  private var releases: [(serial: Int, release: () throws(MPIError) -> Void)] = []
  private var nextSerial = 0

  /// Initializes MPI and returns the communicator of all ranks.
  ///
  /// - Throws: `MPIError`; `LaunchError` if the library and the launcher give different numbers of
  ///   ranks.
  func start(exitStatus: @escaping (any Error) -> Int32) throws -> Communicator {
    var provided: Int32 = 0
    try check("MPI_Init_thread", MPI_Init_thread(nil, nil, cmpi_thread_funneled(), &provided))
    isStarted = true
    guard provided >= cmpi_thread_funneled() else {
      throw LaunchError(description: "this MPI library was built without MPI_THREAD_FUNNELED")
    }
    let world = cmpi_comm_world()
    try check("MPI_Comm_set_errhandler", MPI_Comm_set_errhandler(world, cmpi_errors_return()))
    let communicator = try Communicator(handle: world, in: self, exitStatus: exitStatus)
    (rank, size) = (communicator.rank, communicator.size)
    if let announced = Launch.announcedSize, announced != size {
      throw LaunchError(
        description: "the launcher announces \(announced) ranks and MPI finds \(size); "
          + "start with the mpirun of the MPI library in use, or with srun --mpi=pmix")
    }
    return communicator
  }

  /// Remembers how to release a handle; returns a number for ``forget(_:)``.
  func releaseAtEnd(_ release: @escaping () throws(MPIError) -> Void) -> Int {
    defer { nextSerial += 1 }
    releases.append((nextSerial, release))
    return nextSerial
  }

  /// Releases a handle before the end.
  ///
  /// Collective over the handle's ranks.
  func releaseNow(_ serial: Int) throws(MPIError) {
    guard let index = releases.firstIndex(where: { $0.serial == serial }) else { return }
    try releases.remove(at: index).release()
  }

  /// Releases the remaining handles, newest first, and finalizes MPI.
  ///
  /// Collective.
  func end() throws(MPIError) {
    while let last = releases.popLast() { try last.release() }
    try check("MPI_Finalize", MPI_Finalize())
  }

  /// Ends all ranks.
  ///
  /// The C function is `MPI_Abort`.
  func abort(status: Int32) -> Never {
    fflush(nil)  // flush text that was printed before
    if isStarted { MPI_Abort(cmpi_comm_world(), status) }
    exit(status)
  }
}
