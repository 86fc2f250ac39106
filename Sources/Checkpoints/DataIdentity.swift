import Support

/// What identifies the images that a run is trained on: their content (docs/files.md, What
/// identifies data).
///
/// The digest covers values, their scale, shape, element type, number and order of the images, so
/// equal digests mean equal images, wherever they lie.
public struct DataIdentity: Codable, Equatable, Sendable {
  /// XXH3-128 over the images in their order, as 32 hexadecimal digits.
  public let digest: String
  /// The number of images.
  public let rows: Int
  /// The shape of an image, [H, W, C]; of images of mixed sizes, their smallest sides.
  public let shape: [Int]
  /// The largest sides of images of mixed sizes, [H, W, C]; nil for one size, and where an earlier
  /// version kept none.
  public let largest: [Int]?
  /// The type of a stored value: "uint8" or "float32".
  public let element: String
  /// The file where the images were found; it identifies nothing.
  public let path: String
  /// The digest of what a first stage made of the images, on which the second is trained; nil for a
  /// run with one stage.
  public var first: String?

  /// An identity from its parts.
  public init(
    digest: String, rows: Int, shape: [Int], largest: [Int]? = nil, element: String, path: String,
    first: String? = nil
  ) {
    self.first = first
    self.digest = digest
    self.rows = rows
    self.shape = shape
    self.largest = largest
    self.element = element
    self.path = path
  }

  /// The images in words: `300 images of 28x28x1, uint8`.
  public var description: String {
    "\(Quantity.count(rows, "image")) of \(Quantity.form(shape, largest: largest)), \(element)"
  }

  /// Whether a text can be a digest.
  static func isDigest(_ text: String) -> Bool {
    text.utf8.count == 32 && text.allSatisfy { $0.isHexDigit && $0.isASCII }
  }
}
