/// A part of a data set; the raw value is the name of its HDF5 group.
public enum Split: String, CaseIterable, Sendable {
  case train, validation, test
  /// Images of classes that no other split contains.
  case evaluation

  /// The split's number in draws: the time of static corruption and of synthetic images.
  ///
  /// So rows of different splits with the same index have different draws.
  public var index: Int {
    switch self {
    case .train: 0
    case .validation: 1
    case .test: 2
    case .evaluation: 3
    }
  }
}
