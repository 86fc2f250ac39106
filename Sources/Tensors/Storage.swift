/// Float32 memory that tensors are views of.
///
/// Memory of its own is aligned to a cache line (64 bytes) and starts out zero; borrowed memory is
/// whatever its owner has there, for as long as this object keeps the owner alive.
public final class Storage {
  /// The first element.
  public let pointer: UnsafeMutablePointer<Float>
  /// The number of elements.
  public let count: Int
  private let owner: AnyObject?
  private let allocation: UnsafeMutableRawPointer?

  /// The alignment of a storage's own memory, in bytes.
  public static let alignment = 64

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

  /// Memory that belongs to somebody else, such as a parameter's place in a shared window.
  ///
  /// - Parameter owner: kept alive as long as this storage; nil where the memory outlives it.
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
