import Synchronization

/// The present work of this process, for another thread that watches the process.
///
/// The working thread stores each change with one plain store; a watchdog reads it. The state
/// belongs to the process, as signals do. No decision depends on it.
public enum Activity {
  private static let changes = Atomic<Int>(0)
  private static let step = Atomic<Int>(0)
  private static let lane = Atomic<Int>(-1)
  private static let bucket = Atomic<Int>(-1)
  private static let doing = AtomicText()
  private static let waitingFor = AtomicText()

  /// A name that another thread may read.
  private struct AtomicText: ~Copyable {
    private let start = Atomic<UInt>(0)
    private let count = Atomic<Int>(0)

    borrowing func store(_ name: StaticString) {
      count.store(0, ordering: .relaxed)
      start.store(UInt(bitPattern: name.utf8Start), ordering: .releasing)
      count.store(name.utf8CodeUnitCount, ordering: .releasing)
    }

    borrowing func clear() { count.store(0, ordering: .relaxed) }

    /// The name; nil if there is none.
    var value: String? {
      let length = count.load(ordering: .acquiring)
      let address = start.load(ordering: .acquiring)
      guard length > 0, let text = UnsafePointer<UInt8>(bitPattern: address) else { return nil }
      return String(decoding: UnsafeBufferPointer(start: text, count: length), as: UTF8.self)
    }
  }

  /// Notes the start of new work and the end of earlier work.
  public static func begin(_ name: StaticString, step: Int? = nil, lane: Int = -1) {
    doing.store(name)
    if let step { Self.step.store(step, ordering: .relaxed) }
    Self.lane.store(lane, ordering: .relaxed)
    bucket.store(-1, ordering: .relaxed)
    advance()
  }

  /// Notes that the work continues.
  public static func advance() { changes.wrappingAdd(1, ordering: .relaxed) }

  /// Runs `body` and notes that it may wait for other ranks.
  public static func waiting<Result, Failure: Error>(
    for name: StaticString, bucket: Int = -1, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    waitingFor.store(name)
    Self.bucket.store(bucket, ordering: .relaxed)
    defer {
      waitingFor.clear()
      advance()
    }
    return try body()
  }

  /// The activity at one moment.
  public struct Snapshot: Sendable {
    /// A count that grows with every change.
    public let changes: Int
    /// The number of the training step; outside of steps, the number of the last step.
    public let step: Int
    /// The present work; nil before the first note.
    public let doing: String?
    /// The lane that is being computed, in runs that compute lanes one by one.
    public let lane: Int?
    /// The operation in which this rank waits for other ranks; nil while this rank works.
    public let waitingFor: String?
    /// The bucket of gradients for which this rank waits.
    public let bucket: Int?
  }

  /// The state, read from another thread.
  public static var now: Snapshot {
    func index(_ value: borrowing Atomic<Int>) -> Int? {
      let found = value.load(ordering: .relaxed)
      return found < 0 ? nil : found
    }
    return Snapshot(
      changes: changes.load(ordering: .relaxed), step: step.load(ordering: .relaxed),
      doing: doing.value, lane: index(lane), waitingFor: waitingFor.value, bucket: index(bucket))
  }
}
