import Dispatch
import Foundation

/// Makes images on all cores, a block at a time, and hands each block on in order.
///
/// Memory is bounded by one block, about 16 MiB of pixels, whatever the number of images. What a
/// block is handed to runs alone, on the calling thread: HDF5 is used from there.
struct ImageBlocks {
  private static let blockBytes = 1 << 24

  /// Values of an image.
  let imageSize: Int
  /// Images of a block; at least one for every core.
  let blockLength: Int

  /// Blocks for images of so many bytes.
  init(imageSize: Int) {
    self.imageSize = imageSize
    let cores = ProcessInfo.processInfo.activeProcessorCount
    blockLength = max(Self.blockBytes / imageSize, cores)
  }

  /// Makes `count` images.
  ///
  /// - Parameters:
  ///   - make: fills an image; called once for every row, from several threads at a time.
  ///   - use: takes a finished block: its rows, and their images one behind the other.
  /// - Throws: what `use` throws.
  func run(
    count: Int, make: @Sendable (Int, UnsafeMutablePointer<UInt8>) -> Void,
    use: (Range<Int>, UnsafeMutablePointer<UInt8>) throws -> Void
  ) throws {
    let memory = PixelMemory(allocating: min(blockLength, count) * imageSize)
    // Every thread writes to images of its own alone, and the block is used when all are done.
    nonisolated(unsafe) let pixels = memory.start.bindMemory(
      to: UInt8.self, capacity: memory.byteCount)
    for first in stride(from: 0, to: count, by: blockLength) {
      let rows = first..<min(first + blockLength, count)
      DispatchQueue.concurrentPerform(iterations: rows.count) { index in
        make(first + index, pixels + index * imageSize)
      }
      try use(rows, pixels)
    }
  }
}
