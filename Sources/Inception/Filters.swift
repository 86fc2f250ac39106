/// The weights of a convolution and the batch normalisation after it, folded into one.
struct Filters {
  /// F, C, and the sides of the kernel.
  let features: Int, channels: Int, height: Int, width: Int
  /// [F, C, height, width].
  var weights: [Float]
  /// [F].
  var bias: [Float]

  var shape: [Int] { [features, channels, height, width] }

  /// Added to the variance by batch normalisation, as in TensorFlow's network.
  static let epsilon = 0.001

  /// Reads a layer of a state dict and folds it.
  ///
  /// With a = weight / sqrt(variance + epsilon) of the normalisation, its output a (y - mean) +
  /// bias becomes a convolution with weights a w and the bias `bias - a mean`.
  ///
  /// - Parameter layer: the layer's name, `Mixed_5b.branch1x1` for example.
  /// - Throws: `WeightsError` if a value is missing or is not a number that can be used.
  init(
    _ layer: String, channels: Int, features: Int, kernel: (height: Int, width: Int),
    from source: any WeightSource
  ) throws {
    (self.features, self.channels) = (features, channels)
    (height, width) = kernel
    weights = try source.values("\(layer).conv.weight", [features, channels, height, width])
    func row(_ name: String) throws -> [Float] {
      try source.values("\(layer).bn.\(name)", [features])
    }
    let (scale, shift) = (try row("weight"), try row("bias"))
    let (mean, variance) = (try row("running_mean"), try row("running_var"))
    bias = shift
    let count = channels * height * width
    for feature in 0..<features {
      guard variance[feature] >= 0 else {
        throw source.error(
          "\(layer).bn.running_var", "found \(variance[feature]), expected no negative value")
      }
      let factor = Double(scale[feature]) / (Double(variance[feature]) + Self.epsilon).squareRoot()
      bias[feature] = Float(Double(shift[feature]) - factor * Double(mean[feature]))
      for i in feature * count..<(feature + 1) * count {
        weights[i] = Float(factor * Double(weights[i]))
      }
    }
  }

  /// Filters that need no folding.
  init(shape: [Int], weights: [Float], bias: [Float]) {
    (features, channels, height, width) = (shape[0], shape[1], shape[2], shape[3])
    (self.weights, self.bias) = (weights, bias)
  }
}
