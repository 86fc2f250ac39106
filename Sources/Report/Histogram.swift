/// Counts of values in equal parts of an axis.
struct Bins {
  let scale: Scale
  /// Values of each series in each bin, `[series][bin]`.
  let counts: [[Int]]
  /// Values of each series that are finite, also those outside the axis.
  let totals: [Int]
  let omitted: Omissions

  init(_ series: [Plot.Series], _ count: Int, _ axis: Plot.Axis) {
    precondition(count > 0, "\(count) bins")
    var omitted = Omissions()
    let kept = series.map { $0.values.filter { omitted.keeps($0, on: axis) } }
    let scale = Scale(axis, Extent(kept.joined()).range)
    counts = kept.map { values in
      var counts = [Int](repeating: 0, count: count)
      for value in values { counts[min(Int(scale.place(value) * Double(count)), count - 1)] += 1 }
      return counts
    }
    totals = series.map { $0.values.count(where: \.isFinite) }
    (self.scale, self.omitted) = (scale, omitted)
  }
}

extension Drawing {
  /// Steps of all series over common bins.
  mutating func histogram(_ series: [Plot.Series], _ count: Int, _ heights: Plot.Heights) {
    let bins = Bins(series, count, plot.x)
    let values = zip(bins.counts, bins.totals).map { counts, total in
      counts.map { heights == .counts ? Double($0) : Double($0) / Double(max(total, 1)) }
    }
    let largest = values.joined().max() ?? 0
    let smallest =
      plot.y.spacing == .linear ? 0 : (values.joined().filter { $0 > 0 }.min() ?? 1) / 2
    let y = Scale(plot.y, largest > smallest ? smallest...largest : nil, above: 0.05)
    // More than three fills on each other say nothing.
    let kind = series.count > 3 ? "line" : "line area"
    let top = header(bins.omitted, series.map(\.name)) { drawing, index, x, y in
      drawing.path(kind, "M\(px(x)) \(px(y + 6))v-12h26v12z", dash: Style.dash(index))
    }
    let frame = self.frame(x: bins.scale, y: y, top: top)
    let edges = (0...count).map {
      frame.left + Double($0) / Double(count) * (frame.right - frame.left)
    }
    for (index, values) in values.enumerated() {
      var steps = ""
      for (bin, value) in values.enumerated() where value > 0 {
        if bin == 0 || values[bin - 1] == 0 { steps += "M\(px(edges[bin])) \(px(frame.bottom))" }
        steps += "V\(px(frame.up(value)))H\(px(edges[bin + 1]))"
        if bin == count - 1 || values[bin + 1] == 0 { steps += "V\(px(frame.bottom))" }
      }
      svg.open("g", ["class": Style.colour(index)])
      path(kind, steps, dash: Style.dash(index))
      svg.close("g")
    }
    base(frame)
    let isEmpty = largest == 0
    note(in: frame, ifEmpty: isEmpty)
    for bin in 0..<(isEmpty ? 0 : count) {
      let (low, high) = (Double(bin) / Double(count), Double(bin + 1) / Double(count))
      let range = [low, high].map { Drawing.number(bins.scale.value(at: $0)) }
      let parts = zip(series, values).map { "\($0.name): \(Drawing.number($1[bin]))" }
      svg.add(
        "rect",
        [
          "class": "hit", "x": px(edges[bin]), "y": px(frame.top),
          "width": px(edges[bin + 1] - edges[bin]), "height": px(frame.bottom - frame.top),
        ], tip: (["\(range[0]) to \(range[1])"] + parts).joined(separator: " · "))
    }
    summary.append("Histogram of \(count) bins, \(plot.x.text) across, \(plot.y.text) up")
    for one in series {
      let kept = one.values.filter { abs($0) < Omissions.limit }
      let mean =
        kept.isEmpty ? "" : ", mean \(Drawing.number(kept.reduce(0, +) / Double(kept.count)))"
      summary.append("\(one.name): \(Ticks.decimal(Double(kept.count), 0)) values\(mean)")
    }
  }
}
