extension Drawing {
  /// Wider drawings have narrower slots, and leave names out.
  private static let widest = 1600.0

  /// Bars side by side in groups; colours and stripes tell the series.
  mutating func bars(_ groups: [String], _ series: [Plot.Series]) {
    for one in series {
      precondition(
        one.values.count == groups.count,
        "\(one.name): \(one.values.count) values for \(groups.count) groups")
    }
    var omitted = Omissions()
    let isLinear = plot.y.spacing == .linear
    var extent = Extent(isLinear ? [0] : [])
    var isKept = series.map { [Bool](repeating: false, count: $0.values.count) }
    for (index, one) in series.enumerated() {
      for (group, value) in one.values.enumerated() where omitted.keeps(value, on: plot.y) {
        isKept[index][group] = true
        extent.include(value)
        for end in one.ends(group) where isLinear || end > 0 { extent.include(end) }
      }
    }
    let isEmpty = !isKept.joined().contains(true)
    let below = extent.range.map { !isLinear || $0.lowerBound < 0 } ?? false
    let y = Scale(
      plot.y, isEmpty || extent.range == 0...0 ? nil : extent.range, below: below ? 0.05 : 0,
      above: 0.05)
    let least = max(22, Double(series.count) * 7 + 8)
    width = min(max(width, 130 + Double(groups.count) * least), Drawing.widest).rounded(.up)
    let top = header(omitted, series.map(\.name)) { drawing, index, x, y in
      drawing.bar(index, x: x, y: y - 6, width: 26, height: 12)
    }
    let frame = self.frame(
      x: Scale(Plot.Axis(""), nil), y: y, top: top, groups: groups)
    let slot = (frame.right - frame.left) / Double(max(groups.count, 1))
    let width = slot * 0.82 / Double(max(series.count, 1))
    let zero = isLinear ? frame.up(0) : frame.bottom
    for (index, one) in series.enumerated() {
      svg.open("g", ["class": Style.colour(index)])
      for group in groups.indices where isKept[index][group] {
        let left = frame.left + slot * (Double(group) + 0.09) + width * Double(index)
        let end = frame.up(one.values[group])
        let error = one.errors.map { " ± \(Drawing.number($0[group]))" } ?? ""
        bar(
          index, x: left + width * 0.04, y: min(end, zero), width: width * 0.92,
          height: abs(end - zero),
          tip: (one.name.isEmpty ? "" : "\(one.name), ")
            + "\(groups[group]): \(Drawing.number(one.values[group]))\(error)")
        let ends = one.ends(group)
        if ends.count == 2 {
          let steps = Drawing.errorBar(
            at: left + width / 2, from: frame.up(ends[0]), to: frame.up(ends[1]))
          path("error", steps)
        }
      }
      svg.close("g")
    }
    base(frame, at: zero)
    note(in: frame, ifEmpty: isEmpty)
    summary.append("Bars, \(plot.x.text) across, \(plot.y.text) up")
    for one in series {
      let values = zip(groups, one.values).prefix(20).map { "\($0) \(Drawing.number($1))" }
      summary.append("\(one.name): " + values.joined(separator: ", "))
    }
  }

  private mutating func bar(
    _ series: Int, x: Double, y: Double, width: Double, height: Double, tip: String? = nil
  ) {
    svg.add(
      "rect",
      ["class": "fill", "x": px(x), "y": px(y), "width": px(width), "height": px(height)], tip: tip)
    if let steps = Style.stripes(series, x: x, y: y, width: width, height: height) {
      // The pointer shall meet the bar below.
      svg.add("path", ["class": "stripe", "pointer-events": "none", "d": steps])
    }
  }
}

extension Plot.Series {
  /// Both ends of the error bar of a value; none without a finite error.
  fileprivate func ends(_ index: Int) -> [Double] {
    guard let error = errors?[index], abs(error) < Omissions.limit else { return [] }
    return [values[index] - error, values[index] + error]
  }
}
