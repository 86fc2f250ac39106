import Synchronization

/// What this process is doing, for whoever watches it from another thread.
///
/// The thread that works notes it in passing, a plain store each; a watchdog reads it. It is of the process, as signals
/// are, and decides nothing.
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

    /// Nil where there is none.
    var value: String? {
      let length = count.load(ordering: .acquiring)
      let address = start.load(ordering: .acquiring)
      guard length > 0, let text = UnsafePointer<UInt8>(bitPattern: address) else { return nil }
      return String(decoding: UnsafeBufferPointer(start: text, count: length), as: UTF8.self)
    }
  }

  /// Says what comes next, and that what was before is done.
  public static func begin(_ name: StaticString, step: Int? = nil, lane: Int = -1) {
    doing.store(name)
    if let step { Self.step.store(step, ordering: .relaxed) }
    Self.lane.store(lane, ordering: .relaxed)
    bucket.store(-1, ordering: .relaxed)
    advance()
  }

  /// Says that the work goes on.
  public static func advance() { changes.wrappingAdd(1, ordering: .relaxed) }

  /// Runs something that other ranks may keep waiting.
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

  /// What it says at one moment.
  public struct Snapshot: Sendable {
    /// Grows whenever something is done.
    public let changes: Int
    /// The number of the training step, of the last one outside of any.
    public let step: Int
    /// What is being done; nil before the first word.
    public let doing: String?
    /// The lane that is computed, in runs that take them one by one.
    public let lane: Int?
    /// What other ranks are waited for with; nil while this rank itself works.
    public let waitingFor: String?
    /// The bucket of gradients that is waited for.
    public let bucket: Int?
  }

  /// The state as another thread sees it.
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
