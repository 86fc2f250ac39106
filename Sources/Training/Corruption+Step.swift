import Datasets
import Layers

extension Corruption {
  /// What a step calls to draw this noise freshly on images of a shape; nil where there is none.
  public func corrupter(of shape: ImageShape) -> Step.Corrupter? {
    isNone ? nil : { apply(to: $0, shape: shape, row: $2, draws: $3) }
  }
}
