/// A part of a data set, under the name of its HDF5 group.
public enum Split: String, CaseIterable, Sendable {
  case train, validation, test
  /// Images of classes that the others have none of.
  case evaluation

  /// The split's place in draws: the time of the static corruption and of synthetic images, so that
  /// rows of different splits with the same index are drawn apart.
  public var index: Int {
    switch self {
    case .train: 0
    case .validation: 1
    case .test: 2
    case .evaluation: 3
    }
  }
}
