import CLinear
import Tensors

/// A linear classifier by liblinear, one against the rest (docs/systems.md, 8.7, 8.8).
///
/// Fan et al., "LIBLINEAR: A Library for Large Linear Classification", JMLR 2008. The minimum of
/// |w|² / 2 + C times the sum of the losses of all rows. The bias is the weight of a constant
/// feature 1, and is part of |w|, as in scikit-learn's LinearSVC. The solver is the trust-region
/// Newton method, which draws no random numbers.
///
/// Equal to LinearSVC(dual=False) and LogisticRegression(solver="liblinear") up to the stop rule.
public final class LinearClassifier {
  /// The loss of a row with margin m: its score, times -1 if the row is not of the class.
  public enum Loss: Sendable {
    /// max(0, 1 - m)²: LinearSVC.
    case squaredHinge
    /// log(1 + exp(-m)): a linear probe.
    case logistic
  }

  /// The classes, ascending.
  public let classes: [Int32]
  /// The number of features of a row, D.
  public let dimensions: Int

  private let model: UnsafeMutablePointer<CLinear.model>

  /// Trains a classifier on rows [N, D]; takes 16 bytes for each number that is not 0.
  ///
  /// - Parameters:
  ///   - features: the rows; no scaling is done to them.
  ///   - labels: a class for each row, [N].
  ///   - loss: of a row.
  ///   - c: the price of a loss.
  ///   - tolerance: the part of the gradient's first norm at which training stops, scaled by the
  ///     share of the rarer side.
  /// - Throws: `StatisticsError.labels` for missing labels, `oneClass`, `notFinite`; `refused` for
  ///   a parameter that liblinear does not take.
  public init(
    _ features: Tensor, labels: [Int32], loss: Loss, c: Double = 1, tolerance: Double = 1e-4
  ) throws(StatisticsError) {
    let labels = try ClassLabels(labels, rows: features.shape.rows)
    try features.requireRows(2, "features")
    try features.requireFinite("features")
    classes = labels.classes
    dimensions = features.shape.columns
    let rows = SparseRows(features, order: labels.order, bias: 1) {
      feature_node(index: Int32($0), value: $1)
    }
    set_print_string_function { _ in }
    var settings = CLinear.parameter()
    settings.solver_type = Int32(loss == .squaredHinge ? L2R_L2LOSS_SVC : L2R_LR)
    settings.C = c
    settings.eps = tolerance
    settings.p = 0.1
    var targets = labels.order.map { Double(labels.indices[$0]) }
    var starts = rows.starts
    let (trained, reason): (UnsafeMutablePointer<CLinear.model>?, String) =
      targets.withUnsafeMutableBufferPointer { targets in
        starts.withUnsafeMutableBufferPointer { starts in
          var problem = CLinear.problem(
            l: Int32(starts.count), n: Int32(features.shape.columns + 1), y: targets.baseAddress,
            x: starts.baseAddress, bias: 1)
          if let reason = check_parameter(&problem, &settings) {
            return (nil, String(cString: reason))
          }
          return withExtendedLifetime(rows) { (train(&problem, &settings), "no model") }
        }
      }
    guard let trained else { throw .refused(library: "liblinear", reason: reason) }
    model = trained
  }

  deinit {
    var model: UnsafeMutablePointer<CLinear.model>? = self.model
    free_and_destroy_model(&model)
  }

  /// The classes of rows [B, D], [B]; ranks may share the rows.
  ///
  /// - Throws: `StatisticsError` for rows of another length, and for numbers that are not finite.
  public func predict(_ features: Tensor) throws(StatisticsError) -> [Int32] {
    try features.requireColumns(dimensions, "features")
    try features.requireFinite("features")
    return (0..<features.shape.rows).map { row in
      let nodes = SparseRows(features, order: [row], bias: 1) {
        feature_node(index: Int32($0), value: $1)
      }
      return withExtendedLifetime(nodes) {
        classes[Int(CLinear.predict(model, nodes.starts[0]))]
      }
    }
  }

  /// The weights [D] and the bias of a class, by its place in `classes`.
  ///
  /// A row's score is their sum of products. Two classes share one score, of which the second class
  /// has the negative.
  public func weights(ofClass place: Int) -> (weights: [Double], bias: Double) {
    precondition(classes.indices.contains(place), "class \(place) of \(classes.count)")
    let weights = (1...dimensions).map { get_decfun_coef(model, Int32($0), Int32(place)) }
    return (weights, get_decfun_bias(model, Int32(place)))
  }
}
