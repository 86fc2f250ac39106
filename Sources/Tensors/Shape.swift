/// The extents of a row-major array of one to four dimensions, kept inline.
public struct Shape: Equatable, Hashable, Sendable {
  private var extents: SIMD4<Int>
  /// The number of dimensions, 1...4.
  public let rank: Int

  private init(_ extents: SIMD4<Int>, rank: Int) {
    precondition(
      extents.min() >= 0, "negative extent in \(extents)")
    self.extents = extents
    self.rank = rank
  }

  /// A vector of `d0` elements.
  public init(_ d0: Int) { self.init(SIMD4(d0, 1, 1, 1), rank: 1) }

  /// A matrix of `d0` rows and `d1` columns.
  public init(_ d0: Int, _ d1: Int) { self.init(SIMD4(d0, d1, 1, 1), rank: 2) }

  /// An array of three dimensions; the last is contiguous.
  public init(_ d0: Int, _ d1: Int, _ d2: Int) { self.init(SIMD4(d0, d1, d2, 1), rank: 3) }

  /// An array of four dimensions; the last is contiguous.
  public init(_ d0: Int, _ d1: Int, _ d2: Int, _ d3: Int) {
    self.init(SIMD4(d0, d1, d2, d3), rank: 4)
  }

  /// A shape of one to four given extents; traps on other numbers of extents.
  public init(_ dimensions: [Int]) {
    precondition((1...4).contains(dimensions.count), "a shape has 1 to 4 dimensions: \(dimensions)")
    var extents = SIMD4<Int>(repeating: 1)
    for (axis, extent) in dimensions.enumerated() { extents[axis] = extent }
    self.init(extents, rank: dimensions.count)
  }

  /// The extent of one axis, counted from the outermost.
  public subscript(axis: Int) -> Int {
    precondition(axis >= 0 && axis < rank, "axis \(axis) of \(self)")
    return extents[axis]
  }

  /// The number of elements.
  public var count: Int { extents[0] * columns }

  /// The outermost extent: the number of rows when the array is read as a matrix.
  public var rows: Int { extents[0] }

  /// The number of elements of a row when the array is read as a matrix; 1 for a vector.
  public var columns: Int { extents[1] * extents[2] * extents[3] }

  /// All extents, outermost first.
  public var dimensions: [Int] { (0..<rank).map { extents[$0] } }

  /// This shape with another outermost extent.
  public func withRows(_ rows: Int) -> Shape {
    var other = extents
    other[0] = rows
    return Shape(other, rank: rank)
  }
}

extension Shape: CustomStringConvertible {
  /// The extents as text: `[200, 784]`.
  public var description: String { "\(dimensions)" }
}
