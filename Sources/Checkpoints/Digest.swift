import CXXHash

/// A running XXH3-128 checksum; `xxhsum -H128` prints the same text.
public struct Digest: ~Copyable {
  private let state: OpaquePointer

  /// The checksum of no bytes yet.
  public init() {
    guard let state = XXH3_createState() else { fatalError("no memory for a checksum") }
    self.state = state
    precondition(XXH3_128bits_reset(state) == XXH_OK, "XXH3_128bits_reset failed")
  }

  deinit { _ = XXH3_freeState(state) }

  /// Takes in more bytes.
  public func update(_ bytes: UnsafeRawBufferPointer) {
    precondition(
      XXH3_128bits_update(state, bytes.baseAddress, bytes.count) == XXH_OK,
      "XXH3_128bits_update failed")
  }

  /// Takes in the bytes of values as they lie in memory.
  public func update<Value: BitwiseCopyable>(_ values: [Value]) {
    values.withUnsafeBytes { update($0) }
  }

  /// The checksum of all bytes taken in, as 32 hexadecimal digits.
  public var text: String {
    let value = XXH3_128bits_digest(state)
    return Digest.hexadecimal(value.high64) + Digest.hexadecimal(value.low64)
  }

  /// The checksum of some bytes, as two numbers.
  public static func words(of bytes: UnsafeRawBufferPointer) -> (high: UInt64, low: UInt64) {
    let value = XXH3_128bits(bytes.baseAddress, bytes.count)
    return (value.high64, value.low64)
  }

  private static func hexadecimal(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
