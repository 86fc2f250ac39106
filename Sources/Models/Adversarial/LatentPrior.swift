import Autodiff
import Foundation
import Layers
import Tensors
import Training

/// A prior of codes from which samples can be drawn (docs/systems.md, 7.5).
public enum LatentPrior: Sendable, Equatable {
  /// N(0, I).
  case gaussian
  /// Ten equally likely Gaussians of standard deviation 0.5 in two dimensions, their means evenly
  /// on a circle around the origin.
  ///
  /// The radius is 4 in the paper and 4 sqrt(2) in the released code (D-30).
  case mixtureOnCircle(radius: Float)

  /// The prior of the settings.
  public init(_ c: CodeGame.Settings) {
    self = c.prior == .gmm10 ? .mixtureOnCircle(radius: Float(c.gmmRadius)) : .gaussian
  }

  /// A draw for each row of the step, [B, dimensions].
  public func sample(_ dimensions: Int, _ step: Step) -> Variable {
    let purpose = step.purpose == .latent ? Purpose.prior : step.purpose
    let z = step.normal(dimensions, purpose)
    guard case .mixtureOnCircle(let radius) = self else { return z }
    precondition(dimensions == 2, "the mixture prior has two dimensions")
    let choice = Draws(seed: step.seed, purpose: purpose, time: step.time, repetition: 1)
    for (i, row) in step.rows.enumerated() {
      let component = choice.integer(below: 10, row: Int(row), element: 0)
      let angle = 2 * Float.pi * Float(component) / 10
      z.pointer[2 * i] = 0.5 * z.pointer[2 * i] + radius * cos(angle)
      z.pointer[2 * i + 1] = 0.5 * z.pointer[2 * i + 1] + radius * sin(angle)
    }
    return z
  }
}
