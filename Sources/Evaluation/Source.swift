import Datasets
import Runs
import Training

/// The images of a command.
struct Source {
  /// The images, with the run's static noise if they are its training images.
  let images: ImageSet
  /// The clean images; the images themselves if no clean images are known.
  let reference: ImageSet
  let hasClean: Bool
  /// Whether the run's static noise is on the images.
  let isNoisy: Bool
  /// Whether these are the rows trained on.
  let isOfRun: Bool
  /// Whether the run's S belongs to these rows.
  let hasSparsePart: Bool
  /// The rows of the model: images, or their patches.
  let rows: Int
  /// The number of whole images.
  let count: Int

  /// The source of a command.
  ///
  /// - Throws: `RunError` when the images and the run's images have different shapes.
  init(_ trained: TrainedModel, _ data: ImageSet, limit: Int? = nil) throws {
    try trained.checkShape(of: data)
    let settings = trained.configuration.common.data
    let own = try trained.wasTrained(on: data)
    isOfRun = own
    isNoisy = own && !settings.staticNoise.isNone
    images = try own ? trained.seen(data) : trained.binary(data)
    hasClean = images.clean != nil
    reference =
      settings.binarize != .none ? images.clean ?? images : data.clean ?? data
    hasSparsePart = own && trained.checkpoint.manifest.rowLayout?.arrays.hasSparsePart == true
    (rows, count) = try Self.extent(trained, data, limit: limit)
  }

  /// The rows and the whole images of `data` that a command takes: of images that the run was
  /// trained on, those in use.
  static func extent(
    _ trained: TrainedModel, _ data: ImageSet, limit: Int? = nil
  ) throws -> (rows: Int, count: Int) {
    let own = try trained.wasTrained(on: data)
    let count = min(own ? trained.trainedImages(of: data) : data.whole.count, limit ?? .max)
    return (data.rows(ofFirst: count), count)
  }

  /// The shape of the rows, [N, H, W, C].
  var shape: [Int] { [rows, images.shape.height, images.shape.width, images.shape.channels] }
  /// The whole images, and their clean ones.
  var whole: ImageSet { images.whole }
  var wholeReference: ImageSet { reference.whole }

  /// The mean of some whole images, evenly spaced, [H, W, C]; nil for images that differ in size,
  /// and for those of patches, which have nothing in common.
  func meanImage() -> [Float]? {
    if whole.isMixed || images.isPatches { return nil }
    var mean = [Double](repeating: 0, count: whole.shape.count)
    let averaged = SplitSheet.pinned(of: count, atMost: SplitSheet.meanCount)
    for row in averaged {
      for (i, value) in whole.values(row..<row + 1).enumerated() { mean[i] += Double(value) }
    }
    return mean.map { Float($0 / Double(averaged.count)) }
  }

  /// An image in the upper left corner of one of the largest sides, for a sheet.
  ///
  /// - Parameter ground: the value around it; a sheet's dark grey by default.
  func onCanvas(_ row: Int, _ values: [Float], ground: Float = 40 / 255) -> [Float] {
    guard whole.isMixed else { return values }
    let (shape, canvas) = (whole.shape(of: row), whole.largestShape)
    var result = [Float](repeating: ground, count: canvas.count)
    let line = shape.width * shape.channels
    for y in 0..<shape.height {
      let place = y * canvas.width * canvas.channels
      result.replaceSubrange(place..<place + line, with: values[y * line..<(y + 1) * line])
    }
    return result
  }

  /// The shape of the whole images, [N, H, W, C]; of features [N, D].
  ///
  /// - Throws: `DatasetError` for images that differ in size.
  func wholeShape() throws -> [Int] {
    guard !whole.isMixed else {
      throw DatasetError.mismatch(
        file: whole.path, item: "images", found: "pictures of mixed sizes",
        expected: "images of one size for an HDF5 file; --out FOLDER/ gives each its own"
      )
    }
    return whole.shape.extents(of: count)
  }
}
