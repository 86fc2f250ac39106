import Datasets
import Foundation
import Layers
import Tensors
import Training

/// A low-pass filter as a model (docs/systems.md, 4.8): the RVAE paper's LPF.
///
/// Every kernel is linear and keeps a constant image. Rows and columns are filtered one after the
/// other, by matrices [H, H] and [W, W]; `fft_ideal` is not separable.
struct LowPassFilter: ImageFilter {
  /// The kernel.
  struct Settings: SettingsGroup {
    /// The kernel.
    var kernel = Kernel.box
    /// The side of the box.
    var side = 3
    /// How often the filter is applied.
    var passes = 1
    /// The deviation of the normal kernel.
    var sigma = 1.0
    /// The highest frequency that is kept.
    var cutoff = 0.25

    static let entries: [SettingsEntry<Settings>] = [
      .choice(
        "kernel", \.kernel,
        "box, the mean of a square around the pixel; box2_causal, of the pixel, those above and to the "
          + "left; gaussian; or fft_ideal, all frequencies up to a limit.",
        "4.8 [R]: box"
      ).fixed,
      .integer("kernel_side", \.side, 1...31, "The side of the box, odd, in pixels.", "4.8 [R]: 3")
        .fixed,
      .integer(
        "kernel_passes", \.passes, 1...100, "How often the kernel is applied.", "4.8 [R]: 1"
      ).fixed,
      .real("kernel_sigma", \.sigma, .pixels, "Deviation of gaussian, in pixels.", "4.8: 1")
        .fixed,
      .real(
        "kernel_cutoff", \.cutoff, .positive,
        "The highest frequency that fft_ideal keeps, cycles a pixel in any direction.", "4.8: 0.25"
      ).fixed,
    ]

    func check(_ system: String, with common: CommonSettings) throws(ConfigurationError) {
      if kernel == .box { try ImageFilterSize.check("kernel_side", side) }
    }

    /// Settings of other kernels than the chosen one.
    func unreached(_ system: String, epochs: Int) -> [String] {
      let other = Settings()
      return [
        (kernel != .box && side != other.side, "kernel_side=\(side)", "box"),
        (kernel != .gaussian && sigma != other.sigma, "kernel_sigma=\(sigma)", "gaussian"),
        (kernel != .ideal && cutoff != other.cutoff, "kernel_cutoff=\(cutoff)", "fft_ideal"),
      ].filter(\.0).map { "\($0.1): only kernel=\($0.2) reads it" }
    }
  }

  /// The kernels.
  enum Kernel: String, CaseIterable, Sendable {
    /// The mean of a square, mirrored at the edges without repeating them (reflect-101).
    case box
    /// The mean over rows i - 1, i and columns j - 1, j, as far as there are: the release's.
    case causalBox = "box2_causal"
    /// A normal density, cut at 4 deviations, mirrored at the edges.
    case gaussian
    /// All frequencies up to a limit, of the image as if it repeated.
    case ideal = "fft_ideal"
  }

  /// The system.
  static func system(_ name: String) -> System {
    System(
      name, make: LowPassFilter.init, loop: Sweeps<LowPassFilter>.init,
      presets: [
        .filter(
          "lpf", "low-pass filter: the mean of 3 x 3 pixels",
          [Preset.Setting("model=lpf", "4.8 [R]")]),
        .filter(
          "mnist-lpf", "low-pass filter of MNIST and Fashion-MNIST as the authors have it",
          [Preset.Setting("model=lpf", "4.8"), Preset.Setting("kernel=box2_causal", "4.8 [C]")]),
      ]
    ) { _, _ in "a smaller kernel" }
  }

  let shape: ImageShape
  let record = FilterRecord()
  var children: [(String, any Module)] { [("filter", record)] }
  private let passes: Int
  private let rows: [Double]  // [H, H]
  private let columns: [Double]  // [W, W]
  private let frequencies: FrequencyFilter?

  init(_ settings: Settings, image shape: ImageShape) {
    self.shape = shape
    passes = settings.passes
    func matrix(_ n: Int) -> [Double] {
      switch settings.kernel {
      case .box:
        Self.mirrored(Array(repeating: 1, count: settings.side), n)
      case .gaussian:
        Self.mirrored(Self.normal(settings.sigma), n)
      case .causalBox:
        (0..<n * n).map { place in
          let (i, j) = (place / n, place % n)
          return j == i || j == i - 1 ? 1 / Double(min(i, 1) + 1) : 0
        }
      case .ideal: []
      }
    }
    rows = matrix(shape.height)
    columns = matrix(shape.width)
    frequencies =
      settings.kernel == .ideal
      ? FrequencyFilter(height: shape.height, width: shape.width, cutoff: settings.cutoff) : nil
  }

  func filter(
    _ x: UnsafePointer<Float>, _ count: Int, to result: UnsafeMutablePointer<Float>
  ) {
    let (h, w, c) = (shape.height, shape.width, shape.channels)
    for image in 0..<count {
      for channel in 0..<c {
        let first = image * shape.count + channel
        var plane = (0..<h * w).map { Double(x[first + $0 * c]) }
        for _ in 0..<passes {
          plane = frequencies?.filter(plane) ?? filtered(plane)
        }
        for i in 0..<h * w { result[first + i * c] = Float(plane[i]) }
      }
    }
  }

  /// One channel, [H, W], by rows and columns.
  private func filtered(_ plane: [Double]) -> [Double] {
    let (h, w) = (shape.height, shape.width)
    var (half, whole) = (plane, plane)
    DoubleAlgebra.multiply(h, w, h, rows, plane, into: &half)
    DoubleAlgebra.multiply(h, w, w, half, columns, transposeB: true, into: &whole)
    return whole
  }

  /// The matrix of a kernel of odd length on n values, mirrored at both ends; rows sum to 1.
  private static func mirrored(_ kernel: [Double], _ n: Int) -> [Double] {
    var matrix = [Double](repeating: 0, count: n * n)
    let (reach, sum) = (kernel.count / 2, kernel.reduce(0, +))
    for i in 0..<n {
      for (offset, weight) in zip(-reach...reach, kernel) {
        matrix[i * n + mirror(i + offset, n)] += weight / sum
      }
    }
    return matrix
  }

  /// The place within 0..<n that a place outside shows: -1 shows 1, n shows n - 2.
  private static func mirror(_ place: Int, _ n: Int) -> Int {
    guard n > 1 else { return 0 }
    let period = 2 * n - 2
    let within = ((place % period) + period) % period
    return min(within, period - within)
  }

  private static func normal(_ sigma: Double) -> [Double] {
    let reach = max(1, Int((4 * sigma).rounded(.up)))
    return (-reach...reach).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
  }
}

/// Keeps the frequencies of an image [H, W] up to a limit, by discrete Fourier transforms as
/// matrices.
private struct FrequencyFilter {
  private let height: Int, width: Int
  private let rows: ComplexMatrix  // exp(-2 pi i j k / H), [H, H]
  private let columns: ComplexMatrix  // [W, W]
  private let kept: [Bool]  // [H, W]

  init(height: Int, width: Int, cutoff: Double) {
    (self.height, self.width) = (height, width)
    (rows, columns) = (.waves(height), .waves(width))
    kept = (0..<height * width).map { place in
      let (i, j) = (place / width, place % width)
      let y = Double(min(i, height - i)) / Double(height)
      let x = Double(min(j, width - j)) / Double(width)
      return (x * x + y * y).squareRoot() <= cutoff + 1e-12
    }
  }

  func filter(_ plane: [Double]) -> [Double] {
    let image = ComplexMatrix(height, width, plane, plane.map { _ in 0 })
    var spectrum = rows * image * columns
    for i in kept.indices where !kept[i] { (spectrum.real[i], spectrum.imaginary[i]) = (0, 0) }
    let back = rows.conjugate * spectrum * columns.conjugate
    return back.real.map { $0 / Double(height * width) }
  }
}

private struct ComplexMatrix {
  let rows: Int, columns: Int
  var real: [Double], imaginary: [Double]

  init(_ rows: Int, _ columns: Int, _ real: [Double], _ imaginary: [Double]) {
    (self.rows, self.columns, self.real, self.imaginary) = (rows, columns, real, imaginary)
  }

  /// exp(-2 pi i j k / n), [n, n].
  static func waves(_ n: Int) -> ComplexMatrix {
    let angles = (0..<n * n).map { 2 * Double.pi * Double(($0 / n) * ($0 % n) % n) / Double(n) }
    return ComplexMatrix(n, n, angles.map { cos($0) }, angles.map { -sin($0) })
  }

  var conjugate: ComplexMatrix { ComplexMatrix(rows, columns, real, imaginary.map { -$0 }) }

  static func * (a: ComplexMatrix, b: ComplexMatrix) -> ComplexMatrix {
    var real = [Double](repeating: 0, count: a.rows * b.columns)
    var imaginary = real
    func add(_ a: [Double], _ b: [Double], _ m: Int, _ n: Int, _ k: Int, to c: inout [Double]) {
      DoubleAlgebra.multiply(m, n, k, a, b, into: &c, beta: 1)
    }
    let (m, n, k) = (a.rows, b.columns, a.columns)
    add(a.real, b.real, m, n, k, to: &real)
    add(a.imaginary.map { -$0 }, b.imaginary, m, n, k, to: &real)
    add(a.real, b.imaginary, m, n, k, to: &imaginary)
    add(a.imaginary, b.real, m, n, k, to: &imaginary)
    return ComplexMatrix(m, n, real, imaginary)
  }
}
