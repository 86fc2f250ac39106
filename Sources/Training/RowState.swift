import CKernels
import Checkpoints
import Foundation
import Tensors

/// The row state of this rank's rows: arrays with a row for each image, such as S of X = L + S.
///
/// Compact arrays are rounded to 16-bit floats or to 8-bit steps. An update computes with floats
/// and then rounds. All arrays are zero, and take no memory, until the first update. L is never
/// stored: the L of a batch is X - S.
public final class RowState {
  /// Global rows held here.
  public let rows: Range<Int>
  /// Elements of a row of an array: the pixels of an image.
  public let dimensions: Int
  /// The arrays, with the steps that stored integers count.
  public private(set) var arrays: [RowArray]
  /// The number of times that the arrays have been replaced.
  public private(set) var version = 0
  private let memory: [ZeroedMemory]  // of each array, [rows.count, dimensions]
  private let sparse: (memory: ZeroedMemory, element: RowElement, index: Int)?  // the array S
  private var nextSteps: [Float]  // of each array, after the update
  private var replaced: Set<Int> = []  // arrays whose old content the update does not need
  private var scratch: [Int: Storage] = [:]  // floats of a block of rows of each compact array

  /// Bytes of a row of all arrays, here and in checkpoints.
  public var rowBytes: Int { dimensions * arrays.reduce(0) { $0 + $1.element.bytes } }

  /// The number of arrays that are stored as other elements than floats.
  public var compactCount: Int { arrays.count { $0.element != .float32 } }

  /// Whether an array is stored as steps; an update must then know its bound.
  public var needsBounds: Bool { arrays.contains { $0.element == .steps } }

  /// Arrays that are all zero, for the rows of this rank.
  ///
  /// Traps if two arrays have the same name.
  public init(rows: Range<Int>, dimensions: Int, arrays: [RowArray]) {
    precondition(
      Set(arrays.map(\.name)).count == arrays.count,
      "arrays \(arrays.map(\.name)): different names are needed")
    self.rows = rows
    self.dimensions = dimensions
    self.arrays = arrays
    let count = rows.count * dimensions
    let memory = arrays.map { ZeroedMemory(byteCount: count * $0.element.bytes) }
    self.memory = memory
    sparse = arrays.index(named: "S").map { (memory[$0], arrays[$0].element, $0) }
    nextSteps = arrays.map(\.step)
  }

  // MARK: - Reading

  /// Turns pixels X of `batch`, [batch.count, dimensions], into L = X - S in place.
  ///
  /// Traps if no array is named "S".
  /// - Parameter batch: Global rows of this rank.
  public func subtract(
    _ batch: UnsafeBufferPointer<Int32>, from pixels: UnsafeMutablePointer<Float>
  ) {
    for (i, row) in batch.enumerated() {
      subtract(Int(row)..<Int(row) + 1, from: pixels + i * dimensions)
    }
  }

  /// Turns pixels X of consecutive rows, [rows.count, dimensions], into L = X - S in place.
  ///
  /// Traps if no array is named "S".
  public func subtract(_ rows: Range<Int>, from pixels: UnsafeMutablePointer<Float>) {
    let (first, count) = place(rows)
    guard let sparse else { preconditionFailure("arrays \(arrays.map(\.name)): none is S") }
    switch sparse.element {
    case .float32: ck_axpy(pixels, sparse.memory.floats + first, -1, count)
    case .float16: ck_subtract_halves(pixels, sparse.memory.halves + first, count)
    case .steps:
      withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { values in
        guard let start = values.baseAddress else { return }
        copy(sparse.index, rows, to: start)
        ck_axpy(pixels, start, -1, count)
      }
    }
  }

  /// Copies consecutive rows of an array to `destination`, [rows.count, dimensions].
  ///
  /// Traps if there is no array of this name.
  public func copy(
    _ name: String, _ rows: Range<Int>, to destination: UnsafeMutablePointer<Float>
  ) {
    copy(index(named: name), rows, to: destination)
  }

  /// Passes the floats of some arrays to `body`, [rows.count, dimensions] each.
  ///
  /// Traps if an array has no floats, or if there is none of a name.
  public func withFloats(
    _ names: [String], _ rows: Range<Int>, _ body: ([UnsafePointer<Float>]) -> Void
  ) {
    let first = place(rows).first
    body(
      names.map { name in
        let array = index(named: name)
        precondition(arrays[array].element == .float32, "array \(name): no floats")
        return UnsafePointer(memory[array].floats + first)
      })
  }

  private func copy(
    _ array: Int, _ rows: Range<Int>, to destination: UnsafeMutablePointer<Float>
  ) {
    let (first, count) = place(rows)
    let memory = memory[array]
    switch arrays[array].element {
    case .float32: ck_copy(destination, memory.floats + first, count)
    case .float16: ck_halves_to_floats(memory.halves + first, destination, count)
    case .steps: ck_steps_to_floats(memory.bytes + first, destination, count, arrays[array].step)
    }
  }

  private func index(named name: String) -> Int {
    guard let index = arrays.index(named: name) else {
      preconditionFailure("arrays \(arrays.map(\.name)): none is \(name)")
    }
    return index
  }

  /// The place of the first element of some rows, and the number of their elements.
  private func place(_ rows: Range<Int>) -> (first: Int, count: Int) {
    precondition(
      rows.lowerBound >= self.rows.lowerBound && rows.upperBound <= self.rows.upperBound,
      "rows \(rows) of \(self.rows)")
    return ((rows.lowerBound - self.rows.lowerBound) * dimensions, rows.count * dimensions)
  }

  // MARK: - Replacing

  /// Starts to replace all arrays, block by block, each row once.
  ///
  /// Traps if there is no array of a name.
  /// - Parameters:
  ///   - bounds: Magnitudes that the new elements of arrays do not exceed. Arrays of steps need a
  ///     bound; without a bound an array keeps its step.
  ///   - replaced: Arrays whose old content the update does not read. Their floats are undefined,
  ///     which saves a conversion.
  public func beginUpdate(within bounds: [String: Float] = [:], replacing replaced: [String] = []) {
    for (name, bound) in bounds {
      let array = index(named: name)
      if arrays[array].element == .steps { nextSteps[array] = bound / 127 }
    }
    self.replaced = Set(replaced.map { index(named: $0) })
  }

  /// Passes consecutive rows of all arrays to `body`, which replaces them.
  ///
  /// - Parameter body: Gets floats of each array, in their order, [rows.count, dimensions] each.
  public func update(
    _ rows: Range<Int>, _ body: (_ arrays: [UnsafeMutablePointer<Float>]) -> Void
  ) {
    let (first, count) = place(rows)
    let values = arrays.indices.map { array in
      if arrays[array].element == .float32 { return memory[array].floats + first }
      let floats = floats(of: array, count: count)
      if !replaced.contains(array) { copy(array, rows, to: floats) }
      return floats
    }
    body(values)
    for (array, values) in values.enumerated() {
      switch arrays[array].element {
      case .float32: continue
      case .float16: ck_floats_to_halves(values, memory[array].halves + first, count)
      case .steps: ck_floats_to_steps(values, memory[array].bytes + first, count, nextSteps[array])
      }
    }
  }

  /// Ends a replacement: all rows have been updated.
  public func endUpdate() {
    for array in arrays.indices { arrays[array].step = nextSteps[array] }
    version += 1
    replaced = []
    scratch = [:]
  }

  /// Memory for the floats of a block of a compact array.
  private func floats(of array: Int, count: Int) -> UnsafeMutablePointer<Float> {
    if let held = scratch[array], held.count >= count { return held.pointer }
    let made = Storage(count: count)
    scratch[array] = made
    return made.pointer
  }
}

// MARK: - Checkpoints

extension RowState {
  /// The whole row state: `rowCount` rows of `rowShape` over all ranks.
  private func layout(_ rowCount: Int, _ rowShape: [Int]) -> RowLayout {
    RowLayout(rows: rowCount, rowShape: rowShape, arrays: arrays, version: version)
  }

  /// This rank's rows for a checkpoint of `rowCount` rows of shape `rowShape`.
  func part(of rowCount: Int, _ rowShape: [Int]) -> RowPart {
    let layout = layout(rowCount, rowShape)
    guard version > 0 else { return RowPart(zero: rows, of: layout) }
    return RowPart(
      rows: rows, of: layout, arrays: memory.map { UnsafeRawBufferPointer($0.all) })
  }

  /// The destination of a checkpoint's rows; `adopt(_:)` follows.
  func target(of rowCount: Int, _ rowShape: [Int]) -> RowTarget {
    RowTarget(rows: rows, of: layout(rowCount, rowShape), arrays: memory.map(\.all))
  }

  /// Adopts the steps and the version of rows that were loaded from a checkpoint.
  func adopt(_ saved: RowLayout) {
    for (array, stored) in saved.arrays.enumerated() { arrays[array].step = stored.step }
    nextSteps = arrays.map(\.step)
    // A checkpoint without a version may hold any values.
    version = saved.version ?? 1
  }
}

/// Memory that is zero and takes no pages until it is written.
final class ZeroedMemory {
  /// The whole memory.
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

  /// The start of the memory, as elements of each kind.
  let floats: UnsafeMutablePointer<Float>
  let halves: UnsafeMutablePointer<UInt16>
  let bytes: UnsafeMutablePointer<Int8>
}
