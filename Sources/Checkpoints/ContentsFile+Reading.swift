import CKernels
import HDF5
import Support

// Reads `checkpoint.h5`. Its checksum proves that nothing has changed it, not who wrote it: no
// size, number or link in it is trusted.

extension ContentsFile {
  /// Opens the file and checks its format and version.
  static func open(_ path: String, through opened: String) throws(HDF5Error) -> File {
    let file = try File.open(path, through: opened, reach: .itself)
    let format = try file.stringAttribute("format", on: "/") ?? "none"
    let version = try file.intAttribute("version", on: "/") ?? 0
    guard format == Manifest.formatName, version == Manifest.currentVersion else {
      throw HDF5Error(
        file: path,
        message: "found format \(format.shortened) version \(version), "
          + "expected \(Manifest.formatName) version \(Manifest.currentVersion)")
    }
    return file
  }

  static func configuration(in file: File) throws(HDF5Error) -> String {
    let dataset = try file.dataset("/config")
    var budget = try Budget(file)
    try dataset.expect(.string, shape: [])
    try budget.take(dataset)
    guard let text = try dataset.readStrings().first else {
      throw HDF5Error(file: file.path, object: "/config", message: "found no text")
    }
    guard text.utf8.count <= RegularFile.documentLimit else {
      throw HDF5Error(
        file: file.path, object: "/config",
        message: "found \(text.utf8.count) bytes, expected \(RegularFile.documentLimit) at most")
    }
    return text
  }

  static func contents(in file: File) throws(HDF5Error) -> CheckpointContents {
    CheckpointContents(
      configuration: try configuration(in: file), model: try model(in: file),
      optimizer: try optimizer(in: file), progress: try progress(in: file),
      history: try history(in: file), data: try data(in: file))
  }

  /// The images trained on; nil in files of earlier versions.
  static func data(in file: File) throws(HDF5Error) -> DataIdentity? {
    guard file.isGroup(dataPath) else { return nil }
    let digest = try file.stringAttribute("digest", on: dataPath) ?? "none"
    let first = try file.stringAttribute("first", on: dataPath)
    for text in [digest, first].compactMap({ $0 }) where !DataIdentity.isDigest(text) {
      throw HDF5Error(
        file: file.path, object: dataPath,
        message: "digest: found \(text.shortened), expected 32 hexadecimal digits")
    }
    var shape: [Int] = []
    for name in sides { shape.append(try count(name, on: dataPath, in: file)) }
    var largest: [Int] = []
    if try file.intAttribute(self.largest + sides[0], on: dataPath) != nil {
      for name in sides { largest.append(try count(self.largest + name, on: dataPath, in: file)) }
    }
    return DataIdentity(
      digest: digest, rows: try count("rows", on: dataPath, in: file), shape: shape,
      largest: largest.isEmpty ? nil : largest,
      element: try file.stringAttribute("element", on: dataPath) ?? "",
      path: try file.stringAttribute("path", on: dataPath) ?? "", first: first)
  }

  static func model(in file: File) throws(HDF5Error) -> [NamedArray] {
    var budget = try Budget(file)
    var arrays: [NamedArray] = []
    for name in try file.children(of: "/model") {
      let dataset = try floats("/model/\(name)", in: file, &budget)
      arrays.append(
        NamedArray(name: name, shape: dataset.shape, values: try finite(dataset)))
    }
    return arrays
  }

  /// The shapes of the model's arrays, by name.
  static func modelShapes(in file: File) throws(HDF5Error) -> [String: [Int]] {
    var budget = try Budget(file)
    var shapes: [String: [Int]] = [:]
    for name in try file.children(of: "/model") {
      shapes[name] = try floats("/model/\(name)", in: file, &budget).shape
    }
    return shapes
  }

  static func optimizer(in file: File) throws(HDF5Error) -> [OptimizerGroup] {
    var budget = try Budget(file)
    var groups: [OptimizerGroup] = []
    for group in try file.children(of: "/optimizer") {
      let path = "/optimizer/\(group)"
      var entries: [OptimizerEntry] = []
      for parameter in try file.children(of: path) {
        for key in try file.children(of: "\(path)/\(parameter)") {
          let dataset = try floats("\(path)/\(parameter)/\(key)", in: file, &budget)
          // The square of a large gradient may be infinite, and the weights stay as they are.
          let values = try finite(dataset, areSquares: key.contains("sq"))
          entries.append(
            OptimizerEntry(parameter: parameter, key: key, shape: dataset.shape, values: values))
        }
      }
      let step = try count("step", on: path, in: file)
      groups.append(OptimizerGroup(name: group, step: step, entries: entries))
    }
    return groups
  }

  static func progress(in file: File) throws(HDF5Error) -> Progress {
    let path = "/progress"
    var values: [String: Double] = [:]
    for name in try file.attributes(on: path + "/values") {
      values[name] = try file.doubleAttribute(name, on: path + "/values")
    }
    return Progress(
      seed: UInt64(bitPattern: Int64(try integer("seed", on: path, in: file))),
      lanes: try integer("lanes", on: path, in: file),
      outer: try count("outer", on: path, in: file),
      epoch: try count("epoch", on: path, in: file),
      step: try count("step", on: path, in: file),
      imagesSeen: try count("images_seen", on: path, in: file, atMost: 1 << 53),
      exact: try integer("exact", on: path, in: file) != 0,
      blasKernel: try file.stringAttribute("blas_kernel", on: path) ?? "", values: values)
  }

  static func history(in file: File) throws(HDF5Error) -> [String: [HistoryPoint]] {
    var budget = try Budget(file)
    return try history(in: file, under: "", depth: 0, &budget)
  }

  /// Metrics by name; a "/" in a name has become a group.
  private static func history(
    in file: File, under group: String, depth: Int, _ budget: inout Budget
  ) throws(HDF5Error) -> [String: [HistoryPoint]] {
    // A link may make a group a member of itself.
    guard depth < 4 else {
      throw HDF5Error(
        file: file.path, object: "/history/\(group)",
        message: "found more than 4 groups in each other")
    }
    var history: [String: [HistoryPoint]] = [:]
    for child in try file.children(of: "/history/\(group)") {
      let metric = group + child
      if file.isGroup("/history/\(metric)") {
        try budget.takeObject("/history/\(metric)")
        let inner = try Self.history(in: file, under: metric + "/", depth: depth + 1, &budget)
        for (name, points) in inner { history[name] = points }
        continue
      }
      let dataset = try file.dataset("/history/\(metric)")
      try dataset.expect(.float64, shape: [nil, 2])
      try budget.take(dataset)
      let flat = try dataset.readAll(as: Double.self)
      var points: [HistoryPoint] = []
      for index in stride(from: 0, to: flat.count, by: 2) {
        guard let step = Int(exactly: flat[index]), (0...mostCounted).contains(step) else {
          throw HDF5Error(
            file: file.path, object: dataset.path,
            message: "found the step \(flat[index]), expected an integer from 0 to \(mostCounted)")
        }
        points.append(HistoryPoint(step: step, value: flat[index + 1]))
      }
      history[metric] = points
    }
    return history
  }

  private static func floats(
    _ path: String, in file: File, _ budget: inout Budget
  ) throws(HDF5Error) -> Dataset {
    let dataset = try file.dataset(path)
    try dataset.expect(.float32, shape: dataset.shape)
    try budget.take(dataset)
    return dataset
  }

  /// The elements of a dataset, all of which must be finite: no run saves others (docs/files.md).
  ///
  /// - Parameter areSquares: whether they must be positive or 0, and may be infinite.
  private static func finite(
    _ dataset: Dataset, areSquares: Bool = false
  ) throws(HDF5Error) -> [Float] {
    let values: [Float] = try dataset.readAll()
    func isSound(_ value: Float) -> Bool { areSquares ? value >= 0 : value.isFinite }
    if !areSquares && ck_all_finite(values, values.count) != 0 { return values }
    guard let wrong = values.first(where: { !isSound($0) }) else { return values }
    throw HDF5Error(
      file: dataset.file.path, object: dataset.path,
      message:
        "found \(wrong), expected \(areSquares ? "squares" : "finite numbers"); no run saves "
        + "others")
  }

  private static func integer(
    _ name: String, on path: String, in file: File
  ) throws(HDF5Error) -> Int {
    guard let value = try file.intAttribute(name, on: path) else {
      throw HDF5Error(file: file.path, object: path, message: "no attribute \(name)")
    }
    return value
  }

  /// Steps, epochs and iterations that a run can count.
  private static let mostCounted = Int(Int32.max)

  private static func count(
    _ name: String, on path: String, in file: File, atMost limit: Int = mostCounted
  ) throws(HDF5Error) -> Int {
    let value = try integer(name, on: path, in: file)
    guard (0...limit).contains(value) else {
      throw HDF5Error(
        file: file.path, object: path,
        message: "\(name): found \(value), expected an integer from 0 to \(limit)")
    }
    return value
  }

  /// What may be read of a file: no more bytes than it has, and no endless number of objects.
  ///
  /// A file may declare more elements than it stores, and name the same elements again and again.
  private struct Budget {
    private let file: File
    private var bytes: Int
    private var objects = 1 << 17

    init(_ file: File) throws(HDF5Error) {
      self.file = file
      bytes = try file.size()
    }

    mutating func take(_ dataset: Dataset) throws(HDF5Error) {
      try takeObject(dataset.path)
      guard let needed = dataset.storedBytes, needed <= bytes else {
        throw HDF5Error(
          file: file.path, object: dataset.path,
          message: "found \(dataset.type) \(dataset.shape), expected elements that the file has")
      }
      bytes -= needed
    }

    mutating func takeObject(_ path: String) throws(HDF5Error) {
      objects -= 1
      guard objects > 0 else {
        throw HDF5Error(file: file.path, object: path, message: "found too many objects before it")
      }
    }
  }
}
