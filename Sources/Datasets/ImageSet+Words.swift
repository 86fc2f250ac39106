import Support

extension ImageSet {
  /// Number and form of the images, in words: `600 images of 28x28x1`, `600 images, 101,400 patches
  /// of 16x16x3`, `12 images of mixed sizes, 20x29x3 to 31x40x3`.
  public var extent: String { extent(of: count) }

  /// Number and form of the first `rows` rows, in words; of patches, with the number of their images.
  public func extent(of rows: Int) -> String {
    if let mixed { return mixed.extent(channels: shape.channels) }
    guard let grid = patching?.grid else { return shape.extent(of: rows) }
    let images = rows > 0 ? grid.image(of: rows - 1) + 1 : 0
    return Quantity.count(images, "image") + ", "
      + Quantity.count(rows, "patch", plural: "patches") + " of \(shape)"
  }

  /// What a row is called: images or patches, or rows of features.
  public var rowsName: String { isPatches ? "patches" : "\(shape.rowName)s" }
}

extension ImageSet.MixedSizes {
  /// Number and form of the images, in words.
  func extent(channels: Int) -> String {
    Quantity.count(sizes.count, "image") + " of "
      + Quantity.form(
        smallest(channels: channels).sides, largest: largest(channels: channels).sides)
  }
}
