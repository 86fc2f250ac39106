/// A drawing of measured values: histogram, scatter plot, lines, heat map or bars.
///
///     let plot = Plot(
///       title: "Generated images keep away from training images",
///       subtitle: "mnist-ric, 60,000 images of each kind, Euclidean distance of pixels",
///       x: Plot.Axis("distance to the nearest training image"), y: Plot.Axis("images"),
///       marks: .histogram([Plot.Series("generated", distances)], bins: 100))
///     try plot.write(to: "FILE.png")
///
/// What a caller must know:
///
/// - `svg()` is one text without references: a file of its own, or a part of an HTML page, where
///   several may stand. It follows the reader's dark mode. Marks tell their values when a pointer
///   rests on them: all bars, bins, cells, and points of up to 2,000 in a drawing.
/// - `write(to:)` takes `.svg` and `.png`. A command checks its option by `check(_:)` before it
///   measures. PNG needs the Debian packages librsvg2-2 and fonts-dejavu-core.
/// - One rank draws: nothing here is collective.
/// - Numbers that are not finite, not positive on a logarithmic axis, or outside an axis of a given
///   range, are left out; the subtitle counts them. A line has a gap there. A drawing without any
///   number says so.
/// - Arrays that belong together must have equal lengths: anything else traps.
/// - Names may be any text: long ones are shortened, and control characters replaced.
/// - Drawings are 900 pixels wide, more for many bars or columns; PNG has twice as many.
public struct Plot: Sendable {
  /// One line: what the drawing shows, or better what it says.
  public var title: String
  /// What was measured (run, data, rows, unit); counts of numbers left out follow.
  public var subtitle: String
  /// The horizontal axis; of bars and heat maps its label alone counts.
  public var x: Axis
  /// The vertical axis; of heat maps its label alone counts.
  public var y: Axis
  /// The values and how they are drawn.
  public var marks: Marks
  /// The text for who cannot see the drawing; nil for one that tells axes, series and their ranges.
  public var alternative: String?

  /// A drawing of its parts.
  public init(
    title: String, subtitle: String = "", x: Axis, y: Axis, marks: Marks, alternative: String? = nil
  ) {
    self.title = title
    self.subtitle = subtitle
    self.x = x
    self.y = y
    self.marks = marks
    self.alternative = alternative
  }

  /// One self-contained SVG text, for a file or for a place within an HTML page.
  public func svg() -> String { Drawing(self).document(followsDarkMode: true) }
}

extension Plot {
  /// How values become places.
  public enum Spacing: Sendable { case linear, logarithmic }

  /// One axis of a drawing.
  public struct Axis: Sendable {
    /// What it measures.
    public var label: String
    /// The unit, written behind the label; nil for none.
    public var unit: String?
    /// How values become places.
    public var spacing: Spacing
    /// The values at both ends; nil for those of the data.
    public var range: ClosedRange<Double>?

    /// An axis.
    ///
    /// Traps if the range is empty or infinite, or reaches 0 on a logarithmic axis.
    public init(
      _ label: String, unit: String? = nil, _ spacing: Spacing = .linear,
      range: ClosedRange<Double>? = nil
    ) {
      if let range {
        let (low, high) = (range.lowerBound, range.upperBound)
        precondition(
          high - low > 0 && (high - low).isFinite && (spacing == .linear || low > 0),
          "\(label): an axis from \(low) to \(high)")
      }
      self.label = label
      self.unit = unit
      self.spacing = spacing
      self.range = range
    }

    /// Label and unit.
    var text: String { unit.map { "\(label) (\($0))" } ?? label }
  }
}
