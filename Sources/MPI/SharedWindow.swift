import CMPI
import Glibc

/// Memory that all ranks of a host see: one segment for each rank, each aligned to a page.
///
/// A segment is zeroed. The system places a page near the rank that writes it first. So a rank
/// should write first the pages it uses most.
public final class SharedWindow {
  /// The alignment of every segment, in bytes.
  public static let alignment = 4096

  private let segments: [UnsafeMutableRawPointer]
  private let environment: MPIEnvironment
  private let serial: Int

  /// Shares `bytes` of this rank with all ranks of `node`; ranks may give different sizes.
  ///
  /// **Collective.** The C function is `MPI_Win_allocate_shared`.
  ///
  /// - Throws: `SharedMemoryError` on all ranks if the host has too little shared memory.
  ///   `MPIError`, perhaps on some ranks only: call the initializer in ``Communicator/agree(_:)``.
  public init(bytes: Int, on node: Communicator) throws {
    guard let environment = node.environment else {
      preconditionFailure("a rank alone shares no memory")
    }
    var window: MPI_Win?
    var base: UnsafeMutableRawPointer?
    let padded = MPI_Aint((bytes + 2 * Self.alignment - 1) / Self.alignment * Self.alignment)
    try Self.requireSpace(Int(padded), on: node)
    try withUnsafeMutablePointer(to: &base) { (pointer) throws(MPIError) in
      try check(
        "MPI_Win_allocate_shared",
        MPI_Win_allocate_shared(padded, 1, cmpi_info_null(), node.handle, pointer, &window))
    }
    try check("MPI_Win_set_errhandler", MPI_Win_set_errhandler(window, cmpi_errors_return()))
    try check("MPI_Win_lock_all", MPI_Win_lock_all(cmpi_mode_nocheck(), window))
    var segments: [UnsafeMutableRawPointer] = []
    for rank in 0..<node.size {
      var (size, unit) = (MPI_Aint(0), Int32(0))
      var segment: UnsafeMutableRawPointer?
      try withUnsafeMutablePointer(to: &segment) { (pointer) throws(MPIError) in
        try check(
          "MPI_Win_shared_query",
          MPI_Win_shared_query(window, Int32(rank), &size, &unit, pointer))
      }
      guard let segment else {
        throw MPIError(call: "MPI_Win_shared_query", code: -1, message: "a segment has no address")
      }
      // Processes map the window at different addresses, but at the same offset within a page.
      segments.append(segment.alignedUp(toMultipleOf: Self.alignment))
    }
    self.segments = segments
    self.environment = environment
    let handle = window
    serial = environment.releaseAtEnd { () throws(MPIError) in
      var window = handle
      try check("MPI_Win_unlock_all", MPI_Win_unlock_all(window))
      try check("MPI_Win_free", MPI_Win_free(&window))
    }
  }

  /// Makes sure that the file system of the segments has space for all ranks.
  ///
  /// Open MPI keeps the segments in /dev/shm if it is writable; containers often have only 64 MiB
  /// there. Without enough space, the call of one rank fails and the calls of the remaining ranks
  /// never return.
  private static func requireSpace(_ bytes: Int, on node: Communicator) throws {
    var needed = [Int64(bytes)]
    try node.allReduce(&needed, .sum)
    needed[0] += 1 << 20  // memory for the library itself
    var status = statvfs()
    var free = [Int64.max]
    if access(folder, W_OK) == 0, statvfs(folder, &status) == 0 {
      free[0] = Int64(status.f_bavail) * Int64(status.f_frsize)
    }
    try node.allReduce(&free, .min)
    guard needed[0] <= free[0] else {
      throw SharedMemoryError(host: node.hostName, needed: Int(needed[0]), free: Int(free[0]))
    }
  }

  fileprivate static let folder = "/dev/shm"

  /// The start of a rank's segment in this process's memory; invalid after ``release()``.
  public func segment(of rank: Int) -> UnsafeMutableRawPointer { segments[rank] }

  /// Gives the memory back.
  ///
  /// Without this call, the end of MPI gives it back. Losing the last reference does not, because
  /// all ranks must release together.
  ///
  /// **Collective.** The C function is `MPI_Win_free`.
  public func release() throws(MPIError) { try environment.releaseNow(serial) }
}

/// A host whose shared memory is too small for a window.
public struct SharedMemoryError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The host's name.
  public let host: String
  /// The bytes that all ranks of the host requested together.
  public let needed: Int
  /// The bytes that were free.
  public let free: Int

  /// What was found and what was needed.
  public var description: String {
    "\(SharedWindow.folder) on \(host) has \(free >> 20) MiB free and \(needed >> 20) MiB are "
      + "needed"
  }
}

/// A counter in shared memory: one rank advances it, all ranks read it.
///
/// A reader of a value also sees everything that the writer wrote before it.
public struct SharedCounter {
  private let pointer: UnsafeMutablePointer<UInt64>

  /// The counter at an address of a shared window.
  public init(at pointer: UnsafeMutablePointer<UInt64>) { self.pointer = pointer }

  /// The value, with acquire ordering.
  @inline(__always)
  public var value: UInt64 { cmpi_load_acquire(pointer) }

  /// Sets the value, with release ordering.
  @inline(__always)
  public func publish(_ value: UInt64) { cmpi_store_release(pointer, value) }
}

/// How a rank waits for a change of shared memory or messages.
public struct Waiting {
  /// Whether a waiting rank yields the processor at once, because ranks outnumber processors.
  public let isOversubscribed: Bool
  private var spins = 0
  private static let spinLimit = 4096

  /// Prepares waiting for ranks of one host.
  ///
  /// **Collective.**
  public init(on node: Communicator) throws(MPIError) {
    isOversubscribed = try node.processorCount() < node.size
  }

  /// Prepares a wait; call it once before each wait.
  public mutating func start() { spins = 0 }

  /// Lets some time pass: spins at first, later yields the processor.
  ///
  /// The C function is `sched_yield`.
  public mutating func pause() {
    spins += 1
    if isOversubscribed || spins > Self.spinLimit {
      sched_yield()
    } else {
      cmpi_pause()
    }
  }
}

extension Communicator {
  /// The number of processors that at least one rank may use; all ranks are on one host.
  ///
  /// **Collective.** The C function is `sched_getaffinity`.
  public func processorCount() throws(MPIError) -> Int {
    var own = [UInt64](repeating: 0, count: Int(CMPI_MASK_WORDS))
    cmpi_processor_mask(&own)
    let all = try allGather(own.map { Int64(bitPattern: $0) }).map { UInt64(bitPattern: $0) }
    return own.indices.reduce(0) { count, word in
      let union = stride(from: word, to: all.count, by: own.count).reduce(0) { $0 | all[$1] }
      return count + union.nonzeroBitCount
    }
  }
}
