import Foundation
import Support

extension Drawing {
  /// Wider drawings have narrower cells, without their values.
  private static let widest = 1600.0
  /// The size of the values in cells.
  private static let small = 11.0

  /// Cells in colours of their values, with a scale of the colours at the right.
  mutating func heatMap(_ matrix: Plot.Matrix) {
    var omitted = Omissions()
    let axis = Plot.Axis(matrix.label)
    let isKept = matrix.values.map { omitted.keeps($0, on: axis) }
    let kept = zip(matrix.values, isKept).filter(\.1).map(\.0)
    let scale = Scale(axis, matrix.extent(of: kept))
    let texts = Drawing.cellTexts(matrix.values, kept)
    let widest = texts.map { TextWidth.of($0, Drawing.small) }.max() ?? 0
    let count = (
      rows: Double(max(matrix.rows.count, 1)), columns: Double(max(matrix.columns.count, 1))
    )
    let names = matrix.rows.map { min(TextWidth.of($0, Drawing.size), 200) }.max() ?? 0
    let labels = scale.ticks.map { TextWidth.of($0.label, Drawing.small) }.max() ?? 0
    let (before, behind) = (Drawing.margin + 22 + names + 8, 18 + 21 + labels + 30)
    width = min(max(width, before + behind + count.columns * (widest + 8)), Drawing.widest)
      .rounded(.up)
    let top = header(omitted)
    let cellHeight = count.rows <= 200 ? max(20, min(44, 300 / count.rows)) : 4000 / count.rows
    var frame = Frame(
      left: before, right: width - behind, top: top,
      bottom: top + count.rows * cellHeight, x: scale, y: scale)
    func slot() -> Double { (frame.right - frame.left) / count.columns }
    frame.left = max(frame.left, NameRow(matrix.columns, slot: slot()).overhang + 8)
    let row = NameRow(matrix.columns, slot: slot())
    row.draw(on: &self, left: frame.left, slot: slot(), bottom: frame.bottom)
    let step = Int((15 / cellHeight).rounded(.up))
    for index in stride(from: 0, to: matrix.rows.count, by: step) {
      name(
        matrix.rows[index], within: 200, x: frame.left - 8,
        y: frame.top + (Double(index) + 0.5) * cellHeight + 4, .end)
    }
    let isWritten = cellHeight >= 14 && widest + 4 <= slot()
    for (index, value) in matrix.values.enumerated() {
      let (line, column) = index.quotientAndRemainder(dividingBy: matrix.columns.count)
      let (x, y) = (frame.left + Double(column) * slot(), frame.top + Double(line) * cellHeight)
      let (colour, isDark) = matrix.ramp.colour(isKept[index] ? scale.place(value) : 0)
      let tip = "\(matrix.rows[line]), \(matrix.columns[column]): \(Drawing.number(value))"
      cell(
        isKept[index] ? colour : nil, x: x, y: y, width: slot(), height: cellHeight, tip: tip)
      guard isWritten else { continue }
      svg.add(
        "text",
        [
          "x": px(x + slot() / 2), "y": px(y + cellHeight / 2 + 4), "font-size": px(Drawing.small),
          "text-anchor": "middle", "fill": isKept[index] && isDark ? "#fff" : "#111",
          "pointer-events": "none",
        ], texts[index])
    }
    axisLabels(frame, below: row.height)
    colourScale(matrix, scale, frame)
    note(in: frame, ifEmpty: matrix.values.isEmpty)
    summary.append(
      "Heat map of \(matrix.label), \(matrix.rows.count) rows (\(plot.y.text)), "
        + "\(matrix.columns.count) columns (\(plot.x.text))")
    if let range = Extent(kept).range {
      summary.append(
        "from \(Drawing.number(range.lowerBound)) to \(Drawing.number(range.upperBound))")
    }
  }

  private mutating func cell(
    _ colour: String?, x: Double, y: Double, width: Double, height: Double, tip: String? = nil
  ) {
    // Both ends are rounded alike, so that no seam shows between cells; at other sizes than the
    // drawing's own the style sheet sees to it.
    let (left, top) = ((x * 2).rounded() / 2, (y * 2).rounded() / 2)
    let (right, bottom) = (((x + width) * 2).rounded() / 2, ((y + height) * 2).rounded() / 2)
    svg.add(
      "rect",
      [
        "class": colour == nil ? "cell none" : "cell", "fill": colour, "x": px(left), "y": px(top),
        "width": px(right - left), "height": px(bottom - top),
      ], tip: tip)
  }

  /// Adds the scale of colours at the right of the cells.
  private mutating func colourScale(_ matrix: Plot.Matrix, _ scale: Scale, _ frame: Frame) {
    let (x, bands) = (frame.right + 18, 64)
    let length = max(frame.bottom - frame.top, 140)
    for band in 0..<bands {
      let height = length / Double(bands)
      cell(
        matrix.ramp.colour((Double(band) + 0.5) / Double(bands)).hexadecimal, x: x,
        y: frame.top + length - Double(band + 1) * height, width: 14, height: height)
    }
    for tick in scale.ticks {
      let y = frame.top + length * (1 - scale.place(tick.value))
      path("axis", "M\(px(x + 14)) \(px(y))h4")
      text(tick.label, x: x + 21, y: y + 4, size: Drawing.small, kind: "soft")
    }
    name(
      matrix.label, within: length, x: width - 10, y: frame.top + length / 2, .middle, turned: 90)
    height = max(height, frame.top + length + Drawing.margin)
  }

  /// The values as cells show them: all with the same decimals, with three digits at least of
  /// the smallest where four of the largest allow it.
  static func cellTexts(_ values: [Double], _ kept: [Double]) -> [String] {
    let sizes = Extent(kept.map(abs).filter { $0 > 0 })
    func magnitude(_ value: Double) -> Int { Int(log10(value).rounded(.down)) }
    let (smallest, largest) = (
      magnitude(sizes.range?.lowerBound ?? 1), magnitude(sizes.range?.upperBound ?? 1)
    )
    let isWhole = kept.allSatisfy { $0 == $0.rounded() }
    let places = isWhole ? 0 : max(0, 2 - largest, min(2 - smallest, 3 - largest))
    return values.map { value in
      guard abs(value) < Omissions.limit else { return "–" }
      return largest >= 6 || largest < -3
        ? Quantity.significant(value, 3) : Ticks.decimal(value, places)
    }
  }
}

extension Plot.Matrix {
  fileprivate var ramp: Ramp { colours == .sequential ? .sequential : .diverging }

  /// The values at both ends of the colours; nil without a finite value.
  fileprivate func extent(of kept: [Double]) -> ClosedRange<Double>? {
    guard let range = Extent(kept).range, case .diverging(let centre) = colours else {
      return Extent(kept).range
    }
    let reach = max(abs(range.lowerBound - centre), abs(range.upperBound - centre))
    return centre - reach...centre + reach
  }
}
