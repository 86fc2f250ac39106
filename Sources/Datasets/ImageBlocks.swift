import Dispatch
import Foundation

/// Makes images on all cores, one block of images at a time, and passes each block on in order.
///
/// The memory is one block, about 16 MiB of pixels, for any number of images. Blocks are used on
/// the calling thread only, so HDF5 is called from one thread.
struct ImageBlocks {
  private static let blockBytes = 1 << 24

  /// Values of an image.
  let imageSize: Int
  /// Images of a block; at least one for every core.
  let blockLength: Int

  /// Blocks for images of `imageSize` bytes.
  init(imageSize: Int) {
    self.imageSize = imageSize
    let cores = ProcessInfo.processInfo.activeProcessorCount
    blockLength = max(Self.blockBytes / imageSize, cores)
  }

  /// Makes `count` images.
  ///
  /// - Parameters:
  ///   - make: fills an image; called once for every row, from several threads at a time.
  ///   - use: takes a finished block: its rows, and their images one after another.
  /// - Throws: errors of `use`.
  func run(
    count: Int, make: @Sendable (Int, UnsafeMutablePointer<UInt8>) -> Void,
    use: (Range<Int>, UnsafeMutablePointer<UInt8>) throws -> Void
  ) throws {
    let memory = PixelMemory(allocating: min(blockLength, count) * imageSize)
    // Each thread writes only its own images; the block is used after all threads have finished.
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
