import Foundation
import Images

/// What a run makes of some rows, beside the clean images and the simplest filters: one picture.
public struct SplitSheet {
  /// The rows of the data set.
  public let rows: [Int]
  /// Height, width and channels of an image.
  public let shape: [Int]
  /// The images as the model sees them, [rows, H, W, C], and the word above them.
  public let x: [Float], xTitle: String
  /// L of a first stage, which the model sees in their place; nil for a run with one stage.
  public let first: [Float]?
  /// The clean part of a model with a sparse part or of known noise, or else D(E(X)).
  public let explained: [Float]
  /// Whether it is the clean part by known noise.
  public let isRestored: Bool
  /// The sparse part; nil for a model without.
  public let sparse: [Float]?
  /// The repaired images; nil for none.
  public let repaired: [Float]?
  /// The clean images; nil where none are known.
  public let clean: [Float]?
  /// The mean of the images, [H, W, C]; nil for none.
  public let mean: [Float]?

  /// Rows of a sheet.
  public static let rowCount = 10
  /// Images of a mean image.
  public static let meanCount = 4096

  /// A sheet from its parts.
  public init(
    rows: [Int], shape: [Int], x: [Float], xTitle: String = "X", first: [Float]? = nil,
    explained: [Float], isRestored: Bool = false,
    sparse: [Float]?, repaired: [Float]? = nil, clean: [Float]?, mean: [Float]?
  ) {
    self.rows = rows
    self.shape = shape
    self.x = x
    self.xTitle = xTitle
    self.first = first
    self.explained = explained
    self.isRestored = isRestored
    self.sparse = sparse
    self.repaired = repaired
    self.clean = clean
    self.mean = mean
  }

  /// The rows that all pictures of `count` rows show: evenly spaced, from the first on.
  ///
  /// They depend on nothing else, so they are the same at any time and on any number of ranks.
  public static func pinned(of count: Int, atMost limit: Int = rowCount) -> [Int] {
    let shown = min(count, limit)
    return (0..<shown).map { $0 * count / shown }
  }

  /// X | L | S | X - S | repaired, or X | D(E(X)), or X | L by known noise, or X | L1 | D(E(L1)) of
  /// two stages; then the clean images, the mean image and a median filter.
  ///
  /// The line under a column has its mean squared error to the clean images, where they are known.
  ///
  /// - Parameter labels: the words beside the rows; nil for their numbers.
  public func picture(title: String, labels: [String]? = nil) -> Picture {
    let medians = filtered()
    var columns = [column(xTitle, x)]
    if let first { columns.append(column("L1", first)) }
    if let sparse {
      columns += [
        column("L", explained), .signed("S", sparse),
      ]
      let rest = zip(x, sparse).map { $0 - $1 }
      // By the rule `firm` they are one.
      if let repaired, zip(rest, repaired).allSatisfy({ abs($0 - $1) < 1e-5 }) {
        columns.append(column("repaired, X - S", repaired))
      } else {
        columns.append(column("X - S", rest))
        if let repaired { columns.append(column("repaired", repaired)) }
      }
    } else {
      let title = isRestored ? "L" : first == nil ? "D(E(X))" : "D(E(L1))"
      columns.append(column(title, explained))
    }
    if let clean { columns.append(.init("clean", clean)) }
    if let mean { columns.append(column("mean of X", rows.flatMap { _ in mean })) }
    columns.append(column("median 3x3", medians))
    return ComparisonSheet(
      title: title, columns: columns, labels: labels ?? rows.map { "row \($0)" }, rows: rows.count,
      height: shape[0], width: shape[1], channels: shape[2]
    ).picture()
  }

  private func column(_ title: String, _ values: [Float]) -> ComparisonSheet.Column {
    guard let clean else { return .init(title, values) }
    let error = zip(values, clean).reduce(0.0) {
      let difference = Double($1.0) - Double($1.1)
      return $0 + difference * difference
    }
    let mean = error / Double(max(clean.count, 1))
    return .init(title, note: "MSE \(String(format: "%.4f", mean))", values)
  }

  private func filtered() -> [Float] {
    let count = shape.reduce(1, *)
    return [Float](unsafeUninitializedCapacity: x.count) { buffer, initialized in
      if let start = buffer.baseAddress {
        x.withUnsafeBufferPointer { x in
          guard let first = x.baseAddress else { return }
          for row in rows.indices {
            MedianFilter.apply(
              first + row * count, to: start + row * count, height: shape[0], width: shape[1],
              channels: shape[2], side: 3)
          }
        }
      }
      initialized = x.count
    }
  }
}
