import Foundation

/// Squares of 7 x 7 values of one channel, for `NoiseEstimate`.
///
/// The core of a window is the shortest interval that holds more than half of its values. A window
/// is flat where that interval is short.
struct FlatWindows {
  /// Values far from the core of their window, as shares of all values.
  struct Isolated {
    /// All of them.
    var rate = 0.0
    /// Those that are 0, that are 1 and that lie between.
    var zeros = 0.0, ones = 0.0, between = 0.0
  }

  private struct Window {
    let core: Float
    let width: Float
    var far = 0, zeros = 0, ones = 0
    /// Values above 0, in windows whose core is 0.
    var positives: [Float] = []
  }

  private static let side = 7
  private static let count = side * side
  private static let half = count / 2 + 2
  /// The widest core of a flat window.
  private static let flatWidth: Float = 0.06
  /// The distance from the core from which a value is far.
  private static let distance: Float = 0.15
  /// The share of windows with fewest far values, which have least structure.
  private static let lowest = 0.15
  /// About as many windows as are looked at.
  private static let mostWindows = 100_000
  /// Fewer windows than this tell nothing.
  private static let fewest = 40

  private var flat: [Window] = []
  private var middleWidths: [Float] = []
  private var total = 0

  init(_ values: [Float], _ shape: ImageShape) {
    let (h, w, c, side) = (shape.height, shape.width, shape.channels, Self.side)
    var sorted = [Float](repeating: 0, count: Self.count)
    let images = values.count / shape.count
    let perImage = max(1, (h - side + 4) / 4) * max(1, (w - side + 4) / 4) * c
    let every = max(1, images * perImage / Self.mostWindows)
    var number = 0
    for image in 0..<images where h >= side && w >= side {
      for y in stride(from: 0, through: h - side, by: 4) {
        for x in stride(from: 0, through: w - side, by: 4) {
          for channel in 0..<c {
            number += 1
            if number % every != 0 { continue }
            total += 1
            for i in 0..<Self.count {
              let place = ((y + i / side) * w + x + i % side) * c + channel
              sorted[i] = values[image * shape.count + place]
            }
            add(&sorted)
          }
        }
      }
    }
    middleWidths.sort()
  }

  private mutating func add(_ sorted: inout [Float]) {
    sorted.sort()
    var (first, width) = (0, Float.infinity)
    for i in 0...Self.count - Self.half where sorted[i + Self.half - 1] - sorted[i] < width {
      (first, width) = (i, sorted[i + Self.half - 1] - sorted[i])
    }
    let core = sorted[first + Self.half / 2]
    if (0.2...0.8).contains(core) { middleWidths.append(width) }
    guard width <= Self.flatWidth else { return }
    var window = Window(core: core, width: width)
    for value in sorted where abs(value - core) > Self.distance {
      window.far += 1
      if value == 0 { window.zeros += 1 }
      if value == 1 { window.ones += 1 }
    }
    if core == 0 { window.positives = sorted.filter { $0 > 0 } }
    flat.append(window)
  }

  /// The share of windows that are flat.
  var flatShare: Double { total > 0 ? Double(flat.count) / Double(total) : 0 }

  /// Values far from the core of their window, for all flat windows.
  func isolated() -> Isolated { Self.isolated(flat) }

  /// The same for windows whose core is between 0.25 and 0.5, and between 0.5 and 0.75; nil where
  /// there are few.
  var middle: (low: Isolated, high: Isolated)? {
    let low = flat.filter { $0.core > 0.25 && $0.core < 0.5 }
    let high = flat.filter { $0.core > 0.5 && $0.core < 0.75 }
    guard low.count >= Self.fewest, high.count >= Self.fewest else { return nil }
    return (Self.isolated(low), Self.isolated(high))
  }

  /// The share of uniform draws that fall near the core, mean over the windows that count: those of
  /// `middle` where there are some.
  var blindShare: Double {
    let hasMiddle = middle != nil
    let cores = flat.map(\.core).filter { !hasMiddle || ($0 > 0.25 && $0 < 0.75) }
    if cores.isEmpty { return 0 }
    let near = cores.reduce(0.0) {
      $0 + Double(min(1, $1 + Self.distance) - max(0, $1 - Self.distance))
    }
    return near / Double(cores.count)
  }

  /// The standard deviation of noise on every value, from windows with a core between 0.2 and 0.8;
  /// nil where there are few.
  var deviation: Double? {
    guard middleWidths.count >= Self.fewest, middleWidths.count * 50 >= total else { return nil }
    // The tenth part of windows of Gaussian noise have a core narrower than 1.05 sigma.
    return Double(middleWidths[middleWidths.count / 10]) / 1.05
  }

  /// The standard deviation of Gaussian noise that was clipped at 0, from windows whose core is 0;
  /// nil where their other values do not fall off as a half of a Gaussian does.
  var halfNormal: Double? {
    let dark = flat.filter { $0.core == 0 }
    guard dark.count >= Self.fewest, dark.count * 20 >= total else { return nil }
    // Windows in which structure adds few values: the lower half.
    let counts = dark.map(\.positives.count).sorted()
    let middle = counts[counts.count / 2]
    // Half of all values are above 0; windows with fewer than half of them 0 are not here.
    guard middle * 3 >= Self.count else { return nil }
    let values = dark.filter { $0.positives.count <= middle }.flatMap(\.positives).sorted()
    guard values.count >= 200 else { return nil }
    func quantile(_ q: Double) -> Double { Double(values[Int(q * Double(values.count - 1))]) }
    // Quartiles of a half of a Gaussian are 0.319, 0.674 and 1.150 sigma; of a uniform draw 1/4,
    // 1/2, 3/4; flips have 1 alone.
    let (low, mid, high) = (quantile(0.25), quantile(0.5), quantile(0.75))
    guard mid < 0.95, high < 1, high / mid > 1.58, low < 0.6 * mid else { return nil }
    return mid / 0.6745
  }

  /// The rate of values far from the core: that of independent noise which gives the windows with
  /// fewest of them as few as there are.
  private static func isolated(_ windows: [Window]) -> Isolated {
    var found = Isolated()
    guard windows.count >= fewest else { return found }
    let counts = windows.map(\.far).sorted()
    let tail = max(1, Int(lowest * Double(counts.count)))
    let few = Double(counts[..<tail].reduce(0, +)) / Double(tail)
    guard few > 0.02 else { return found }
    var (low, high) = (0.0, 0.5)
    for _ in 0..<30 {
      let rate = (low + high) / 2
      if tailMean(rate) < few { low = rate } else { high = rate }
    }
    found.rate = low
    let half = counts[counts.count / 2]
    var (far, zeros, ones) = (0, 0, 0)
    for window in windows where window.far <= half {
      far += window.far
      zeros += window.zeros
      ones += window.ones
    }
    guard far > 0 else { return found }
    found.zeros = low * Double(zeros) / Double(far)
    found.ones = low * Double(ones) / Double(far)
    found.between = low - found.zeros - found.ones
    return found
  }

  /// The mean of the lowest 15 % of counts, of draws from the binomial distribution.
  private static func tailMean(_ rate: Double) -> Double {
    let n = Double(count)
    var (share, sum) = (0.0, 0.0)
    var probability = pow(1 - rate, n)
    for k in 0...count {
      if share + probability >= lowest {
        return (sum + (lowest - share) * Double(k)) / lowest
      }
      share += probability
      sum += probability * Double(k)
      probability *= (n - Double(k)) / Double(k + 1) * rate / (1 - rate)
    }
    return n
  }
}
