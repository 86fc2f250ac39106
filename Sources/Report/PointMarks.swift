extension Drawing {
  /// A point that is drawn: its number in the series, and its place.
  private struct Place {
    let index: Int, x: Double, y: Double
  }

  /// Points, joined by lines where there is a way to draw spreads.
  mutating func points(_ series: [Plot.Points], spread: Plot.Spread?) {
    var omitted = Omissions()
    let kept = series.map { one in
      one.x.indices.filter { index in
        // A point that lacks both counts once.
        omitted.keeps(one.x[index], on: plot.x) && omitted.keeps(one.y[index], on: plot.y)
      }
    }
    var (across, up) = (Extent(), Extent())
    for (one, indices) in zip(series, kept) {
      for index in indices {
        across.include(one.x[index])
        up.include(one.y[index])
        guard spread != nil, let (low, high) = one.interval(index, plot.y) else { continue }
        up.include(low)
        up.include(high)
      }
    }
    let x = Scale(plot.x, across.range, below: 0.02, above: 0.02)
    let y = Scale(plot.y, up.range, below: 0.05, above: 0.05)
    let length = spread == nil ? 10.0 : 26
    let top = header(omitted, series.map(\.name), length: length) { drawing, index, x, y in
      if spread != nil { drawing.path("line", "M\(px(x)) \(px(y))h26", dash: Style.dash(index)) }
      drawing.marker(index, x: x + length / 2, y: y, 4)
    }
    let frame = self.frame(x: x, y: y, top: top)
    base(frame)
    let places = zip(series, kept).map { one, indices in
      indices.map { Place(index: $0, x: frame.across(one.x[$0]), y: frame.up(one.y[$0])) }
    }
    if let spread {
      lines(series, places, spread, frame)
    } else {
      scatter(series, places)
    }
    note(in: frame, ifEmpty: places.allSatisfy(\.isEmpty))
    summary.append(
      "\(spread == nil ? "Scatter plot" : "Lines"), \(plot.x.text) across, \(plot.y.text) up")
    for (one, indices) in zip(series, kept) {
      let range = Extent(indices.map { one.y[$0] }).range.map {
        ", from \(Drawing.number($0.lowerBound)) to \(Drawing.number($0.upperBound))"
      }
      summary.append(
        "\(one.name): \(Ticks.decimal(Double(indices.count), 0)) points\(range ?? "")")
    }
  }

  // MARK: - Scatter plots

  /// Above that number of points in a drawing they have no tips: a file of some size, for values
  /// that no pointer can pick.
  private static let mostTips = 2000

  private mutating func scatter(_ series: [Plot.Points], _ places: [[Place]]) {
    let count = places.reduce(0) { $0 + $1.count }
    let size = count > 5000 ? 2.2 : count > 500 ? 3 : 4.2
    let opacity = count > 500 ? "0.5" : "0.8"
    let hasTips = count <= Drawing.mostTips
    // A path is of one tone where its own points overlap, and darker where paths do. So points are
    // dealt out to paths, in turns of the series: none lies beneath all others.
    let turns = hasTips ? 1 : 20
    for turn in 0..<turns {
      for (index, places) in places.enumerated() {
        svg.open("g", ["class": Style.colour(index)])
        if hasTips {
          for place in places {
            marker(
              index, x: place.x, y: place.y, size, opacity: opacity,
              tip: tip(series[index], place.index))
          }
        } else {
          let (steps, kind) = Style.marker(index, size)
          let dealt = stride(from: turn, to: places.count, by: turns).map { places[$0] }
          path(
            kind, dealt.map { "M\(px($0.x)) \(px($0.y))\(steps)" }.joined(), opacity: opacity)
        }
        svg.close("g")
      }
    }
  }

  private mutating func marker(
    _ series: Int, x: Double, y: Double, _ size: Double, opacity: String? = nil, tip: String? = nil
  ) {
    let (steps, kind) = Style.marker(series, size)
    path(kind, "M\(px(x)) \(px(y))\(steps)", opacity: opacity, tip: tip)
  }

  private func tip(_ one: Plot.Points, _ index: Int) -> String {
    let interval = one.spread.map {
      " (\(Drawing.number($0.low[index])) to \(Drawing.number($0.high[index])))"
    }
    return (one.name.isEmpty ? "" : "\(one.name): ")
      + "\(plot.x.label) \(Drawing.number(one.x[index])), "
      + "\(plot.y.label) \(Drawing.number(one.y[index]))\(interval ?? "")"
  }

  // MARK: - Lines

  private mutating func lines(
    _ series: [Plot.Points], _ places: [[Place]], _ spread: Plot.Spread, _ frame: Frame
  ) {
    for (index, places) in places.enumerated() {
      svg.open("g", ["class": Style.colour(index)])
      switch spread {
      case .band: band(series[index], places, frame)
      case .bars: errorBars(series[index], places, frame)
      }
      svg.close("g")
    }
    let count = places.reduce(0) { $0 + $1.count }
    for (index, places) in places.enumerated() {
      svg.open("g", ["class": Style.colour(index)])
      path("line", Drawing.joined(places), dash: Style.dash(index))
      // Markers of many points would hide the line; series have theirs at different points.
      let step = places.count <= 40 ? 1 : (places.count + 24) / 25
      for (number, place) in places.enumerated() {
        let isMarked = number % step == index * step / max(series.count, 1)
        guard isMarked || count <= Drawing.mostTips else { continue }
        let tip = self.tip(series[index], place.index)
        if isMarked {
          marker(index, x: place.x, y: place.y, 4, tip: tip)
        } else {
          svg.add(
            "circle", ["class": "hit", "cx": px(place.x), "cy": px(place.y), "r": "4"], tip: tip)
        }
      }
      svg.close("g")
    }
  }

  /// A line with a gap wherever a point was left out; points that no eye can part are joined.
  private static func joined(_ places: [Place]) -> String {
    var steps = ""
    var last: Place?
    var previous = -1
    for place in places {
      let isNext = place.index == previous + 1
      previous = place.index
      if isNext, let last, abs(last.x - place.x) < 0.3, abs(last.y - place.y) < 0.3 { continue }
      steps += "\(isNext && last != nil ? "L" : "M")\(px(place.x)) \(px(place.y))"
      last = place
    }
    return steps
  }

  private mutating func band(_ one: Plot.Points, _ places: [Place], _ frame: Frame) {
    var (upper, lower) = ([String](), [String]())
    var previous = -1
    func area() -> String {
      upper.isEmpty ? "" : "M" + (upper + lower.reversed()).joined(separator: "L") + "Z"
    }
    var steps = ""
    for place in places {
      guard let (low, high) = one.interval(place.index, plot.y) else { continue }
      if place.index != previous + 1 {
        steps += area()
        (upper, lower) = ([], [])
      }
      previous = place.index
      upper.append("\(px(place.x)) \(px(frame.up(high)))")
      lower.append("\(px(place.x)) \(px(frame.up(low)))")
    }
    path("fill", steps + area(), opacity: "0.18")
  }

  private mutating func errorBars(_ one: Plot.Points, _ places: [Place], _ frame: Frame) {
    var steps = ""
    for place in places {
      guard let (low, high) = one.interval(place.index, plot.y) else { continue }
      steps += Drawing.errorBar(at: place.x, from: frame.up(low), to: frame.up(high))
    }
    path("cross", steps)
  }

  static func errorBar(at x: Double, from low: Double, to high: Double) -> String {
    "M\(px(x - 3)) \(px(low))h6M\(px(x)) \(px(low))V\(px(high))M\(px(x - 3)) \(px(high))h6"
  }
}

extension Plot.Points {
  /// The interval around a point, if an axis can show it.
  fileprivate func interval(_ index: Int, _ axis: Plot.Axis) -> (low: Double, high: Double)? {
    guard let spread else { return nil }
    let unlimited = Plot.Axis(axis.label, axis.spacing)
    var ignored = Omissions()
    let ends = (spread.low[index], spread.high[index])
    return ignored.keeps(ends.0, on: unlimited) && ignored.keeps(ends.1, on: unlimited) ? ends : nil
  }
}
