import Foundation

/// Images of the same rows side by side, one column for each kind: a picture to look at.
///
/// Each column has a title above and a note below it; each row may have words at its left. Small
/// images are enlarged by whole pixels, large ones reduced, so that texts fit beside them.
public struct ComparisonSheet {
  /// One kind of images.
  public struct Column {
    /// The word above the column.
    public let title: String
    /// The words below it.
    public let note: String
    /// The images, `[rows, height, width, channels]`.
    public let values: [Float]
    /// The value that is shown black, and the one that is shown white.
    public let range: ClosedRange<Float>

    /// A column from its parts; values from 0 (black) to 1 (white), if no range is given.
    public init(
      _ title: String, note: String = "", _ values: [Float], range: ClosedRange<Float> = 0...1
    ) {
      self.title = title
      self.note = note
      self.values = values
      self.range = range
    }

    /// Signed values: grey is 0, white and black are plus and minus the scale that the note tells.
    ///
    /// The scale is the largest magnitude, rounded up to 1, 2 or 5 times a power of ten.
    public static func signed(_ title: String, _ values: [Float]) -> Column {
      let scale = roundedUp(values.reduce(0) { max($0, abs($1)) })
      return Column(
        title, note: "grey 0, white \(text(scale)), black -\(text(scale))", values,
        range: -scale...scale)
    }

    private static func roundedUp(_ value: Float) -> Float {
      guard value.isFinite, value > 0 else { return 1 }
      let unit = pow(10, log10(Double(value)).rounded(.down))
      return Float([1, 2, 5, 10].map { $0 * unit }.first { $0 >= Double(value) * 0.9999 } ?? 1)
    }

    private static func text(_ scale: Float) -> String {
      scale >= 1 ? "\(Int(scale.rounded()))" : "\((Double(scale) * 1e6).rounded() / 1e6)"
    }
  }

  /// The lines above all.
  public let title: String
  /// The columns; all have as many rows.
  public let columns: [Column]
  /// The words at the left of each row; empty for none.
  public let labels: [String]
  private let height: Int
  private let width: Int
  private let channels: Int
  private let rows: Int
  private let blocks: Int

  /// A sheet of rows of images `[height, width, channels]`.
  ///
  /// Traps if a column has other than `rows` images, or labels are neither none nor `rows`.
  ///
  /// - Parameter blocks: how many groups of rows stand side by side, each with all columns.
  public init(
    title: String, columns: [Column], labels: [String] = [], rows: Int, height: Int, width: Int,
    channels: Int, blocks: Int = 1
  ) {
    precondition(rows > 0 && !columns.isEmpty && blocks > 0, "a sheet without images")
    for column in columns {
      precondition(
        column.values.count == rows * height * width * channels,
        "\(column.title): \(column.values.count) values for \(rows) x \(height) x \(width)")
    }
    precondition(labels.isEmpty || labels.count == rows, "\(labels.count) labels of \(rows) rows")
    self.title = title
    self.columns = columns
    self.labels = labels
    self.rows = rows
    self.height = height
    self.width = width
    self.channels = channels
    self.blocks = min(blocks, rows)
  }

  // MARK: - Layout

  private static let background: UInt8 = 40
  private static let ink: UInt8 = 235
  private static let quietInk: UInt8 = 185
  private static let gap = 8
  /// Pixels of the picture a pixel of the font.
  private static let letter = 2
  private static let characterWidth = BitmapFont.advance * letter
  private static let lineHeight = BitmapFont.lineHeight * letter
  /// The least width of a column, for some words, and the most of a side.
  private static let leastWidth = 132
  private static let largestSide = 320
  private static let labelCharacters = 18

  /// Pixels of the sheet a pixel of an image, and pixels of an image a pixel of the sheet.
  private var zoom: (enlarged: Int, reduced: Int) {
    let longest = max(height, width)
    if longest > Self.largestSide {
      return (1, (longest + Self.largestSide - 1) / Self.largestSide)
    }
    let wished = (Self.leastWidth + width - 1) / width
    return (max(1, min(wished, 2 * Self.largestSide / longest)), 1)
  }

  /// The sheet as a picture, grey or RGB as the images are.
  public func picture() -> Picture {
    let (enlarged, reduced) = zoom
    let cell = (
      height: (height + reduced - 1) / reduced * enlarged,
      width: (width + reduced - 1) / reduced * enlarged
    )
    let columnWidth = max(cell.width, 6 * Self.characterWidth)
    let perLine = columnWidth / Self.characterWidth
    let titles = columns.map { BitmapFont.lines($0.title, width: perLine) }
    let notes = columns.map { BitmapFont.lines($0.note, width: perLine) }
    let titleLines = titles.map(\.count).max() ?? 0
    let noteLines = notes.map(\.count).max() ?? 0
    let rowTexts = labels.map { BitmapFont.lines($0, width: Self.labelCharacters) }
    let labelLength = rowTexts.flatMap { $0 }.map(\.count).max() ?? 0
    let labelWidth = labelLength == 0 ? 0 : labelLength * Self.characterWidth + Self.gap
    let rowHeight = max(cell.height, labelLength == 0 ? 0 : 3 * Self.lineHeight)
    let blockRows = (rows + blocks - 1) / blocks
    let blockWidth = labelWidth + columns.count * (columnWidth + Self.gap)
    let whole = blocks * blockWidth + (blocks + 1) * Self.gap - Self.gap
    let headLines = BitmapFont.lines(
      title, width: max(1, (whole - 2 * Self.gap) / Self.characterWidth))
    let head = Self.gap + headLines.count * Self.lineHeight + Self.gap
    let first = head + titleLines * Self.lineHeight
    let foot = first + blockRows * (rowHeight + Self.gap)

    var picture = Picture(
      height: foot + noteLines * Self.lineHeight + Self.gap, width: whole + Self.gap,
      channels: channels, fill: Self.background)
    write(headLines, on: &picture, left: Self.gap, top: Self.gap, Self.ink)
    for block in 0..<blocks {
      let start = Self.gap + block * (blockWidth + Self.gap)
      for (index, column) in columns.enumerated() {
        let left = start + labelWidth + index * (columnWidth + Self.gap)
        // Titles stand on the images, notes hang from them.
        write(
          titles[index], on: &picture, left: left,
          top: head + (titleLines - titles[index].count) * Self.lineHeight, Self.ink)
        write(notes[index], on: &picture, left: left, top: foot, Self.quietInk)
        for row in block * blockRows..<min((block + 1) * blockRows, rows) {
          let top = first + (row - block * blockRows) * (rowHeight + Self.gap)
          place(column, row, on: &picture, left: left, top: top, enlarged, reduced)
        }
      }
      for row in block * blockRows..<min((block + 1) * blockRows, rows) where !labels.isEmpty {
        let lines = rowTexts[row].prefix(max(1, rowHeight / Self.lineHeight))
        let top = first + (row - block * blockRows) * (rowHeight + Self.gap)
        write(Array(lines), on: &picture, left: start, top: top, Self.ink)
      }
    }
    return picture
  }

  private func write(
    _ lines: [String], on picture: inout Picture, left: Int, top: Int, _ value: UInt8
  ) {
    for (index, line) in lines.enumerated() {
      BitmapFont.draw(
        line, on: &picture, left: left, top: top + index * Self.lineHeight, value: value,
        scale: Self.letter)
    }
  }

  /// Draws an image; each pixel becomes a square, or squares of pixels become their mean.
  private func place(
    _ column: Column, _ row: Int, on picture: inout Picture, left: Int, top: Int, _ enlarged: Int,
    _ reduced: Int
  ) {
    let (low, span) = (column.range.lowerBound, column.range.upperBound - column.range.lowerBound)
    let start = row * height * width * channels
    for y in stride(from: 0, to: height, by: reduced) {
      for x in stride(from: 0, to: width, by: reduced) {
        for channel in 0..<channels {
          var sum: Float = 0
          var count: Float = 0
          for v in y..<min(y + reduced, height) {
            for u in x..<min(x + reduced, width) {
              sum += column.values[start + (v * width + u) * channels + channel]
              count += 1
            }
          }
          let value = ImageGrid.byte((sum / count - low) / span)
          for v in 0..<enlarged {
            let line = (top + y / reduced * enlarged + v) * picture.width
            for u in 0..<enlarged {
              let place = line + left + x / reduced * enlarged + u
              picture.bytes[place * channels + channel] = value
            }
          }
        }
      }
    }
  }
}

extension Picture {
  /// The picture under a line of words, or some if it is narrow; enlarged where it is small.
  public func titled(_ title: String) -> Picture {
    let zoom = max(1, 720 / max(width, 1))
    let letter = 2
    let whole = max(width * zoom, 240)
    let lines = BitmapFont.lines(title, width: (whole - 8) / (BitmapFont.advance * letter))
    let head = lines.count * BitmapFont.lineHeight * letter + 12
    var result = Picture(height: head + height * zoom, width: whole, channels: channels, fill: 40)
    for (index, line) in lines.enumerated() {
      BitmapFont.draw(
        line, on: &result, left: 8, top: 8 + index * BitmapFont.lineHeight * letter, value: 235,
        scale: letter)
    }
    for y in 0..<height * zoom {
      for x in 0..<width * zoom {
        let from = (y / zoom * width + x / zoom) * channels
        let to = ((head + y) * whole + x) * channels
        for channel in 0..<channels { result.bytes[to + channel] = bytes[from + channel] }
      }
    }
    return result
  }
}
