import HDF5

/// `checkpoint.h5`: configuration, model, optimizer, row state, progress and history.
enum ContentsFile {
  static let name = "checkpoint.h5"

  /// Writes the file and waits until it is on the disk.
  ///
  /// Arrays of the row state are virtual datasets over `rowFiles`, `/split/S` for an array S.
  static func write(
    _ contents: CheckpointContents, rowLayout: RowLayout?,
    rowFiles: [(file: String, rows: Range<Int>)],
    to path: String
  ) throws(HDF5Error) {
    let file = try File.create(path)
    try file.write(attribute: "format", on: "/", Manifest.formatName)
    try file.write(attribute: "version", on: "/", Manifest.currentVersion)
    try file.createDataset("/config", .string, shape: []).write(strings: [contents.configuration])
    try file.createGroup("/model")
    for array in contents.model {
      try file.createDataset("/model/\(array.name)", .float32, shape: array.shape)
        .write(array.values)
    }
    try write(contents.optimizer, to: file)
    if let rowLayout {
      for array in rowLayout.arrays {
        let name = array.name
        try file.createVirtualDataset(
          "/split/\(name)", array.element.type, shape: rowLayout.shape,
          parts: rowFiles.map { VirtualPart(file: $0.file, dataset: "/\(name)", rows: $0.rows) })
        try RowFile.writeScale(of: array, on: "/split/\(name)", in: file)
      }
    }
    try write(contents.progress, to: file)
    if let data = contents.data { try write(data, to: file) }
    try file.createGroup("/history")
    for (metric, points) in contents.history.sorted(by: { $0.key < $1.key }) {
      try file.createDataset("/history/\(metric)", .float64, shape: [points.count, 2])
        .write(points.flatMap { [Double($0.step), $0.value] })
    }
    try file.synchronize()
    try file.close()
  }

  private static func write(_ groups: [OptimizerGroup], to file: File) throws(HDF5Error) {
    try file.createGroup("/optimizer")
    for group in groups {
      let path = "/optimizer/\(group.name)"
      try file.createGroup(path)
      try file.write(attribute: "step", on: path, group.step)
      for entry in group.entries {
        let parameter = "\(path)/\(entry.parameter)"
        if !file.exists(parameter) {
          try file.createGroup(parameter)
          try file.write(attribute: "step", on: parameter, group.step)
        }
        try file.createDataset("\(parameter)/\(entry.key)", .float32, shape: entry.shape)
          .write(entry.values)
      }
    }
  }

  private static func write(_ progress: Progress, to file: File) throws(HDF5Error) {
    let path = "/progress"
    try file.createGroup(path)
    try file.write(attribute: "seed", on: path, Int(Int64(bitPattern: progress.seed)))
    try file.write(attribute: "lanes", on: path, progress.lanes)
    try file.write(attribute: "outer", on: path, progress.outer)
    try file.write(attribute: "epoch", on: path, progress.epoch)
    try file.write(attribute: "step", on: path, progress.step)
    try file.write(attribute: "images_seen", on: path, progress.imagesSeen)
    try file.write(attribute: "exact", on: path, progress.exact ? 1 : 0)
    try file.write(attribute: "blas_kernel", on: path, progress.blasKernel)
    try file.createGroup(path + "/values")
    for (name, value) in progress.values.sorted(by: { $0.key < $1.key }) {
      try file.write(attribute: name, on: path + "/values", value)
    }
  }
}

// MARK: - The images trained on

extension ContentsFile {
  private static let dataPath = "/data"
  private static let sides = ["height", "width", "channels"]

  private static func write(_ data: DataIdentity, to file: File) throws(HDF5Error) {
    try file.createGroup(dataPath)
    try file.write(attribute: "digest", on: dataPath, data.digest)
    try file.write(attribute: "rows", on: dataPath, data.rows)
    for (name, side) in zip(sides, data.shape) {
      try file.write(attribute: name, on: dataPath, side)
    }
    try file.write(attribute: "element", on: dataPath, data.element)
    try file.write(attribute: "path", on: dataPath, data.path)
  }

  /// The images trained on; nil in files of earlier versions.
  static func data(in file: File) throws(HDF5Error) -> DataIdentity? {
    guard file.isGroup(dataPath) else { return nil }
    let digest = try file.stringAttribute("digest", on: dataPath) ?? "none"
    guard DataIdentity.isDigest(digest) else {
      throw HDF5Error(
        file: file.path, object: dataPath,
        message: "digest: found \(digest), expected 32 hexadecimal digits")
    }
    var shape: [Int] = []
    for name in sides { shape.append(try integer(name, on: dataPath, in: file)) }
    return DataIdentity(
      digest: digest, rows: try integer("rows", on: dataPath, in: file), shape: shape,
      element: try file.stringAttribute("element", on: dataPath) ?? "",
      path: try file.stringAttribute("path", on: dataPath) ?? "")
  }
}

// MARK: - Reading

extension ContentsFile {
  /// Opens the file and checks its format and version.
  static func open(_ path: String, through opened: String) throws(HDF5Error) -> File {
    let file = try File.open(path, through: opened)
    let format = try file.stringAttribute("format", on: "/") ?? "none"
    let version = try file.intAttribute("version", on: "/") ?? 0
    guard format == Manifest.formatName, version == Manifest.currentVersion else {
      throw HDF5Error(
        file: path,
        message: "found format \(format) version \(version), "
          + "expected \(Manifest.formatName) version \(Manifest.currentVersion)")
    }
    return file
  }

  static func configuration(in file: File) throws(HDF5Error) -> String {
    let dataset = try file.dataset("/config")
    guard let text = try dataset.readStrings().first else {
      throw HDF5Error(file: file.path, object: "/config", message: "found no text")
    }
    return text
  }

  static func contents(in file: File) throws(HDF5Error) -> CheckpointContents {
    CheckpointContents(
      configuration: try configuration(in: file), model: try model(in: file),
      optimizer: try optimizer(in: file), progress: try progress(in: file),
      history: try history(in: file), data: try data(in: file))
  }

  static func model(in file: File) throws(HDF5Error) -> [NamedArray] {
    var arrays: [NamedArray] = []
    for name in try file.children(of: "/model") {
      let dataset = try floats("/model/\(name)", in: file)
      arrays.append(
        NamedArray(name: name, shape: dataset.shape, values: try dataset.readAll()))
    }
    return arrays
  }

  static func optimizer(in file: File) throws(HDF5Error) -> [OptimizerGroup] {
    var groups: [OptimizerGroup] = []
    for group in try file.children(of: "/optimizer") {
      let path = "/optimizer/\(group)"
      var entries: [OptimizerEntry] = []
      for parameter in try file.children(of: path) {
        for key in try file.children(of: "\(path)/\(parameter)") {
          let dataset = try floats("\(path)/\(parameter)/\(key)", in: file)
          entries.append(
            OptimizerEntry(
              parameter: parameter, key: key, shape: dataset.shape,
              values: try dataset.readAll()))
        }
      }
      let step = try integer("step", on: path, in: file)
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
      outer: try integer("outer", on: path, in: file),
      epoch: try integer("epoch", on: path, in: file),
      step: try integer("step", on: path, in: file),
      imagesSeen: try integer("images_seen", on: path, in: file),
      exact: try integer("exact", on: path, in: file) != 0,
      blasKernel: try file.stringAttribute("blas_kernel", on: path) ?? "", values: values)
  }

  /// Metrics by name; a "/" in a name has become a group.
  private static func history(
    in file: File, under group: String = ""
  ) throws(HDF5Error) -> [String: [HistoryPoint]] {
    var history: [String: [HistoryPoint]] = [:]
    for child in try file.children(of: "/history/\(group)") {
      let metric = group + child
      if file.isGroup("/history/\(metric)") {
        for (name, points) in try Self.history(in: file, under: metric + "/") {
          history[name] = points
        }
        continue
      }
      let dataset = try file.dataset("/history/\(metric)")
      try dataset.expect(.float64, shape: [nil, 2])
      let flat = try dataset.readAll(as: Double.self)
      history[metric] = stride(from: 0, to: flat.count, by: 2).map {
        HistoryPoint(step: Int(flat[$0]), value: flat[$0 + 1])
      }
    }
    return history
  }

  private static func floats(_ path: String, in file: File) throws(HDF5Error) -> Dataset {
    let dataset = try file.dataset(path)
    try dataset.expect(.float32, shape: dataset.shape)
    return dataset
  }

  private static func integer(
    _ name: String, on path: String, in file: File
  ) throws(HDF5Error) -> Int {
    guard let value = try file.intAttribute(name, on: path) else {
      throw HDF5Error(file: file.path, object: path, message: "no attribute \(name)")
    }
    return value
  }
}
