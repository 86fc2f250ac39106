import Support

/// A choice of test images among those to train with, where a source has none of its own.
struct TestImages {
  /// How many images the test split gets.
  static let option = ImportOption(
    "test", "N", "how many images, evenly of every class, the last of each, make the test split")

  /// The chosen images.
  let chosen: Set<Int>
  /// What was chosen, in words; nil for none.
  let note: String?

  /// Takes as many images as the request says: evenly of every class, the last of each.
  ///
  /// - Parameters:
  ///   - images: the images to choose from, in their order.
  ///   - own: the test images that the source has, and where; nil for none.
  ///   - order: the order in words, such as "by name"; nil for that of the rows.
  ///   - label: the class of an image; nil without classes.
  ///   - name: the name of a class.
  ///   - kind: what a class is called.
  /// - Throws: `DatasetError.option` if there are test images already, or a class would keep no
  ///   image.
  init(
    _ request: ImportRequest, of images: some Sequence<Int>,
    own: (count: Int, place: String)?, order: String?, label: ((Int) -> Int32)?,
    name: (Int32) -> String, kind: String = "class"
  ) throws(DatasetError) {
    let option = "--\(Self.option.name)"
    let count = try request.integer(Self.option, in: 0...Int.max) ?? 0
    guard count > 0 else {
      (chosen, note) = ([], nil)
      return
    }
    if let own {
      throw .option(
        option, found: "\(count)",
        expected: "none, as \(own.place) holds \(Quantity.count(own.count, "test image"))")
    }
    var groups: [Int32: [Int]] = [:]
    for image in images { groups[label?(image) ?? 0, default: []].append(image) }
    let classes = groups.keys.sorted()
    let most = groups.values.reduce(0) { $0 + $1.count - 1 }
    guard count <= most else {
      throw .option(
        option, found: "\(count)",
        expected: Quantity.integers(0...most)
          + (groups.count > 1 ? ", as each \(kind) keeps one to train with" : ""))
    }
    // Rounds of one image a class, until all are taken.
    var taken: [Int32: Int] = [:]
    var left = count
    while left > 0 {
      for label in classes
      where left > 0 && taken[label, default: 0] + 1 < groups[label]?.count ?? 0 {
        taken[label, default: 0] += 1
        left -= 1
      }
    }
    chosen = Set(classes.flatMap { (groups[$0] ?? []).suffix(taken[$0] ?? 0) })
    let last = (order.map { " \($0)" } ?? "")
    note =
      label == nil
      ? "test split: the last \(Quantity.grouped(count))\(last)"
      : "test split: the last\(last) of each \(kind), "
        + Quantity.list(classes.map { "\(taken[$0] ?? 0) of \(name($0))" }, atMost: 8)
  }
}
