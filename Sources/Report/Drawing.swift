import Support

/// Places the parts of a plot and writes their SVG; what all kinds share.
///
/// All lengths are pixels. A kind makes its scales, calls `header` and `frame`, and adds its marks;
/// kinds stand in files of their own.
struct Drawing {
  /// The free room at the edges.
  static let margin = 20.0
  /// The size of most text.
  static let size = 12.0

  let plot: Plot
  var svg = SVGText()
  var width = 900.0
  var height = 0.0
  /// Sentences for who cannot see the drawing.
  var summary: [String] = []

  init(_ plot: Plot) {
    self.plot = plot
    switch plot.marks {
    case .histogram(let series, let bins, let heights): histogram(series, bins, heights)
    case .scatter(let series): points(series, spread: nil)
    case .lines(let series, let spread): points(series, spread: spread)
    case .bars(let groups, let series): bars(groups, series)
    case .heatMap(let matrix): heatMap(matrix)
    }
    // Whole pixels, so that paper reaches the edges of a PNG.
    height = height.rounded(.up)
  }

  /// The whole text; dark colours are for readers with a browser.
  func document(followsDarkMode: Bool) -> String {
    var page = SVGText()
    let (w, h) = (px(width), px(height))
    page.open(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "class": "cleave-plot", "role": "img",
        "viewBox": "0 0 \(w) \(h)", "width": w, "height": h,
      ])
    page.add("title", [:], plot.title)
    page.add("desc", [:], description)
    page.add("style", [:], Style.sheet(followsDarkMode: followsDarkMode))
    page.add("rect", ["class": "paper", "width": w, "height": h])
    page.add(svg)
    page.close("svg")
    return page.text
  }

  /// The text for who cannot see the drawing.
  var description: String {
    plot.alternative ?? ([plot.subtitle] + summary).filter { !$0.isEmpty }.joined(separator: ". ")
  }

  // MARK: - Parts of all kinds

  enum Anchor: String { case start, middle, end }

  /// Adds a line of text, whose baseline is at `y`.
  ///
  /// - Parameter turned: degrees against the clock, around its anchor.
  mutating func text(
    _ text: String, x: Double, y: Double, size: Double = Drawing.size, _ anchor: Anchor = .start,
    kind: String = "ink", turned: Int = 0, tip: String? = nil
  ) {
    let turn = turned == 0 ? nil : "rotate(\(-turned) \(px(x)) \(px(y)))"
    svg.add(
      "text",
      [
        "class": kind, "x": px(x), "y": px(y), "font-size": px(size),
        "text-anchor": anchor == .start ? nil : anchor.rawValue, "transform": turn,
      ], text, tip: tip)
  }

  /// Adds the same shortened to a width; its whole shows where a pointer rests.
  mutating func name(
    _ name: String, within room: Double, x: Double, y: Double, size: Double = Drawing.size,
    _ anchor: Anchor, kind: String = "ink", turned: Int = 0
  ) {
    let short = TextWidth.shortened(name, to: room, size)
    text(
      short, x: x, y: y, size: size, anchor, kind: kind, turned: turned,
      tip: short == name ? nil : name)
  }

  /// Adds a path; none for no steps.
  mutating func path(
    _ kind: String, _ steps: String, dash: String = "", opacity: String? = nil, tip: String? = nil
  ) {
    guard !steps.isEmpty else { return }
    svg.add(
      "path",
      [
        "class": kind, "d": steps, "stroke-dasharray": dash.isEmpty ? nil : dash,
        "fill-opacity": opacity, "stroke-opacity": opacity,
      ], tip: tip)
  }

  /// Adds title, subtitle, what is left out, and the legend.
  ///
  /// - Parameters:
  ///   - names: of the series; those without a name have no entry.
  ///   - length: of the samples in the legend.
  ///   - sample: draws the sample of a series, from `x` to `x + length`, around `y`.
  /// - Returns: the place below them.
  mutating func header(
    _ omitted: Omissions, _ names: [String] = [], length: Double = 26,
    sample: (inout Drawing, Int, Double, Double) -> Void = { _, _, _, _ in }
  ) -> Double {
    let room = width - 2 * Drawing.margin
    var y = 10.0
    // Bold text is up to a sixth wider.
    for line in TextWidth.lines(plot.title, room / 1.17, 17, most: 2) {
      y += 22
      text(line, x: Drawing.margin, y: y, size: 17, kind: "ink title")
    }
    let more = TextWidth.lines(plot.subtitle, room, Drawing.size, most: 3)
    for line in more + (omitted.text.isEmpty ? [] : [omitted.text]) {
      y += 18
      text(line, x: Drawing.margin, y: y, kind: "soft")
    }
    var x = width
    for (index, name) in names.enumerated() where !name.isEmpty {
      let entry = length + 8 + min(TextWidth.of(name, Drawing.size), 280) + 22
      if x + entry > width - Drawing.margin + 22 { (x, y) = (Drawing.margin, y + 22) }
      svg.open("g", ["class": Style.colour(index)])
      sample(&self, index, x, y - 4)
      svg.close("g")
      self.name(name, within: 280, x: x + length + 8, y: y, .start)
      x += entry
    }
    return y + 18
  }

  /// Says so where a drawing has no marks.
  mutating func note(in frame: Frame, ifEmpty isEmpty: Bool) {
    guard isEmpty else { return }
    text(
      "no values to draw", x: (frame.left + frame.right) / 2, y: (frame.top + frame.bottom) / 2,
      size: 15, .middle, kind: "soft")
  }

  /// A number as tips and summaries show it.
  static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e6
      ? Ticks.decimal(value, 0) : Quantity.significant(value)
  }
}
