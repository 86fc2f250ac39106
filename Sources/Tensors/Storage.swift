import CKernels

/// Float32 memory for tensors.
///
/// Own memory is aligned to a cache line (64 bytes) and starts as zeros. Borrowed memory keeps its
/// content; this object keeps its owner alive.
public final class Storage {
  /// The first element.
  public let pointer: UnsafeMutablePointer<Float>
  /// The number of elements.
  public let count: Int
  private let owner: AnyObject?
  private let allocation: UnsafeMutableRawPointer?

  /// The alignment of own memory, in bytes.
  public static let alignment = 64

  /// Makes freed memory of large blocks go back to the system at once, from now on.
  ///
  /// Otherwise the C library keeps such memory for later blocks, and a process that works on all
  /// rows from time to time holds more than it uses. The C function is `mallopt`.
  public static func returnLargeBlocks() { ck_return_blocks_from(1 << 20) }

  /// Zeroed memory for `count` elements.
  public init(count: Int) {
    precondition(count >= 0, "a storage of \(count) elements")
    let bytes = max(count, 1) * MemoryLayout<Float>.stride
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: Self.alignment)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    pointer = memory.bindMemory(to: Float.self, capacity: max(count, 1))
    allocation = memory
    owner = nil
    self.count = count
  }

  /// Memory of another owner, such as a parameter's place in a shared window.
  ///
  /// - Parameter owner: kept alive as long as this storage; nil if the memory lives longer.
  public init(
    borrowing pointer: UnsafeMutablePointer<Float>, count: Int, keeping owner: AnyObject? = nil
  ) {
    self.pointer = pointer
    self.count = count
    self.owner = owner
    allocation = nil
  }

  deinit {
    allocation?.deallocate()
  }
}
