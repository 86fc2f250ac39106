extension Plot {
  /// The kinds of drawings, with their values.
  public enum Marks: Sendable {
    /// How many values of each series lie in each of `bins` equal parts of the x axis, common to
    /// all series. On a logarithmic axis the parts are equal there.
    case histogram([Series], bins: Int = 50, heights: Heights = .counts)
    /// Points without lines.
    case scatter([Points])
    /// Points joined in their order, with `low` and `high` as bars or as a band.
    case lines([Points], spread: Spread = .bars)
    /// A group of bars for each name, a bar for each series: value `i` of a series is in group `i`.
    case bars(groups: [String], [Series])
    /// A field of cells in colours of their values.
    case heatMap(Matrix)
  }

  /// The heights of a histogram.
  public enum Heights: Sendable {
    /// Values in the bin.
    case counts
    /// Values in the bin, divided by all finite values of the series.
    case shares
  }

  /// The way to draw `low` and `high` of points.
  public enum Spread: Sendable { case bars, band }

  /// Named values.
  public struct Series: Sendable {
    /// The name in the legend.
    public let name: String
    /// The values.
    public let values: [Double]
    /// What bars reach up and down from a value, such as a standard error; nil for none.
    public let errors: [Double]?

    /// A series; traps unless there are as many errors as values.
    public init<Value: BinaryFloatingPoint>(
      _ name: String, _ values: [Value], errors: [Value]? = nil
    ) {
      precondition(
        errors == nil || errors?.count == values.count,
        "\(name): \(errors?.count ?? 0) errors of \(values.count) values")
      self.name = name
      self.values = values.map { Double($0) }
      self.errors = errors?.map { Double($0) }
    }
  }

  /// Named points of the plane.
  public struct Points: Sendable {
    /// The name in the legend.
    public let name: String
    /// Places on the horizontal axis.
    public let x: [Double]
    /// Places on the vertical axis.
    public let y: [Double]
    /// The lower and upper ends of an interval around each y, such as quantiles; nil for none.
    public let spread: (low: [Double], high: [Double])?

    /// Points; traps unless all arrays have equal lengths.
    public init<Value: BinaryFloatingPoint>(
      _ name: String, x: [Value], y: [Value], spread: (low: [Value], high: [Value])? = nil
    ) {
      let counts = [x.count, y.count] + (spread.map { [$0.low.count, $0.high.count] } ?? [])
      precondition(Set(counts).count == 1, "\(name): \(counts) numbers")
      self.name = name
      self.x = x.map { Double($0) }
      self.y = y.map { Double($0) }
      self.spread = spread.map { pair in
        (pair.low.map { Double($0) }, pair.high.map { Double($0) })
      }
    }

    /// Points with an interval from y - error to y + error.
    public init<Value: BinaryFloatingPoint>(
      _ name: String, x: [Value], y: [Value], errors: [Value]
    ) {
      self.init(name, x: x, y: y, spread: (zip(y, errors).map(-), zip(y, errors).map(+)))
    }
  }

  /// Values in rows and columns, with names.
  public struct Matrix: Sendable {
    /// The colours of values.
    public enum Colours: Sendable, Equatable {
      /// From light (smallest) to dark (largest).
      case sequential
      /// Blue below the centre, white at it, red above it; both sides have equal lengths.
      case diverging(around: Double)
    }

    /// Names from top to bottom.
    public let rows: [String]
    /// Names from left to right.
    public let columns: [String]
    /// `[rows, columns]`, row-major.
    public let values: [Double]
    /// What the values are, with their unit: the label of the colour scale.
    public let label: String
    /// The colours of values.
    public let colours: Colours

    /// The most cells of a drawing.
    public static let maximumCells = 40_000

    /// A matrix; traps unless there is a value for each cell, and at most `maximumCells`.
    public init<Value: BinaryFloatingPoint>(
      rows: [String], columns: [String], _ values: [Value], label: String,
      colours: Colours = .sequential
    ) {
      precondition(
        values.count == rows.count * columns.count && values.count <= Matrix.maximumCells,
        "\(label): \(values.count) values for \(rows.count) x \(columns.count) cells")
      self.rows = rows
      self.columns = columns
      self.values = values.map { Double($0) }
      self.label = label
      self.colours = colours
    }
  }
}
