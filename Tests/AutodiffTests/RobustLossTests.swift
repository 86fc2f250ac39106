import Autodiff
import Foundation
import Tensors
import TestSupport
import Testing

/// A robust loss with its stored values in robust_losses.h5.
struct RobustLoss: Sendable, CustomStringConvertible {
  /// The group in robust_losses.h5.
  let description: String
  /// The loss of `y` to `x`, by the scalars of the fixture.
  let apply: @Sendable (_ y: Variable, _ x: Variable, _ scalar: (String) -> Double) -> Variable

  static let all: [RobustLoss] =
    ["student", "student_wide"].map { name in
      RobustLoss(description: name) {
        $0.studentNegativeLogLikelihood(
          of: $1, scale: $2("scale"), degreesOfFreedom: $2("degrees"))
      }
    } + [
      RobustLoss(description: "laplace") {
        $0.laplaceNegativeLogLikelihood(of: $1, scale: $2("scale"))
      }
    ]
    + ["beta_gaussian", "beta_gaussian_one"].map { name in
      RobustLoss(description: name) {
        $0.gaussianDensityPowerDivergence(to: $1, beta: $2("beta"), scale: $2("scale"))
      }
    }
    + ["0.0078125", "0.5", "1.0", "extreme"].flatMap { name in
      [("bernoulli", false), ("image", true)].map { kind, isWhole in
        RobustLoss(description: "beta_\(kind)_\(name)") {
          $0.bernoulliDensityPowerDivergence(to: $1, beta: $2("beta"), ofWholeImages: isWhole)
        }
      }
    }
}

@Suite("Losses that far values move little")
struct RobustLossTests {
  private let tape = Tape()

  private func row(_ values: [Float]) -> Variable {
    tape.constant(Tensor(Shape(1, values.count), values))
  }

  /// Within 16 float epsilons of the largest value, as all operators (Tests/Golden/README.md).
  ///
  /// PyTorch's single precision is up to 36 off here: it takes powers and then subtracts 1.
  @Test(arguments: RobustLoss.all) func valueAndGradient(_ loss: RobustLoss) throws {
    let golden = try Golden("robust_losses.h5")
    let name = loss.description
    let shape = Shape(try golden.shape("\(name)/inputs/y"))
    let leaves = Leaves([("y", shape, .asInMemory)])
    leaves.load("y", try golden.floats("\(name)/inputs/y"))
    let scalars = try ["scale", "degrees", "beta"].map {
      ($0, try golden.number($0, of: name) ?? .nan)
    }
    let values = Dictionary(uniqueKeysWithValues: scalars)
    let x = tape.constant(Tensor(shape, try golden.floats("\(name)/inputs/x")))
    let output = loss.apply(tape.leaf(leaves.set.parameters[leaves.index("y")]), x) {
      values[$0, default: .nan]
    }
    #expect(output.shape.dimensions == [shape.rows])
    #expect(deviation(output.values, from: try golden.values("\(name)/output")) < 16)
    let upstream = tape.constant(
      Tensor(Shape(shape.rows), try golden.floats("\(name)/upstream")))
    leaves.differentiate(output * upstream)
    let expected = try golden.values("\(name)/gradients/y")
    #expect(deviation(leaves.gradient("y"), from: expected) < 16)
  }

  /// The densities integrate to one: by the trapezoidal rule on ±2,000 scales for t with 3 degrees
  /// of freedom, whose tails beyond have 3e-10.
  @Test(arguments: [0.05, 0.4]) func likelihoodsAreDensities(scale: Double) {
    let places = (-200_000...200_000).map { Double($0) * 0.01 * scale }
    let x = tape.constant(Tensor(Shape(places.count, 1), places.map { Float($0) }))
    let mean = tape.constant(Shape(places.count, 1))
    for i in 0..<places.count { mean.pointer[i] = 0 }
    func integral(_ losses: [Float]) -> Double {
      losses.reduce(0) { $0 + exp(-Double($1)) } * 0.01 * scale
    }
    let student = mean.studentNegativeLogLikelihood(of: x, scale: scale, degreesOfFreedom: 3)
    #expect(abs(integral(student.values) - 1) < 1e-4)
    let laplace = mean.laplaceNegativeLogLikelihood(of: x, scale: scale)
    #expect(abs(integral(laplace.values) - 1) < 1e-4)
  }

  /// For a small beta the divergences are the likelihoods, and for many degrees of freedom
  /// Student's t is the Gaussian.
  @Test func limits() {
    let (y, x) = (row([-2, -0.5, 0.25, 1.5]), row([0, 1, 0.75, 1]))
    let bernoulli = y.bernoulliNegativeLogLikelihood(of: x).sum
    for isWhole in [false, true] {
      let found = y.bernoulliDensityPowerDivergence(to: x, beta: 1e-4, ofWholeImages: isWhole).sum
      #expect(abs(found - bernoulli) < 2e-3 * bernoulli, "\(isWhole)")
    }
    let logVariance = row(Array(repeating: Float(2 * log(0.5)), count: 4))
    let gaussian = y.gaussianNegativeLogLikelihood(of: x, logVariance: logVariance).sum
    let divergence = y.gaussianDensityPowerDivergence(to: x, beta: 1e-4, scale: 0.5).sum
    #expect(abs(divergence - gaussian) < 5e-3 * gaussian)
    let student = y.studentNegativeLogLikelihood(of: x, scale: 0.5, degreesOfFreedom: 1e3).sum
    #expect(abs(student - gaussian) < 1e-2 * gaussian)
  }

  /// What a pixel with 25 % of flips settles at: the constant of least loss.
  ///
  /// Bernoulli forms are proper scores, so they keep the rate; the others find the pixel.
  @Test func constantsOfLeastLoss() {
    let places = (1..<200).map { Float($0) / 200 }
    func best(_ loss: (_ y: Variable, _ x: Variable) -> Variable, isLogit: Bool = false) -> Float {
      let costs = places.map { place -> Double in
        let y = isLogit ? log(place / (1 - place)) : place
        return loss(row([y, y, y, y]), row([0, 0, 0, 1])).sum
      }
      return places[costs.indices.min { costs[$0] < costs[$1] } ?? 0]
    }
    #expect(best({ $0.laplaceNegativeLogLikelihood(of: $1, scale: 0.1) }) < 0.01)
    #expect(
      best({ $0.studentNegativeLogLikelihood(of: $1, scale: 0.1, degreesOfFreedom: 3) }) < 0.03)
    #expect(best({ $0.gaussianDensityPowerDivergence(to: $1, beta: 0.5, scale: 0.2) }) < 0.01)
    #expect(abs(best({ $0.squaredError(to: $1) }) - 0.25) < 0.003)
    for beta in [0.1, 1.0] {
      let rate = best({ $0.bernoulliDensityPowerDivergence(to: $1, beta: beta) }, isLogit: true)
      #expect(abs(rate - 0.25) < 0.003, "beta \(beta)")
    }
  }
}
