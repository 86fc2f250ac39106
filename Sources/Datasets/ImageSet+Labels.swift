import Support

/// Labels as classes from 0 to K - 1.
extension ImageSet {
  /// The most classes that labels may have.
  public static let mostClasses = 65_536

  /// The number of classes, K: the largest label and one; nil where labels cannot be classes.
  public var classes: Int? {
    guard let labels, let least = labels.prefix(count).min(), least >= 0,
      let largest = labels.prefix(count).max(), (1..<Self.mostClasses).contains(Int(largest))
    else { return nil }
    return Int(largest) + 1
  }

  /// Makes sure that each image has a class.
  ///
  /// - Parameters:
  ///   - known: the number of classes that there may be; nil where the labels tell it, of which there
  ///     must be two or more.
  ///   - reader: who reads the labels, to follow "for".
  /// - Throws: `DatasetError.mismatch` where labels are missing, or are no classes.
  public func checkLabels(atMost known: Int? = nil, for reader: String) throws(DatasetError) {
    let item = "/\(split.rawValue)/labels"
    guard let labels else {
      throw .mismatch(
        file: path, item: item, found: isPatches ? "patches, which have none" : "none",
        expected: isPatches
          ? "whole images with their classes, for \(reader); leave patch out"
          : "a class from 0 on of each image, for \(reader); cleave import keeps those of its "
            + "source (mnist, omniglot, arrays with --labels)")
    }
    let limit = known ?? Self.mostClasses
    if let row = labels.prefix(count).firstIndex(where: { $0 < 0 || Int($0) >= limit }) {
      throw .mismatch(
        file: path, item: item, found: "\(labels[row]) in row \(row)",
        expected: "0 to \(limit - 1), for \(reader)" + (known.map { " of \($0) classes" } ?? ""))
    }
    guard known == nil, classes == nil else { return }
    throw .mismatch(
      file: path, item: item, found: "0 of every image",
      expected: "two classes or more, for \(reader)")
  }
}
