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
    for (name, text) in contents.modelTexts.sorted(by: { $0.key < $1.key }) {
      try file.write(attribute: name, on: "/model", text)
    }
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
  static let dataPath = "/data"
  static let sides = ["height", "width", "channels"]
  /// The attributes of the largest sides begin with this.
  static let largest = "largest_"

  private static func write(_ data: DataIdentity, to file: File) throws(HDF5Error) {
    try file.createGroup(dataPath)
    try file.write(attribute: "digest", on: dataPath, data.digest)
    try file.write(attribute: "rows", on: dataPath, data.rows)
    for (name, side) in zip(sides, data.shape) {
      try file.write(attribute: name, on: dataPath, side)
    }
    for (name, side) in zip(sides, data.largest ?? []) {
      try file.write(attribute: largest + name, on: dataPath, side)
    }
    try file.write(attribute: "element", on: dataPath, data.element)
    try file.write(attribute: "path", on: dataPath, data.path)
    if let first = data.first { try file.write(attribute: "first", on: dataPath, first) }
  }
}
