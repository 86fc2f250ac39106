import Datasets
import Layers
import MPI
import Models
import Training

/// What a run does for a model that learns classes.
extension TrainingRun {
  /// Refuses images without classes for a model that needs them.
  ///
  /// - Throws: `DatasetError.mismatch`, also for more classes than the model has.
  static func checkLabels(of data: ImageSet, for configuration: Configuration) throws {
    guard configuration.system.needsLabels else { return }
    try data.checkLabels(
      atMost: configuration.read(ClassSettings.self).classes, for: "model=\(configuration.model)")
  }

  /// Says that a classifier does not read the clean images of its file; nil where it has none.
  static func cleanImagesUnread(by configuration: Configuration, of images: ImageSet) -> String? {
    guard configuration.system.needsLabels, images.clean != nil,
      configuration.common.data.staticNoise.isNone
    else { return nil }
    let noise = images.noise.map { ", with their noise \($0)" } ?? ""
    return "\(images.path): \(configuration.model) learns the images as they are\(noise), not the "
      + "clean ones beside them; the file that was corrupted has these alone"
  }

  /// Counts how often a trained classifier is right, about the training images and others.
  ///
  /// **Collective.** Nothing happens with other models.
  static func tellAccuracy(
    _ session: Session, _ configuration: Configuration, _ observer: (any TrainingObserver)?
  ) throws {
    let (trainer, common) = (session.trainer, configuration.common)
    guard session.directory != nil, let model = trainer.model as? any Classifying else { return }
    let world = trainer.world
    func tell(_ name: String, _ accuracy: ClassAccuracy) {
      if world.isRoot { observer?.classified(name, accuracy) }
    }
    var own: [Range<Int>] = []
    trainer.rows.forEachBlock { own.append($1) }
    let counter = try world.agree { try ClassCounter(model, trainer.images) }
    tell("training images", try counter.accuracy(own, on: world))
    let others = try world.agree { () throws -> (name: String, of: ValidationImages)? in
      if let test = try ValidationImages(test: common, beside: trainer.images) {
        return ("test images", test)
      }
      return session.validationImages.map { ("validation images", $0) }
    }
    guard let others, others.of.images.labels != nil else { return }
    let (images, rows) = (others.of.images, others.of.rows)
    let blocks = stride(from: rows.lowerBound, to: rows.upperBound, by: images.shape.blockRows)
      .map { $0..<min(rows.upperBound, $0 + images.shape.blockRows) }
    let second = try world.agree { try ClassCounter(model, images) }
    let part = blocks.enumerated().filter { $0.offset % world.size == world.rank }
    tell(others.name, try second.accuracy(part.map(\.element), on: world))
  }
}
