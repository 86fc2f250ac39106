import HDF5
import Support

/// An array of images: its form, and the value that stands for 1.
struct ArrayImages {
  let array: any NumberArray
  /// The sides of an image in the data set.
  let shape: ImageShape
  private let form: ArrayForm
  private let stored: ImageShape
  private let scale: Float
  private let range: ClosedRange<Float>
  private let areIntegers: Bool

  var count: Int { array.extents[0] }

  /// Checks the form of an array, and looks at all values.
  ///
  /// - Throws: `DatasetError` or `HDF5Error` if the array holds no images, or values from which no
  ///   scale can be told.
  init(_ array: any NumberArray, _ form: ArrayForm) throws {
    guard array.kind == .integers || array.kind == .floats else {
      throw array.mismatch(found: "\(array.typeName) \(array.extents)", expected: "numbers")
    }
    try array.check()
    var options = form.options
    if options.shape == nil, array.extents.count == 2, Self.isSquare(array.extents[1]) {
      let side = Int(Double(array.extents[1]).squareRoot())
      options.shape = [side, side]
    }
    guard let stored = options.imageShape(of: array.extents) else {
      let isPlanar =
        options.layout == .nhwc && array.extents.count == 4 && [1, 3].contains(array.extents[1])
      throw array.mismatch(
        found: "\(array.typeName) \(array.extents)",
        expected: options.expected(for: array.extents)
          + (isPlanar ? " (--layout nchw for [N, C, H, W])" : ""))
    }
    guard (1...Int(Int32.max)).contains(array.extents[0]) else {
      throw array.mismatch(found: "\(array.extents[0]) images", expected: "1 to \(Int32.max)")
    }
    self.array = array
    self.form = form
    self.stored = stored
    shape =
      form.isTransposed
      ? ImageShape(height: stored.width, width: stored.height, channels: stored.channels) : stored
    let values = try Values(of: array)
    areIntegers = values.areWhole
    range = values.range
    scale = try PixelScale.find(values, given: options.scale, of: array)
  }

  /// Whether a number of pixels is that of a square.
  static func isSquare(_ count: Int) -> Bool {
    guard count < 1 << 40 else { return false }
    let side = Int(Double(count).squareRoot())
    return side > 1 && side * side == count
  }

  /// The smallest and the largest value, and whether all are whole numbers.
  struct Values {
    var range: ClosedRange<Float> = 0...0
    var areWhole = true

    init(of array: any NumberArray) throws {
      var (low, high) = (Float.infinity, -Float.infinity)
      try array.forEachBlock { rows, values in
        for (index, value) in values.enumerated() {
          guard value.isFinite else {
            throw array.mismatch(
              found: "\(value) in row \(rows.lowerBound + index / max(1, array.rowCount))",
              expected: "finite values")
          }
          low = min(low, value)
          high = max(high, value)
          if value != value.rounded() { areWhole = false }
        }
      }
      if low <= high { range = low...high }
    }

    init(range: ClosedRange<Float>, areWhole: Bool) {
      (self.range, self.areWhole) = (range, areWhole)
    }
  }

  /// Whether a value becomes a byte without loss.
  private var isEightBit: Bool { areIntegers && 255 / scale == (255 / scale).rounded() }

  /// Type, form and range in words.
  var description: String {
    func text(_ value: Float) -> String {
      value == value.rounded() && abs(value) < 1e7 ? "\(Int(value))" : "\(value)"
    }
    return "\(array.name), \(Quantity.count(count, "image")) of \(shape)"
      + (form.isTransposed ? ", rows and columns exchanged" : "") + ", \(array.typeName) values "
      + "\(text(range.lowerBound)) to \(text(range.upperBound)) as "
      + (scale == 1 ? "they are" : "v/\(text(scale))")
      + (array.isPartlyWritten ? ", a part never written" : "")
      + (array.note.map { ", \($0)" } ?? "")
  }

  /// Writes the images as splits: bytes where no value is lost, else floats.
  ///
  /// - Parameters:
  ///   - rows: the rows of each split, in order.
  ///   - progress: gets the number of rows that were read.
  /// - Throws: `HDF5Error` if the array is damaged or the disk is full.
  func write(
    _ rows: [(split: Split, rows: [Int])], to writer: DatasetWriter,
    progress: (_ done: Int) throws -> Void
  ) throws {
    let format: ImageSet.Format = isEightBit ? .bytes : .floats
    let datasets = try rows.map {
      try writer.createImages(
        $0.split, count: $0.rows.count, shape: shape, type: format.elementType)
    }
    var places = rows.map { _ in 0 }
    let factor = 255 / scale
    try array.forEachBlock { block, values in
      let ordered = ordered(values)
      for (part, dataset) in datasets.enumerated() {
        let own = rows[part].rows[places[part]...].prefix { $0 < block.upperBound }
        guard !own.isEmpty else { continue }
        let taken =
          own.count == block.count
          ? ordered
          : own.flatMap { row in
            let first = (row - block.lowerBound) * shape.count
            return ordered[first..<first + shape.count]
          }
        let target = places[part]..<places[part] + own.count
        if isEightBit {
          try write(taken.map { UInt8($0 * factor) }, .uint8, target, to: dataset)
        } else {
          try write(scale == 1 ? taken : taken.map { $0 / scale }, .float32, target, to: dataset)
        }
        places[part] = target.upperBound
      }
      try progress(block.upperBound)
    }
  }

  private func write<Value>(
    _ values: [Value], _ type: ElementType, _ rows: Range<Int>, to dataset: Dataset
  ) throws {
    try values.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress else { return }
      try dataset.write(rows: rows, from: start, as: type)
    }
  }

  /// Values in the order of Cleave: height, width, channels.
  private func ordered(_ values: [Float]) -> [Float] {
    let isPlanar = form.options.layout == .nchw && stored.channels > 1
    guard isPlanar || form.isTransposed else { return values }
    let (height, width, channels) = (stored.height, stored.width, stored.channels)
    var result: [Float] = []
    result.reserveCapacity(values.count)
    for first in stride(from: 0, to: values.count, by: stored.count) {
      for y in 0..<shape.height {
        for x in 0..<shape.width {
          let (row, column) = form.isTransposed ? (x, y) : (y, x)
          for channel in 0..<channels {
            let place =
              isPlanar
              ? (channel * height + row) * width + column
              : (row * width + column) * channels + channel
            result.append(values[first + place])
          }
        }
      }
    }
    return result
  }
}

/// The form of arrays, as options tell it.
struct ArrayForm {
  /// The options that describe arrays of images.
  static let options = [
    images, labels, testImages, testLabels, layout, shape, scale,
    MNISTImporter.transpose, TestImages.option,
  ]
  private static let images = ImportOption(
    "images", "NAME", "the array with the images to train with (default: found by name)")
  private static let labels = ImportOption(
    "labels", "NAME", "that with their labels; of a table the column's name or number")
  private static let testImages = ImportOption(
    "test-images", "NAME",
    "the array with the test images (default: found by name: x_train, x_test)")
  private static let testLabels = ImportOption("test-labels", "NAME", "that with their labels")
  private static let layout = ImportOption(
    "layout", "L", "the order of an image's values: nhwc (default), or nchw")
  private static let shape = ImportOption(
    "shape", "H,W,C", "the sides of an image in [N, D] (default: a square)")
  private static let scale = ImportOption(
    "scale", "V", "the stored value that stands for 1 (default: 1, 255 or 65535, by the values)")

  /// Layout, shape and scale.
  let options: ImageSetOptions
  /// Whether rows and columns of images are exchanged.
  let isTransposed: Bool
  /// The arrays that are named for a split: images and labels.
  let images: [Split: String]
  let labels: [Split: String]

  /// Reads the options.
  ///
  /// - Throws: `DatasetError.option` for a wrong value.
  init(_ request: ImportRequest) throws(DatasetError) {
    var options = ImageSetOptions()
    try options.set(
      layout: request.value(Self.layout), shape: request.value(Self.shape),
      scale: request.value(Self.scale))
    self.options = options
    isTransposed = request.has(MNISTImporter.transpose)
    images = [Split.train: request.value(Self.images), .test: request.value(Self.testImages)]
      .compactMapValues { $0 }
    labels = [Split.train: request.value(Self.labels), .test: request.value(Self.testLabels)]
      .compactMapValues { $0 }
  }
}

/// The stored value that stands for 1.
enum PixelScale {
  /// The largest value of a set of bytes that is too dark to be taken for 255ths.
  static let darkest: Float = 31

  /// Finds the scale by the values, unless it is given.
  ///
  /// Whole numbers up to 1 are themselves, up to 255 bytes, above 4,095 of 16 bits; others leave a
  /// choice, and need `--scale`.
  ///
  /// - Throws: `DatasetError` for values outside of the scale, or without a clear one.
  static func find(
    _ values: ArrayImages.Values, given: Double?, of array: any NumberArray
  ) throws(DatasetError) -> Float {
    let (low, high) = (values.range.lowerBound, values.range.upperBound)
    let found = "values from \(text(low)) to \(text(high))"
    guard low >= 0 else {
      throw array.mismatch(found: found, expected: "values from 0; images have no negative values")
    }
    if let given {
      guard high <= Float(given) else {
        throw array.mismatch(found: found, expected: "0 to \(text(Float(given))), the scale")
      }
      return Float(given)
    }
    if high <= 1 { return 1 }
    guard values.areWhole else {
      throw array.mismatch(
        found: found, expected: "0 to 1 (--scale tells the value that stands for 1)")
    }
    switch high {
    case ...darkest:
      throw array.mismatch(
        found: found,
        expected: "more than \(text(darkest)) in bytes (--scale tells the value that stands for 1: "
          + "15 for 4 bits, 255 for dark bytes)")
    case ...255: return 255
    case ...4095:
      throw array.mismatch(
        found: found,
        expected:
          "up to 255 or above 4095 (--scale tells the value that stands for 1: 1023, 4095 or "
          + "65535 for 10, 12 or 16 bits)")
    case ...65535: return 65535
    default:
      throw array.mismatch(
        found: found, expected: "up to 65535 (--scale tells the value that stands for 1)")
    }
  }

  private static func text(_ value: Float) -> String {
    value == value.rounded() && abs(value) < 1e9 ? "\(Int(value))" : "\(value)"
  }
}
