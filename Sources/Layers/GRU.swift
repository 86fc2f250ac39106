import Autodiff
import Tensors

/// A gated recurrent layer that reads T inputs and returns the last state, [R, …] to [R, H].
///
/// Im, Ahn, Memisevic & Bengio, "Denoising Criterion for Variational Auto-encoding Framework", use
/// "a single recurrent hidden layer, five time steps" and say no more (D-24). It starts from h = 0;
/// v is the input of each time step:
///
///     r = sigmoid(W_r v + U_r h + b_r)         u = sigmoid(W_u v + U_u h + b_u)
///     g = tanh(W_g v + U_g (r * h) + b_g)      h = (1 - u) * h + u * g
///
/// W is Glorot uniform for each gate, each U orthogonal, b zero. This is Cho et al.'s layer (EMNLP
/// 2014). PyTorch's layer differs: it applies the reset gate after the product with U_g.
public struct GRU: Network {
  /// How time steps get their inputs.
  public enum Input: Sendable, Equatable {
    /// Each time step reads the same row of `values` elements.
    case repeated(values: Int)
    /// A row of `values` elements is cut into consecutive pieces of equal length.
    ///
    /// Zeros fill up the last piece.
    case chunks(values: Int)
    /// A row holds `values` elements for each time step; a row of one input serves all time steps.
    case sequence(values: Int)
  }

  /// W of r, u and g side by side, [I, 3 H], and their biases, [3 H].
  public let inputWeight: Parameter, bias: Parameter
  /// U of r and u side by side, [H, 2 H], and U of g, [H, H].
  public let gateWeight: Parameter, candidateWeight: Parameter
  private let units: Int, steps: Int
  private let input: Input
  /// Elements of the input of one time step.
  private let inputs: Int

  /// A layer of `units` units that takes `steps` time steps.
  public init(_ input: Input, units: Int, steps: Int) {
    precondition(units > 0 && steps > 0, "a GRU of \(units) units and \(steps) steps")
    (self.input, self.units, self.steps) = (input, units, steps)
    switch input {
    case .repeated(let values), .sequence(let values): inputs = values
    case .chunks(let values): inputs = (values + steps - 1) / steps
    }
    inputWeight = Parameter(
      Shape(inputs, 3 * units), .glorotUniform(fanIn: inputs, fanOut: units),
      fileLayout: .transposed)
    bias = Parameter(Shape(3 * units), .zeros)
    gateWeight = Parameter(
      Shape(units, 2 * units), .orthogonal(size: units), fileLayout: .transposed)
    candidateWeight = Parameter(
      Shape(units, units), .orthogonal(size: units), fileLayout: .transposed)
  }

  /// The parameters; gates in the order r, u, g.
  public var parameters: [(String, Parameter)] {
    [
      ("input_weight", inputWeight), ("input_bias", bias), ("gate_weight", gateWeight),
      ("candidate_weight", candidateWeight),
    ]
  }

  /// The state after the last time step, [R, H].
  public func callAsFunction(_ x: Variable) -> Variable {
    let rows = x.shape.rows
    let projected = project(x)  // [R, 3 H], or [R, T 3 H] with an input for each step
    let varies = projected.shape.columns > 3 * units
    let gates = x.parameter(gateWeight), candidate = x.parameter(candidateWeight)
    var h: Variable?
    for step in 0..<steps {
      let v = varies ? projected.columns(step * 3 * units..<(step + 1) * 3 * units) : projected
      guard let state = h else {
        let update = v.columns(units..<2 * units).activated(.sigmoid)
        h = update * v.columns(2 * units..<3 * units).activated(.tanh)
        continue
      }
      let gate = (v.columns(0..<2 * units) + state.linear(gates, nil)).activated(.sigmoid)
      let (reset, update) = (gate.columns(0..<units), gate.columns(units..<2 * units))
      let g = (v.columns(2 * units..<3 * units) + (reset * state).linear(candidate, nil))
        .activated(.tanh)
      h = state + update * (g - state)
    }
    guard let h else { preconditionFailure("a GRU without steps") }
    precondition(h.shape == Shape(rows, units), "state \(h.shape)")
    return h
  }

  /// W v + b of all gates.
  ///
  /// If time steps have different inputs, their results lie side by side.
  private func project(_ x: Variable) -> Variable {
    let (weight, bias) = (x.parameter(inputWeight), x.parameter(bias))
    let rows = x.shape.rows
    let sequence: Variable
    switch input {
    case .chunks: sequence = x.padded(toColumns: steps * inputs)
    case .sequence where x.shape.columns == steps * inputs && steps > 1: sequence = x
    case .repeated, .sequence: return x.linear(weight, bias)
    }
    return sequence.reshaped(Shape(rows * steps, inputs)).linear(weight, bias)
      .reshaped(Shape(rows, steps * 3 * units))
  }
}
