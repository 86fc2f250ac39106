import Autodiff
import Layers
import Tensors
import Training

/// The principal components of the training rows as the first part of a model.
///
/// y = V'(x - b), [n, C], and back x = V y + b, where b is the mean row and V has the directions in
/// which rows differ most. Shapes: D values of an image, C components.
struct PrincipalComponents: Module {
  /// V' with b as its bias, [B, C] -> [B, D].
  let expansion: Dense
  /// The share of the variance that the components keep.
  let kept = Parameter(Shape(1), .ones)

  /// C components of images with D values.
  init(_ count: Int, of dimensions: Int) { expansion = Dense(count, dimensions) }

  var parameters: [(String, Parameter)] { [("kept", kept)] }
  var children: [(String, any Module)] { [("expansion", expansion)] }

  /// C.
  var count: Int { expansion.weight.shape[0] }
  private var dimensions: Int { expansion.weight.shape[1] }

  /// The most columns of which a matrix of all pairs is made; beyond it the directions are sought in
  /// a random range.
  private static let largestGram = SpectrumWay.largestGram
  /// Vectors of the random range beyond those that are kept, and how often it is refined at most:
  /// noise has no directions that settle, and any of them serve.
  private static let spareVectors = 10, rounds = 10

  /// Finds mean, components and their share of the variance, and sends them to all ranks.
  ///
  /// **Collective.**
  ///
  /// - Parameter isCentred: whether b is the mean row; otherwise it is 0.
  /// - Returns: the variance of the rows along each component, [C].
  /// - Throws: `RunError.data` where singular values do not converge; errors of MPI.
  func find(in trainer: Trainer, isCentred: Bool) throws -> [Double] {
    let (rows, d, n) = (trainer.rows, dimensions, Double(trainer.rows.count))
    var mean = [Double](repeating: 0, count: d)
    if isCentred {
      mean = try rows.sum(d) { rows, sums in
        for (i, value) in trainer.rows.pixels(rows).enumerated() { sums[i % d] += value }
      }
      .map { $0 / n }
    }
    let matrix = RowMatrix(rows: rows) { rows, a in
      for (i, value) in trainer.rows.pixels(rows).enumerated() { a[i] = value - mean[i % d] }
    }
    let whole = try rows.sum(1) { rows, sums in
      for (i, value) in trainer.rows.pixels(rows).enumerated() {
        sums[0] += (value - mean[i % d]) * (value - mean[i % d])
      }
    }[0]
    let found = try spectrum(of: matrix, trainer)
    let squares = (0..<count).map {
      $0 < found.values.count ? found.values[$0] * found.values[$0] : 0
    }
    let share = whole > 0 ? min(1, squares.reduce(0, +) / whole) : 1
    let known = Array(found.vectors.prefix(count * d)).map { Float($0) }
    try trainer.publish([
      (expansion.weight, known + Array(repeating: 0, count: count * d - known.count)),
      (expansion.bias, mean.map { Float($0) }), (kept, [Float(share)]),
    ])
    return squares.map { $0 / n }
  }

  private func spectrum(of matrix: RowMatrix, _ trainer: Trainer) throws -> RowSpectrum {
    do {
      if matrix.columns <= Self.largestGram { return try matrix.spectrum() }
      let range = min(count + Self.spareVectors, matrix.columns, trainer.rows.count)
      return try matrix.spectrum(
        from: matrix.filled([], to: range, seed: trainer.settings.seed, time: 0), count: range,
        rounds: Self.rounds, settled: min(count, range))
    } catch let error as SpectrumError {
      throw RunError.data(trainer.images.path, error.description)
    }
  }

  /// The present V and b in double precision.
  var projection: Projection {
    let (v, b) = (expansion.weight.value, expansion.bias.value)
    return Projection(
      components: count, dimensions: dimensions,
      vectors: (0..<count * dimensions).map { Double(v[$0]) },
      mean: (0..<dimensions).map { Double(b[$0]) })
  }

  /// The map from rows to components and back.
  struct Projection {
    /// C and D.
    let components: Int, dimensions: Int
    fileprivate let vectors: [Double]  // [C, D]
    fileprivate let mean: [Double]  // [D]

    /// y of rows x, [n, D] to [n, C].
    func codes(of x: [Double]) -> [Double] {
      let n = x.count / dimensions
      var deviations = x
      for i in x.indices { deviations[i] -= mean[i % dimensions] }
      var y = [Double](repeating: 0, count: n * components)
      DoubleAlgebra.multiply(
        n, components, dimensions, deviations, vectors, transposeB: true, into: &y)
      return y
    }

    /// x of codes y, [n, C] to [n, D].
    func images(of y: [Double]) -> [Double] {
      let n = y.count / components
      var x = [Double](repeating: 0, count: n * dimensions)
      for i in x.indices { x[i] = mean[i % dimensions] }
      DoubleAlgebra.multiply(n, dimensions, components, y, vectors, into: &x, beta: 1)
      return x
    }
  }
}
