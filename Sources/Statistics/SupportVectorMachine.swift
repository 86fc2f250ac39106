import CSVM
import Tensors

/// A support vector machine for classes, by libsvm (docs/systems.md, 8.7).
///
/// Chang & Lin, "LIBSVM: A Library for Support Vector Machines", ACM TIST 2011: C-SVC, one machine
/// for each pair of classes, and a majority vote. Rows are handed over by ascending label. So the
/// answer does not depend on how classes are mixed, and a tied vote goes to the lowest label, as in
/// scikit-learn. Training is deterministic and takes one thread; its answers agree with other
/// orders of rows up to libsvm's stop rule, 1e-3. Predictions of a row depend on nothing else.
public final class SupportVectorMachine {
  /// The scale of the radial kernel exp(-gamma |x - y|²).
  public enum Gamma: Equatable, Sendable {
    /// 1 / D, the default of scikit-learn before 0.22.
    case auto
    /// 1 / (D v), v the variance of all numbers of the training rows; 1 / D if they are all equal.
    case scale
    /// A given value above 0.
    case value(Double)
  }

  /// The kernel of two rows.
  public enum Kernel: Equatable, Sendable {
    /// x'y.
    case linear
    /// exp(-gamma |x - y|²).
    case radial(Gamma)
  }

  /// The classes, ascending.
  public let classes: [Int32]
  /// The scale that the radial kernel has; 0 for the linear one.
  public let gamma: Double
  /// The number of features of a row, D.
  public let dimensions: Int
  /// The rows that the machine keeps, each counted once.
  public var supportVectors: Int { Int(model.pointee.l) }

  private let model: UnsafeMutablePointer<svm_model>
  /// The model points into these rows.
  private let rows: SparseRows<svm_node>

  /// Trains a machine on rows [N, D]; takes 16 bytes for each number that is not 0.
  ///
  /// - Parameters:
  ///   - features: the rows; no scaling is done to them.
  ///   - labels: a class for each row, [N].
  ///   - kernel: radial with gamma = 1 / D, as the adversarial autoencoders' code has it.
  ///   - c: the price of an error.
  ///   - cacheMegabytes: memory for products of rows: a hint for speed alone.
  /// - Throws: `StatisticsError.labels` for missing labels, `oneClass`, `notFinite`; `refused` for
  ///   a parameter that libsvm does not take.
  public init(
    _ features: Tensor, labels: [Int32], kernel: Kernel = .radial(.auto), c: Double = 1,
    cacheMegabytes: Int = 400
  ) throws(StatisticsError) {
    let labels = try ClassLabels(labels, rows: features.shape.rows)
    try features.requireRows(2, "features")
    try features.requireFinite("features")
    classes = labels.classes
    dimensions = features.shape.columns
    gamma = Self.gamma(kernel, features)
    rows = SparseRows(features, order: labels.order) {
      svm_node(index: Int32($0), value: $1)
    }
    svm_set_print_string_function { _ in }
    var parameter = svm_parameter()
    parameter.svm_type = Int32(C_SVC)
    parameter.kernel_type = Int32(kernel == .linear ? LINEAR : RBF)
    parameter.gamma = gamma
    parameter.cache_size = Double(cacheMegabytes)
    parameter.eps = 1e-3
    parameter.C = c
    parameter.shrinking = 1
    var targets = labels.order.map { Double(labels.indices[$0]) }
    var starts = rows.starts
    let trained = targets.withUnsafeMutableBufferPointer { targets in
      starts.withUnsafeMutableBufferPointer { starts -> Trained in
        var problem = svm_problem(
          l: Int32(starts.count), y: targets.baseAddress, x: starts.baseAddress)
        if let reason = svm_check_parameter(&problem, &parameter) {
          return .refused(String(cString: reason))
        }
        return svm_train(&problem, &parameter).map { Trained.model($0) } ?? .refused("no model")
      }
    }
    switch trained {
    case .model(let model): self.model = model
    case .refused(let reason): throw .refused(library: "libsvm", reason: reason)
    }
  }

  private enum Trained {
    case model(UnsafeMutablePointer<svm_model>)
    case refused(String)
  }

  deinit {
    var model: UnsafeMutablePointer<svm_model>? = self.model
    svm_free_and_destroy_model(&model)
  }

  /// The classes of rows [B, D], [B]; ranks may share the rows.
  ///
  /// - Throws: `StatisticsError` for rows of another length, and for numbers that are not finite.
  public func predict(_ features: Tensor) throws(StatisticsError) -> [Int32] {
    try features.requireColumns(dimensions, "features")
    try features.requireFinite("features")
    return (0..<features.shape.rows).map { row in
      let nodes = SparseRows(features, order: [row]) { svm_node(index: Int32($0), value: $1) }
      return withExtendedLifetime(nodes) { classes[Int(svm_predict(model, nodes.starts[0]))] }
    }
  }

  private static func gamma(_ kernel: Kernel, _ features: Tensor) -> Double {
    let d = Double(features.shape.columns)
    switch kernel {
    case .linear: return 0
    case .radial(.value(let gamma)): return gamma
    case .radial(.auto): return 1 / d
    case .radial(.scale):
      let count = Double(features.count)
      let values = UnsafeBufferPointer(start: features.pointer, count: features.count)
      let mean = values.reduce(0.0) { $0 + Double($1) } / count
      let squares = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
      return squares > 0 ? count / (d * squares) : 1 / d
    }
  }
}
