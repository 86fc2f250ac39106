import Datasets
import Images
import Layers
import Tensors
import Training

/// The median of the neighbours of each value as a model; what a filter can do about specks.
struct MedianModel: ImageFilter {
  /// The square.
  struct Settings: SettingsGroup {
    /// The side of the square.
    var side = 5

    static let entries: [SettingsEntry<Settings>] = [
      .integer(
        "median_side", \.side, 3...15,
        "The side of the square whose median is taken, in pixels; odd.",
        "own: 5, the best of 3, 5 and 7 on MNIST"
      ).fixed
    ]

    func check(_ system: String, with common: CommonSettings) throws(ConfigurationError) {
      try ImageFilterSize.check("median_side", side)
    }
  }

  /// The system.
  static func system(_ name: String) -> System {
    System(
      name, make: MedianModel.init, loop: Sweeps<MedianModel>.init,
      presets: [
        .filter(
          "median", "the median of 5 x 5 pixels, which a model has to beat",
          [Preset.Setting("model=median", "own")])
      ]
    ) { _, _ in "a smaller median_side" }
  }

  let shape: ImageShape
  let side: Int
  let record = FilterRecord()
  var children: [(String, any Module)] { [("filter", record)] }

  init(_ settings: Settings, image: ImageShape) { (shape, side) = (image, settings.side) }

  func filter(
    _ x: UnsafePointer<Float>, _ count: Int, to result: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<count {
      MedianFilter.apply(
        x + i * shape.count, to: result + i * shape.count, height: shape.height, width: shape.width,
        channels: shape.channels, side: side)
    }
  }
}
