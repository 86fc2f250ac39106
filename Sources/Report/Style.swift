/// Colours, dashes and markers of series, and the style sheet.
///
/// Series differ in colour, and in dashes, markers or stripes for print. The colours are those of
/// Okabe and Ito (2008), which colour-blind people tell apart, and two dark ones, so that each of
/// ten classes has its own. Yellow is last, as it is pale on white; dark colours become light in
/// dark mode.
enum Style {
  private static let colours = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#5b2a86",
    "#6b3000", "#d6c700",
  ]

  /// Lengths of dashes and gaps in pixels; the first line is solid.
  private static let dashes = ["", "8 3", "2 3", "9 3 2 3", "14 4", "5 2", "9 3 2 3 2 3", "4 5"]

  /// The class of a series' colour.
  static func colour(_ series: Int) -> String { "c\(series % colours.count)" }

  /// The dashes of a series; after the eighth series other pairs of dash and colour follow.
  static func dash(_ series: Int) -> String { dashes[turn(series) % dashes.count] }

  private static func turn(_ series: Int) -> Int { series + series / colours.count }

  /// A marker around the current point of a path, as relative steps, and the class that draws it;
  /// `size` is half its width.
  static func marker(_ series: Int, _ size: Double) -> (steps: String, kind: String) {
    let (r, d, h, t) = (px(size), px(2 * size), px(size * 0.9), px(size * 1.8))
    switch turn(series) % 8 {
    case 0: return ("m-\(r) 0a\(r) \(r) 0 1 0 \(d) 0a\(r) \(r) 0 1 0-\(d) 0", "fill")  // circle
    case 1: return ("m-\(h)-\(h)h\(t)v\(t)h-\(t)z", "fill")
    case 2: return ("m0-\(r)l\(r) \(t)h-\(d)z", "fill")  // triangle
    case 3: return ("m0-\(r)l\(r) \(r)l-\(r) \(r)l-\(r)-\(r)z", "fill")  // diamond
    case 4: return ("m-\(h)-\(h)l\(t) \(t)m-\(t) 0l\(t)-\(t)", "cross")
    case 5: return ("m-\(r) 0h\(d)m-\(r)-\(r)v\(d)", "cross")  // plus
    case 6: return ("m0 \(r)l\(r)-\(t)h-\(d)z", "fill")  // triangle on its tip
    default: return ("m-\(r)-\(h)h\(d)l-\(d) \(t)h\(d)z", "fill")  // hourglass
    }
  }

  /// Stripes over a bar, as a path; nil for the bars of the first series.
  static func stripes(_ series: Int, x: Double, y: Double, width: Double, height: Double)
    -> String?
  {
    func across(_ distance: Double) -> String {
      stride(from: y + distance / 2, to: y + height, by: distance)
        .map { "M\(px(x)) \(px($0))h\(px(width))" }.joined()
    }
    func along(_ distance: Double) -> String {
      stride(from: x + distance / 2, to: x + width, by: distance)
        .map { "M\(px($0)) \(px(y))v\(px(height))" }.joined()
    }
    switch turn(series) % 5 {
    case 0: return nil
    case 1: return across(7)
    case 2: return along(6)
    case 3: return across(3.5)
    default: return across(7) + along(6)
    }
  }

  /// The style sheet of all drawings; its rules reach nothing else on a page.
  ///
  /// - Parameter followsDarkMode: adds dark colours for readers who ask for them, and a width that
  ///   follows the page; renderers without a reader get neither.
  static func sheet(followsDarkMode: Bool) -> String {
    var rules = [
      "{font-family:'DejaVu Sans',Verdana,Arial,sans-serif}", " .paper{fill:#fff}",
      " .ink{fill:#1b1f24}", " .soft{fill:#57606a}", " .title{font-weight:bold}",
      " .grid{stroke:#e4e7eb}", " .axis{stroke:#57606a;fill:none}", " .none{fill:#d0d4d9}",
      " .cell{shape-rendering:crispEdges}",
      " .line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}",
      " .fill{fill:currentColor;stroke:none}",
      " .area{fill:currentColor;fill-opacity:.22}",
      " .cross{fill:none;stroke:currentColor;stroke-width:1.4}",
      " .stripe{stroke:#fff;stroke-width:1.3}", " .error{fill:none;stroke:#1b1f24}",
      " .hit{fill:#000;fill-opacity:0}",
    ]
    rules += colours.enumerated().map { " .c\($0){color:\($1)}" }
    let text = rules.map { ".cleave-plot\($0)" }.joined(separator: "\n")
    guard followsDarkMode else { return text }
    let dark = [
      " .paper{fill:#15181c}", " .ink{fill:#e8eaed}", " .soft{fill:#a9b1ba}",
      " .grid{stroke:#2c3138}", " .axis{stroke:#a9b1ba}", " .none{fill:#3c434b}",
      " .stripe{stroke:#15181c}", " .error{stroke:#e8eaed}", " .c6{color:#fff}",
      " .c7{color:#d9c7f5}", " .c8{color:#f3c9a5}", " .c9{color:#f0e442}",
    ].map { ".cleave-plot\($0)" }.joined(separator: "\n")
    return text + "\n.cleave-plot{max-width:100%;height:auto}\n"
      + "@media (prefers-color-scheme:dark){\n\(dark)\n}"
  }
}

/// Colours of the cells of a heat map.
struct Ramp {
  /// Red, green and blue from 0 to 255, at equal distances.
  private let stops: [(Double, Double, Double)]

  static let sequential = Ramp(stops: [
    (244, 248, 251), (168, 211, 236), (86, 165, 214), (0, 105, 170), (0, 42, 82),
  ])
  static let diverging = Ramp(stops: [
    (0, 72, 126), (86, 160, 208), (247, 247, 247), (230, 138, 74), (150, 52, 0),
  ])

  /// The colour at a place from 0 to 1, and whether text on it must be white.
  func colour(_ place: Double) -> (hexadecimal: String, isDark: Bool) {
    let position = min(max(place, 0), 1) * Double(stops.count - 1)
    let index = min(Int(position), stops.count - 2)
    let (a, b, share) = (stops[index], stops[index + 1], position - Double(index))
    let parts = [(a.0, b.0), (a.1, b.1), (a.2, b.2)].map { $0 + share * ($1 - $0) }
    // Relative luminance, with the square in place of the exact curve; black and white text have
    // equal contrast at 0.18.
    let linear = parts.map { ($0 / 255) * ($0 / 255) }
    let luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    let digits = parts.map {
      let text = String(Int($0.rounded()), radix: 16)
      return text.count < 2 ? "0" + text : text
    }
    return ("#" + digits.joined(), luminance < 0.2)
  }
}
