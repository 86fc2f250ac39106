/// The field of the marks, and the places of values in it.
struct Frame {
  var left: Double, right: Double, top: Double, bottom: Double
  var x: Scale, y: Scale

  func across(_ value: Double) -> Double { left + x.place(value) * (right - left) }
  func up(_ value: Double) -> Double { bottom - y.place(value) * (bottom - top) }
}

/// Names below groups or columns, level if they fit, turned if they do not.
struct NameRow {
  let names: [String]
  let isTurned: Bool
  /// Every how many names one is shown.
  let step: Int
  /// How far turned names reach down, and to the left of the field.
  let height: Double, overhang: Double

  private static let longest = 150.0
  private static let slope = 0.7071

  /// Names for slots of a width in pixels.
  init(_ names: [String], slot: Double) {
    let widths = names.map { min(TextWidth.of($0, Drawing.size), NameRow.longest) }
    let widest = widths.max() ?? 0
    self.names = names
    isTurned = widest + 8 > slot
    // Turned lines of text are 14 pixels apart.
    step = isTurned ? max(1, Int((14 / NameRow.slope / slot).rounded(.up))) : 1
    height = isTurned ? widest * NameRow.slope + 16 : 20
    overhang =
      isTurned
      ? widths.enumerated().map { $1 * NameRow.slope - (Double($0) + 0.5) * slot }.max() ?? 0 : 0
  }

  /// Adds the names below `bottom`, in slots that begin at `left`.
  func draw(on drawing: inout Drawing, left: Double, slot: Double, bottom: Double) {
    for index in stride(from: 0, to: names.count, by: step) {
      let centre = left + (Double(index) + 0.5) * slot
      drawing.name(
        names[index], within: NameRow.longest, x: centre + (isTurned ? 4 : 0),
        y: bottom + (isTurned ? 12 : 17), isTurned ? .end : .middle, turned: isTurned ? 45 : 0)
    }
  }
}

extension Drawing {
  /// Adds axes, grid and labels, and gives the drawing its height.
  ///
  /// - Parameter groups: names in place of the ticks of the x axis.
  mutating func frame(x: Scale, y: Scale, top: Double, groups: [String]? = nil) -> Frame {
    let (across, up) = (groups == nil ? x.ticks : [], y.ticks)
    func widest(_ ticks: [Tick]) -> Double {
      ticks.map { TextWidth.of($0.label, Drawing.size) }.max() ?? 0
    }
    var frame = Frame(
      left: max(Drawing.margin + 22 + widest(up) + 8, widest(across) / 2 + 4),
      right: width - max(Drawing.margin, widest(across) / 2 + 4), top: top, bottom: top + 360,
      x: x, y: y)
    var below = 20.0
    if let groups {
      func slot() -> Double { (frame.right - frame.left) / Double(max(groups.count, 1)) }
      // Narrower slots turn more names, never less.
      frame.left = max(frame.left, NameRow(groups, slot: slot()).overhang + 8)
      let row = NameRow(groups, slot: slot())
      row.draw(on: &self, left: frame.left, slot: slot(), bottom: frame.bottom)
      below = row.height
    }
    for tick in up {
      let y = frame.up(tick.value)
      grid("M\(px(frame.left)) \(px(y))H\(px(frame.right))")
      text(tick.label, x: frame.left - 8, y: y + 4, .end, kind: "soft")
    }
    let centres = across.map { frame.across($0.value) }
    let step = Drawing.step(centres, across.map { TextWidth.of($0.label, Drawing.size) })
    for (index, tick) in across.enumerated() {
      grid("M\(px(centres[index])) \(px(frame.top))V\(px(frame.bottom + 4))")
      if index % step == 0 {
        text(tick.label, x: centres[index], y: frame.bottom + 18, .middle, kind: "soft")
      }
    }
    axisLabels(frame, below: below)
    return frame
  }

  /// Adds the labels of both axes; `below` is what stands between the field and the x axis' label.
  mutating func axisLabels(_ frame: Frame, below: Double) {
    name(
      plot.x.text, within: frame.right - frame.left, x: (frame.left + frame.right) / 2,
      y: frame.bottom + below + 22, .middle)
    name(
      plot.y.text, within: max(frame.bottom - frame.top, 80), x: Drawing.margin + 10,
      y: (frame.top + frame.bottom) / 2, .middle, turned: 90)
    height = frame.bottom + below + 38
  }

  private mutating func grid(_ steps: String) { path("grid", steps) }

  /// Adds the line of the x axis, over the marks.
  mutating func base(_ frame: Frame, at y: Double? = nil) {
    path("axis", "M\(px(frame.left)) \(px(y ?? frame.bottom))H\(px(frame.right))")
  }

  /// The smallest step by which labels with these centres and widths do not touch.
  static func step(_ centres: [Double], _ widths: [Double]) -> Int {
    (1..<max(centres.count, 2)).first { step in
      stride(from: step, to: centres.count, by: step).allSatisfy { index in
        centres[index] - centres[index - step] >= (widths[index] + widths[index - step]) / 2 + 8
      }
    } ?? max(centres.count, 1)
  }
}
