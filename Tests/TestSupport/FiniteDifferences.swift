import Tensors

extension Leaves {
  /// The difference between a parameter's gradient and five-point differences of `loss`.
  ///
  /// The result is relative to the largest difference quotient. The gradient is from the last
  /// backward pass.
  ///
  /// With steps of 1/32, the five-point rule has an error of about 3e-8 of the fifth derivative.
  /// The rounding of a single-precision loss adds about 1e-5 of its value. A right gradient is
  /// within 1e-3; a wrong gradient is not.
  ///
  /// - Parameter loss: the sum of the loss at the present values; it must not have a kink within
  ///   1/16 of these values.
  public func gradientError(of name: String, loss: () -> Double) -> Double {
    let step: Float = 1 / 32
    let parameter = set.parameters[index(name)]
    let gradient = memoryGradient(name)
    var quotients: [Double] = []
    for element in 0..<parameter.shape.count {
      let here = self[name, element]
      func at(_ steps: Float) -> Double {
        self[name, element] = here + steps * step
        return loss()
      }
      let (far, near) = (at(2) - at(-2), at(1) - at(-1))
      self[name, element] = here
      quotients.append((8 * near - far) / (12 * Double(step)))
    }
    let scale = max(quotients.map(abs).max() ?? 0, 1e-2)
    return zip(gradient, quotients).map { abs(Double($0) - $1) / scale }.max() ?? .infinity
  }

  /// Fills a parameter with reproducible numbers of magnitude 0.25 to 1.25 and random sign.
  ///
  /// So no element is close to a kink at 0.
  public func draw(_ name: String, seed: UInt64 = 7) {
    let parameter = set.parameters[index(name)]
    let draws = Draws(seed: seed, purpose: .evaluation, time: parameter.index)
    draws.uniform(row: 0, into: parameter.value, count: parameter.shape.count)
    for element in 0..<parameter.shape.count {
      let signed = 2 * parameter.value[element] - 1
      parameter.value[element] = signed < 0 ? signed - 0.25 : signed + 0.25
    }
  }
}
