import HDF5

/// Writes a corrupted copy of a data set: `images` are corrupted, `clean` are the input images.
public enum CorruptImages {
  /// Corrupts every split of `input` into the new file `output`.
  ///
  /// `ImageSet.corrupted(by:seed:rows:)` defines the corruption of a row. 8-bit images stay 8-bit,
  /// unless the noise leaves [0, 1]; then `images` is float32. Labels, attributes and names are
  /// copied. `noise` and `seed` become attributes of `images`. Images that `options` name in a file
  /// from elsewhere become the training split, alone.
  ///
  /// - Returns: a line for each split about what was read, where Cleave did not write the file.
  /// - Throws: `DatasetError` or `HDF5Error` if the input is not a data set or is already
  ///   corrupted, or if the output exists or cannot be written. No output remains then.
  @discardableResult
  public static func run(
    input: String, output: String, noise: Corruption, seed: UInt64,
    options: ImageSetOptions = ImageSetOptions(), force: Bool = false
  ) throws -> [String] {
    try DatasetWriter.checkTarget(output, force: force, inputs: [input])
    let file = try File.open(input, reach: options.isExternal ? .anywhere : .folder)
    let isOwn = try file.stringAttribute("format", on: "/") == DatasetWriter.format
    let present =
      options.images == nil
      ? Split.allCases.filter { file.isDataset("/\($0.rawValue)/images") } : []
    // Without any split, opening the training split gives the error.
    let sets = try (present.isEmpty ? [.train] : present).map {
      try ImageSet.open(input, split: $0.rawValue, options: options)
    }
    for set in sets {
      guard let earlier = set.noise else { continue }
      throw DatasetError.mismatch(
        file: input, item: "/\(set.split.rawValue)/images", found: "noise \(earlier)",
        expected: "images not corrupted yet")
    }
    if let features = sets.first(where: \.shape.isFeatures), !noise.isForFeatures {
      throw DatasetError.specification(
        found: noise.spec,
        expected: "\(Corruption.forFeatures), as \(features.path) holds features")
    }
    let noise = noise.prepared(for: sets[0])
    let name = try file.stringAttribute("name", on: "/") ?? "images"
    try DatasetWriter.write(
      output, name: "\(name) \(noise.spec)", source: input, force: force,
      inputs: [input] + sets.flatMap(\.files)
    ) { writer in
      for set in sets {
        try write(set, noise, seed, to: writer)
        let group = "/\(set.split.rawValue)"
        try writer.copyFraming(group, from: file)
        if isOwn { try writer.copyScaling(group, from: file) }
        guard options.images == nil else { continue }
        for child in try file.children(of: group) where !["images", "clean"].contains(child) {
          try writer.copy("\(group)/\(child)", from: file)
        }
      }
      for name in ["/label_names"] + DatasetWriter.tables where isOwn && file.isDataset(name) {
        try writer.copy(name, from: file)
      }
    }
    return isOwn ? [] : sets.compactMap(\.reading)
  }

  private static func write(
    _ set: ImageSet, _ noise: Corruption, _ seed: UInt64, to writer: DatasetWriter
  ) throws {
    let result: ImageSet.Format = set.isEightBit && noise.staysInUnitRange ? .bytes : .floats
    let images = try writer.createImages(
      set.split, count: set.count, shape: set.shape, type: result.elementType)
    let clean = try writer.createImages(
      set.split, "clean", count: set.count, shape: set.shape, type: set.format.elementType)
    try writer.note(noise: noise, seed: seed, on: set.split)
    // Some megabytes at a time, because the set may be larger than memory.
    let atOnce = max(1, (1 << 22) / set.shape.count)
    let corrupted = PixelMemory(allocating: atOnce * set.shape.count * result.size)
    for first in stride(from: 0, to: set.count, by: atOnce) {
      let rows = first..<min(first + atOnce, set.count)
      set.corrupt(rows, by: noise, seed: seed, as: result, into: corrupted.start)
      try images.write(rows: rows, from: corrupted.start, as: result.elementType)
      guard var original = set.stored(rows).baseAddress else { continue }
      if set.unusualScale != nil {
        // In a data set of Cleave a byte p stands for p/255.
        set.corrupt(rows, by: .none, seed: seed, as: set.format, into: corrupted.start)
        original = UnsafeRawPointer(corrupted.start)
      }
      try clean.write(rows: rows, from: original, as: set.format.elementType)
    }
  }
}

extension ImageSet.Format {
  /// The corresponding type of HDF5.
  var elementType: ElementType { self == .bytes ? .uint8 : .float32 }
}
