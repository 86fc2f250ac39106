import Autodiff
import Training

extension Configuration.ReconstructionTerm {
  /// How far the sigmoid of `logits` [B, D] is from `x` [B, D], [B]: summed over the pixels, in nats for bce.
  func loss(logits: Variable, of x: Variable) -> Variable {
    switch self {
    case .bce: logits.bernoulliNegativeLogLikelihood(of: x)
    case .mse: logits.activated(.sigmoid).squaredError(to: x)
    case .l2norm: logits.activated(.sigmoid).squaredError(to: x).squareRoot()
    }
  }
}
