import Autodiff
import Datasets
import Foundation
import Layers
import MPI
import Tensors

/// What is known of the training set before the first step.
extension Trainer {
  /// The mean of all rows, [D], in double precision; lanes are added in their order, whatever the ranks.
  ///
  /// **Collective.**
  static func meanImage(of images: ImageSet, lanes: Lanes, on world: Communicator) throws -> [Float]
  {
    let d = images.shape.count
    var perLane = Array(repeating: 0.0, count: lanes.count * d)
    for lane in lanes.lanes(of: world.rank, of: world.size) {
      let sums = images.columnSums(of: lanes.rows(of: lane))
      for j in 0..<d { perLane[lane * d + j] = sums[j] }
    }
    try world.allReduce(&perLane, .sum)
    return (0..<d).map { j in
      let sum = stride(from: j, to: perLane.count, by: d).reduce(0.0) { $0 + perLane[$1] }
      return Float(sum / Double(lanes.rowCount))
    }
  }

  /// A corruption that knows what it needs to know of the images.
  ///
  /// **Collective.**
  static func prepared(
    _ noise: Corruption, for images: ImageSet, lanes: Lanes, on world: Communicator
  ) throws -> Corruption {
    guard noise.needsMeanImage else { return noise }
    return noise.knowing(meanImage: try meanImage(of: images, lanes: lanes, on: world))
  }

  /// The first values of the decoder's last bias: the logit of the mean image, within .001 and .999.
  ///
  /// **Collective.**
  func outputBias() throws -> (bias: Parameter, values: [Float])? {
    guard configuration.outputBias == .meanImage,
      let bias = (model as? any LatentVariableModel)?.outputBias
    else { return nil }
    let mean = try Self.meanImage(of: images, lanes: lanes, on: world)
    return (bias, mean.map { logit(min(max($0, 0.001), 0.999)) })
  }

  private func logit(_ p: Float) -> Float { Float(log(Double(p) / (1 - Double(p)))) }
}
