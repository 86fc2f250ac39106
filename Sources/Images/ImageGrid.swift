/// Images side by side in one picture: rows x columns of equal cells with gaps between them.
///
/// Values are floats. They are clipped to [0, 1] and rounded to 8 bits when an image is placed. A
/// cell without an image shows the background.
public struct ImageGrid {
  /// Rows of cells.
  public let rows: Int
  /// Cells in each row.
  public let columns: Int
  /// The grid with all images placed so far.
  public private(set) var picture: Picture

  private let imageHeight: Int
  private let imageWidth: Int
  private let gap: Int

  /// An empty grid of `rows` x `columns` cells for images of `[height, width, channels]`.
  ///
  /// - Parameters:
  ///   - gap: pixels between neighbouring cells; the grid has no margin.
  ///   - background: the 8-bit value of gaps and empty cells.
  public init(
    rows: Int, columns: Int, height: Int, width: Int, channels: Int, gap: Int = 2,
    background: UInt8 = 96
  ) {
    precondition(rows > 0 && columns > 0 && gap >= 0, "a grid of \(rows) x \(columns) cells")
    self.rows = rows
    self.columns = columns
    self.gap = gap
    imageHeight = height
    imageWidth = width
    picture = Picture(
      height: rows * (height + gap) - gap, width: columns * (width + gap) - gap,
      channels: channels, fill: background)
  }

  /// The grid of `count` images, `[count, height, width, channels]` floats, filled row by row.
  ///
  /// The default of `columns` is the smallest number for which the grid is not higher than wide.
  public init(
    _ values: UnsafePointer<Float>, count: Int, height: Int, width: Int, channels: Int,
    columns: Int? = nil, gap: Int = 2
  ) {
    precondition(count > 0, "a grid of no images")
    let across = columns ?? Int(Double(count).squareRoot().rounded(.up))
    self.init(
      rows: (count + across - 1) / across, columns: across, height: height, width: width,
      channels: channels, gap: gap)
    let size = height * width * channels
    for index in 0..<count {
      place(values + index * size, row: index / across, column: index % across)
    }
  }

  /// Puts one image, `[height, width, channels]` floats, in a cell.
  public mutating func place(_ values: UnsafePointer<Float>, row: Int, column: Int) {
    precondition(
      (0..<rows).contains(row) && (0..<columns).contains(column),
      "cell (\(row), \(column)) of a \(rows) x \(columns) grid")
    let rowLength = imageWidth * picture.channels
    for y in 0..<imageHeight {
      let top = row * (imageHeight + gap) + y
      let start = (top * picture.width + column * (imageWidth + gap)) * picture.channels
      for x in 0..<rowLength {
        picture.bytes[start + x] = Self.byte(values[y * rowLength + x])
      }
    }
  }

  /// Puts `columns` or fewer images, `[count, height, width, channels]` floats, in one row of
  /// cells.
  public mutating func placeRow(_ values: UnsafePointer<Float>, count: Int, row: Int) {
    let size = imageHeight * imageWidth * picture.channels
    for column in 0..<count { place(values + column * size, row: row, column: column) }
  }

  /// Writes the grid as a PNG file.
  ///
  /// - Throws: `ImageError` if the file cannot be written.
  public func write(to path: String) throws(ImageError) {
    try PNG.write(picture, to: path)
  }

  /// The 8-bit value of a float: clipped to [0, 1], scaled and rounded; not-a-number is black.
  public static func byte(_ value: Float) -> UInt8 {
    value > 0 ? UInt8((min(value, 1) * 255).rounded()) : 0
  }
}
