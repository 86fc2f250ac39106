import Support

/// The form of images in an HDF5 file that Cleave did not write.
public struct ImageSetOptions: Equatable, Sendable {
  /// The order of an image's values.
  public enum Layout: String, CaseIterable, Sendable {
    /// Height, width, channels: the order of Cleave.
    case nhwc
    /// Channels, height, width.
    case nchw
  }

  /// The dataset with the images; nil for `images` of the split.
  public var images: String?
  /// The order of an image's values.
  public var layout: Layout
  /// The sides of an image in the order of `layout`, or height and width of grey images.
  ///
  /// Required if the file has one row of values for each image, `[N, D]`.
  public var shape: [Int]?
  /// The stored value that stands for 1; nil for 255 in bytes and 1 in floats.
  ///
  /// Without it, bytes of 0 and 1 alone in a file that Cleave did not write stand for 0 and 1.
  public var scale: Double?
  /// Whether links, external storage and virtual datasets may lead to files outside the folder.
  public var isExternal: Bool

  /// Whether pictures of mixed sizes are taken, for their patches.
  public var takesMixed = false

  /// The group whose rows are taken; nil for all rows.
  public var group: String?

  /// Options; the defaults describe a file that Cleave wrote.
  public init(
    images: String? = nil, layout: Layout = .nhwc, shape: [Int]? = nil, scale: Double? = nil,
    isExternal: Bool = false
  ) {
    self.images = images
    self.layout = layout
    self.shape = shape
    self.scale = scale
    self.isExternal = isExternal
  }

  /// The values that `scale` may have: far from the limits of a float, so that it divides and is
  /// divided.
  public static let scales = 1e-30...1e30

  /// Sets layout, shape and scale from the texts of `--layout`, `--shape` and `--scale`; nil leaves
  /// one as it is.
  ///
  /// - Throws: `DatasetError.option` for a wrong text.
  public mutating func set(
    layout word: String?, shape sides: String?, scale number: String?
  ) throws(DatasetError) {
    if let word {
      guard let layout = Layout(rawValue: word) else {
        throw .option(
          "--layout", found: word,
          expected: Layout.allCases.map(\.rawValue).joined(separator: " or "))
      }
      self.layout = layout
    }
    if let text = sides {
      let sides = text.split(omittingEmptySubsequences: false) { $0 == "," || $0 == "x" }
        .map { Int($0) ?? 0 }
      guard (2...3).contains(sides.count), sides.allSatisfy({ (1...65536).contains($0) }) else {
        throw .option("--shape", found: text, expected: "H,W or H,W,C, each from 1 to 65536")
      }
      shape = sides
    }
    if let text = number {
      guard let scale = Double(text), Self.scales.contains(scale) else {
        throw .option("--scale", found: text, expected: "a number from 1e-30 to 1e30")
      }
      self.scale = scale
    }
  }

  /// The sides of an image in a dataset with the given extents; nil if they do not fit.
  func imageShape(of extents: [Int]) -> ImageShape? {
    let stored = Array(extents.dropFirst())
    guard let sides = sides(of: shape ?? stored) else { return nil }
    if shape != nil {
      // Sides that the file itself tells are not overruled.
      let fits =
        stored.count == 1
        ? sides.product == stored[0] : self.sides(of: stored) == sides
      guard fits else { return nil }
    }
    guard sides.count == 3, sides.allSatisfy({ $0 > 0 }) else { return nil }
    let result =
      layout == .nhwc
      ? ImageShape(height: sides[0], width: sides[1], channels: sides[2])
      : ImageShape(height: sides[1], width: sides[2], channels: sides[0])
    return result.channels == 1 || result.channels == 3 ? result : nil
  }

  /// Three sides in the order of `layout`; two are height and width of grey images.
  private func sides(of extents: [Int]) -> [Int]? {
    switch extents.count {
    case 2: layout == .nhwc ? extents + [1] : [1] + extents
    case 3: extents
    default: nil
    }
  }

  /// The extents that `imageShape(of:)` accepts in place of these, for an error message.
  func expected(for extents: [Int]) -> String {
    let order = layout == .nhwc ? "[N, H, W, C]" : "[N, C, H, W]"
    guard let shape else {
      return "\(order) with 1 or 3 channels C"
        + " (--shape tells the sides of [N, D])"
    }
    return "images of \(shape.map(String.init).joined(separator: "x")), in 1 or 3 channels"
      + (extents.count > 2
        ? " (--shape tells the sides of [N, D], and does not change others)" : "")
  }
}
