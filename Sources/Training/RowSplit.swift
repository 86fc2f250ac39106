import CKernels
import Checkpoints
import Foundation
import Tensors

/// S and the projection residual R = X - L - S of this rank's rows.
///
/// L is never stored: a batch's L is X - S. In compact storage S is rounded to half precision and R,
/// which lies within the shrinkage threshold, to 255 levels; a projection computes with floats and
/// rounds what it stores. Memory comes into being with the first projection: until then S and R are
/// zero.
public final class RowSplit {
  /// Global rows held here.
  public let rows: Range<Int>
  /// Pixels of a row.
  public let dimensions: Int
  /// How S and R are kept.
  public let storage: SplitStorage
  /// How often S and R have been replaced.
  public private(set) var version = 0
  /// What an integer of R counts in compact storage; 1 otherwise.
  public private(set) var residualStep: Float = 1
  private var nextStep: Float = 1
  private let sparse: ZeroedMemory  // [rows.count, dimensions]
  private let residual: ZeroedMemory  // [rows.count, dimensions]
  private var blocks: (sparse: Storage, residual: Storage)?

  /// Bytes of S and R of a row, here and in checkpoints.
  public var rowBytes: Int { dimensions * (storage.sparseBytes + storage.residualBytes) }

  /// S = R = 0 for the rows of this rank.
  public init(rows: Range<Int>, dimensions: Int, storage: SplitStorage = .float32) {
    self.rows = rows
    self.dimensions = dimensions
    self.storage = storage
    let count = rows.count * dimensions
    sparse = ZeroedMemory(byteCount: count * storage.sparseBytes)
    residual = ZeroedMemory(byteCount: count * storage.residualBytes)
  }

  // MARK: - Reading

  /// Turns pixels X of `batch` (global rows of this rank), [batch.count, dimensions], into L = X - S in place.
  public func subtract(
    _ batch: UnsafeBufferPointer<Int32>, from pixels: UnsafeMutablePointer<Float>
  ) {
    for (i, row) in batch.enumerated() {
      subtract(Int(row)..<Int(row) + 1, from: pixels + i * dimensions)
    }
  }

  /// Turns pixels X of consecutive rows, [rows.count, dimensions], into L = X - S in place.
  public func subtract(_ rows: Range<Int>, from pixels: UnsafeMutablePointer<Float>) {
    let (first, count) = place(rows)
    switch storage {
    case .float32: ck_axpy(pixels, sparse.floats + first, -1, count)
    case .compact: ck_subtract_halves(pixels, sparse.halves + first, count)
    }
  }

  /// Copies S of consecutive rows to `destination`, [rows.count, dimensions].
  public func copySparse(_ rows: Range<Int>, to destination: UnsafeMutablePointer<Float>) {
    let (first, count) = place(rows)
    switch storage {
    case .float32: ck_copy(destination, sparse.floats + first, count)
    case .compact: ck_halves_to_floats(sparse.halves + first, destination, count)
    }
  }

  /// Copies R of consecutive rows to `destination`, [rows.count, dimensions].
  public func copyResidual(_ rows: Range<Int>, to destination: UnsafeMutablePointer<Float>) {
    let (first, count) = place(rows)
    switch storage {
    case .float32: ck_copy(destination, residual.floats + first, count)
    case .compact: ck_steps_to_floats(residual.bytes + first, destination, count, residualStep)
    }
  }

  /// The place of the first element of some rows, and the number of their elements.
  private func place(_ rows: Range<Int>) -> (first: Int, count: Int) {
    precondition(
      rows.lowerBound >= self.rows.lowerBound && rows.upperBound <= self.rows.upperBound,
      "rows \(rows) of \(self.rows)")
    return ((rows.lowerBound - self.rows.lowerBound) * dimensions, rows.count * dimensions)
  }

  // MARK: - Replacing

  /// Starts to replace S and R, block by block, each row once.
  ///
  /// - Parameter bound: what the elements of the new R do not exceed in magnitude.
  public func beginUpdate(residualWithin bound: Float) {
    if storage == .compact { nextStep = bound / 127 }
  }

  /// Hands R of consecutive rows to `body`, which replaces it, and room for their new S, whose content
  /// is undefined: [rows.count, dimensions] each.
  public func update(
    _ rows: Range<Int>,
    _ body: (_ sparse: UnsafeMutablePointer<Float>, _ residual: UnsafeMutablePointer<Float>) -> Void
  ) {
    let (first, count) = place(rows)
    guard storage == .compact else {
      return body(sparse.floats + first, residual.floats + first)
    }
    let (s, r) = blocks(of: count)
    copyResidual(rows, to: r.pointer)
    body(s.pointer, r.pointer)
    ck_floats_to_halves(s.pointer, sparse.halves + first, count)
    ck_floats_to_steps(r.pointer, residual.bytes + first, count, nextStep)
  }

  /// Ends a replacement: all rows have had their update.
  public func endUpdate() {
    residualStep = nextStep
    version += 1
    blocks = nil
  }

  private func blocks(of count: Int) -> (sparse: Storage, residual: Storage) {
    if let blocks, blocks.sparse.count >= count { return blocks }
    let made = (sparse: Storage(count: count), residual: Storage(count: count))
    blocks = made
    return made
  }
}

// MARK: - Checkpoints

extension RowSplit {
  /// What a checkpoint says of the split as a whole: of `rowCount` rows of `rowShape` over all ranks.
  private func shape(_ rowCount: Int, _ rowShape: [Int]) -> SplitShape {
    SplitShape(
      rows: rowCount, rowShape: rowShape, storage: storage, residualStep: residualStep,
      version: version)
  }

  /// This rank's rows for a checkpoint of `rowCount` rows of shape `rowShape`.
  func block(of rowCount: Int, _ rowShape: [Int]) -> RowBlock {
    let shape = shape(rowCount, rowShape)
    guard version > 0 else { return RowBlock(zero: rows, of: shape) }
    return RowBlock(
      rows: rows, of: shape, sparse: UnsafeRawBufferPointer(sparse.all),
      residual: UnsafeRawBufferPointer(residual.all))
  }

  /// Where a checkpoint's rows go; `adopt(_:)` follows.
  func target(of rowCount: Int, _ rowShape: [Int]) -> RowTarget {
    RowTarget(
      rows: rows, of: shape(rowCount, rowShape), sparse: sparse.all, residual: residual.all)
  }

  /// Takes over what only the checkpoint knows of the rows that were loaded from it.
  func adopt(_ saved: SplitShape) {
    residualStep = saved.residualStep
    // Versions that do not count had a split from the first step on.
    version = saved.version ?? 1
  }
}

/// Memory that is zero, and costs none until it is written.
final class ZeroedMemory {
  /// All of it.
  let all: UnsafeMutableRawBufferPointer

  /// The C function is `calloc`.
  init(byteCount: Int) {
    guard let start = calloc(max(byteCount, 1), 1) else {
      preconditionFailure("no memory for \(byteCount) bytes")
    }
    all = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    floats = start.assumingMemoryBound(to: Float.self)
    halves = start.assumingMemoryBound(to: UInt16.self)
    bytes = start.assumingMemoryBound(to: Int8.self)
  }

  deinit { free(all.baseAddress) }

  /// Its start, as elements of one kind or another.
  let floats: UnsafeMutablePointer<Float>
  let halves: UnsafeMutablePointer<UInt16>
  let bytes: UnsafeMutablePointer<Int8>
}
