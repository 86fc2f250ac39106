/// A row-major float32 array: a view of a storage.
///
/// Copying a tensor copies the view, not the elements.
public struct Tensor {
  /// The memory of the elements.
  public let storage: Storage
  /// The first element of the view, counted in elements of the storage.
  public let offset: Int
  /// The extents, outermost first.
  public let shape: Shape

  /// A view of `shape.count` elements of a storage, from `offset` on; traps if they do not fit.
  public init(storage: Storage, offset: Int = 0, shape: Shape) {
    precondition(
      offset >= 0 && offset + shape.count <= storage.count,
      "a view of \(shape) at \(offset) in a storage of \(storage.count) elements")
    self.storage = storage
    self.offset = offset
    self.shape = shape
  }

  /// Zeros in a new storage.
  public init(_ shape: Shape) {
    self.init(storage: Storage(count: shape.count), offset: 0, shape: shape)
  }

  /// A copy of the given elements, row after row; traps unless there are `shape.count` elements.
  public init(_ shape: Shape, _ values: [Float]) {
    precondition(values.count == shape.count, "\(values.count) values for a tensor of \(shape)")
    self.init(shape)
    pointer.update(from: values, count: values.count)
  }

  /// The first element, valid while the storage lives.
  @inlinable public var pointer: UnsafeMutablePointer<Float> { storage.pointer + offset }

  /// The number of elements.
  public var count: Int { shape.count }

  /// A copy of the elements, row after row.
  public var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  /// The same elements under another shape with an equal number of elements.
  public func reshaped(_ shape: Shape) -> Tensor {
    precondition(shape.count == count, "\(self.shape) read as \(shape)")
    return Tensor(storage: storage, offset: offset, shape: shape)
  }

  /// A view of some rows (of the outermost axis).
  public func rows(_ range: Range<Int>) -> Tensor {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= shape.rows, "rows \(range) of \(shape)")
    return Tensor(
      storage: storage, offset: offset + range.lowerBound * shape.columns,
      shape: shape.withRows(range.count))
  }
}
