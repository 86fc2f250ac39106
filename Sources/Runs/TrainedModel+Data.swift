import Checkpoints
import Datasets
import Guard
import MPI
import Support
import Training

/// Which images a trained model was trained on: decided by their content (docs/files.md, What
/// identifies data).
extension TrainedModel {
  /// Compares images with the images trained on.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - isNamedByRun: whether they lie where the run's configuration says that its training set
  ///     lies.
  ///   - other: what is done if such images are not those trained on.
  /// - Returns: one line that says what the images are to the run.
  /// - Throws: `RunError.data` for other images at the place of the training set, unless accepted;
  ///   `ReplicaError` if the ranks read different images.
  public func recognize(
    _ data: ImageSet, isNamedByRun: Bool, other: TrainingRun.OtherImages, on world: Communicator
  ) throws -> String {
    try world.agree { try checkShape(of: data) }
    try Replicas(world).check(dataSet: data.path, "\(data.count) \(data.shape) \(data.isEightBit)")
    let place = "\(data.path), \(data.split.rawValue)"
    guard let trainedData else {
      let isTrained = wasTrainedByPath(on: data)
      recognized = (data, isTrained)
      return "\(place): "
        + (isTrained ? "taken for the \(data.isPatches ? "images" : "rows") trained on" : newImages)
        + " by its name, as \(checkpoint.name) keeps no digest of its images"
    }
    let found = try identity(of: data, on: world)
    let isTrained = found?.digest == trainedData.digest
    if !isTrained && isNamedByRun && other == .refused {
      try world.agree {
        throw RunError.otherImages(
          data.path,
          found: found?.digest ?? "none: \(data.whole.extent)",
          expected: trainedData.digest, run: directory.path,
          remedy: "name the file that holds those by --data, or take these for new images by "
            + "--accept-data")
      }
    }
    recognized = (data, isTrained)
    guard isTrained else { return "\(place): \(newImages)" }
    let (rows, left) = (trainedData.rows, data.whole.count - trainedData.rows)
    return
      "\(place): the \(Quantity.grouped(rows)) \(data.isPatches ? "images" : "rows") trained on, "
      + "by content"
      + (left == 0
        ? ""
        : "; left out: the last \(Quantity.grouped(left)), which are new images in a file of their "
          + "own")
  }

  /// Makes sure that images have the shape of those trained on.
  ///
  /// - Throws: `RunError.data`.
  public func checkShape(of data: ImageSet) throws {
    guard data.shape != imageShape else { return }
    throw RunError.data(
      data.path, "\(data.rowsName): found \(data.shape), expected \(imageShape) as in the run")
  }

  private var newImages: String {
    checkpoint.manifest.rowLayout?.arrays.hasSparsePart == true
      ? "new images, of which the run has no S" : "new images"
  }

  /// Whether `data` are the images trained on, so that the run's S belongs to their rows.
  ///
  /// - Throws: errors of reading them.
  public func wasTrained(on data: ImageSet) throws -> Bool {
    if let recognized, recognized.data === data { return recognized.isTrained }
    guard let trainedData else { return wasTrainedByPath(on: data) }
    return try identity(of: data, on: .alone())?.digest == trainedData.digest
  }

  /// The identity of as many images as the run was trained on; nil where shape, type or number rule
  /// them out.
  ///
  /// **Collective.**
  private func identity(of data: ImageSet, on world: Communicator) throws -> DataIdentity? {
    guard let trainedData, data.whole.count >= trainedData.rows, trainedData.rows > 0 else {
      return nil
    }
    // Mixed sizes have the shape of the smallest sides, of the images in use.
    let shape = try data.whole.limited(to: trainedData.rows).shape
    guard
      [shape.height, shape.width, shape.channels] == trainedData.shape,
      data.isEightBit == (trainedData.element == "uint8"), !data.isDerived
    else { return nil }
    return try DataIdentity(of: data, rows: trainedData.rows, on: world)
  }

  /// The rule for checkpoints without a digest.
  private func wasTrainedByPath(on data: ImageSet) -> Bool {
    let settings = configuration.common.data
    return settings.data == data.path && data.split == .train
      && (settings.rows ?? data.count) <= data.count
  }

  /// The training set: the images given, if they are recognized, or those that the run names.
  ///
  /// - Throws: `RunError.data` if the run's file has other images now; errors of opening it.
  func trainingSet() throws -> ImageSet {
    if let recognized, recognized.isTrained { return recognized.data }
    let settings = configuration.common.data
    let images = try ImageSet.open(settings.data, options: settings.imageSetOptions)
      .rows(by: settings)
    guard let trainedData else { return images }
    let found = try identity(of: images, on: .alone())
    guard found?.digest == trainedData.digest else {
      throw RunError.otherImages(
        images.path, found: found?.digest ?? "none: \(images.whole.extent)",
        expected: trainedData.digest, run: directory.path,
        remedy: "its noise depends on those images: put them back")
    }
    return images
  }
}
