import Images
import Support

/// Writes image files as rows of a data set, on all cores.
struct ImageRows: Sendable {
  /// The options that determine how image files become rows.
  static let options = [size, fit, crop, grey, legacyStretch, background, skipBroken]
  /// The sides of an image, in pixels.
  static let size = ImportOption(
    "size", "HxW",
    "height and width, or N for both (default: as they are; celeba: 64; omniglot: 105)")
  private static let fit = ImportOption(
    "fit", "WAY",
    "what --size does to another form: crop to the middle (default), pad or stretch")
  private static let crop = ImportOption(
    "crop", "N", "pixels a side of the square cut out of the middle (default: the largest)")
  private static let grey = ImportOption(
    "grey", nil, "grey images instead of RGB (images: grey pictures stay grey)")
  private static let legacyStretch = ImportOption(
    "legacy-stretch", nil, "stretch each square to the full range, as the RVAE authors' library did"
  )
  private static let background = ImportOption(
    "background", "RGB", "behind transparent pixels: white (default), black or RRGGBB")
  private static let skipBroken = ImportOption(
    "skip-broken", nil, "leave broken image files out, and list them, instead of stopping")

  /// The source of the files.
  let source: ImageSource
  let skipsBroken: Bool
  let sides: (height: Int, width: Int)?
  let fit: Fit
  let crop: Int?
  let isGrey: Bool
  let stretchesContrast: Bool
  let background: Background
  let inverts: Bool

  /// Rows from `source`, by the options of `request`.
  ///
  /// - Parameters:
  ///   - size: the default side of an image, in pixels; nil for the pictures' own sizes.
  ///   - isGrey: whether images are grey even if the request does not say so.
  ///   - inverts: whether a value p becomes 255 - p.
  /// - Throws: `DatasetError.option` for a wrong value.
  init(
    _ source: ImageSource, _ request: ImportRequest, size: Int? = 64, isGrey: Bool = false,
    inverts: Bool = false
  ) throws(DatasetError) {
    self.source = source
    self.inverts = inverts
    let colour = request.value(Self.background) ?? "white"
    guard let background = Background(colour) else {
      throw .option("--background", found: colour, expected: "white, black or RRGGBB")
    }
    self.background = background
    let crop = try request.integer(Self.crop, in: 1...65536)
    self.crop = crop
    let way = request.value(Self.fit) ?? Fit.crop.rawValue
    guard let fit = Fit(rawValue: way) else {
      throw .option("--fit", found: way, expected: "crop, pad or stretch")
    }
    self.fit = fit
    let asked = try request.value(Self.size).map { (text) throws(DatasetError) in
      try Self.sides(text)
    }
    sides = asked ?? size.map { ($0, $0) }
    if request.has(Self.fit), asked == nil {
      throw .option("--fit", found: way, expected: "it with --size alone")
    }
    if let crop, let sides, fit != .crop || sides.height != sides.width {
      throw .option(
        "--crop", found: "\(crop)", expected: "it with square images and --fit crop alone")
    }
    self.isGrey = isGrey || request.has(Self.grey)
    stretchesContrast = request.has(Self.legacyStretch)
    skipsBroken = request.has(Self.skipBroken)
  }

  /// `64` or `48x64`.
  private static func sides(_ text: String) throws(DatasetError) -> (height: Int, width: Int) {
    let numbers = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard (1...2).contains(numbers.count), numbers.allSatisfy((1...4096).contains),
      let first = numbers.first, let last = numbers.last
    else {
      throw .option(
        "--size", found: text, expected: "an integer from 1 to 4096, or two as HxW: 48x64")
    }
    return (first, last)
  }

  func unknown(_ file: Int, _ bytes: [UInt8]) -> DatasetError {
    .damaged(
      file: source.label(file),
      problem: bytes.isEmpty
        ? "an empty file" : "not a JPEG, PNG, TIFF, BMP, GIF or WebP file")
  }

  /// Whether the file is broken, and not the disk.
  func isBroken(_ error: any Error) -> Bool {
    switch error {
    case is ImageError: true
    case DatasetError.damaged, DatasetError.mismatch: true
    default: false
    }
  }
}
