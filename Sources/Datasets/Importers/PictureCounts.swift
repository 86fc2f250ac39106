import Images
import Support

/// The pictures of an import, counted: their sizes, and what became of them.
struct PictureCounts: Sendable {
  private var count = 0
  private var heights = 0...0
  private var widths = 0...0
  private var reshaped = 0
  private var turned = 0
  private var transparent = 0
  private var firstOfSeveral = 0
  private var deep = 0
  /// The largest value of pictures with 16 bits.
  private var largestValue: UInt16 = 0

  /// The largest sides.
  var largest: (height: Int, width: Int) { (heights.upperBound, widths.upperBound) }
  /// Whether a picture has 16 bits a value.
  var isDeep: Bool { deep > 0 }

  /// No pictures.
  init() {}

  /// One picture.
  ///
  /// - Parameter reshaped: whether a picture of some height and width is changed in its form.
  init(_ picture: DecodedPicture, reshaped: (_ height: Int, _ width: Int) -> Bool) {
    count = 1
    let (height, width): (Int, Int)
    switch picture.pixels {
    case .bytes(let pixels): (height, width) = (pixels.height, pixels.width)
    case .words(let pixels):
      (height, width) = (pixels.height, pixels.width)
      deep = 1
      largestValue = pixels.values.max() ?? 0
    }
    (heights, widths) = (height...height, width...width)
    self.reshaped = reshaped(height, width) ? 1 : 0
    turned = picture.changes.contains(.turned) ? 1 : 0
    transparent = picture.changes.contains(.laidOnBackground) ? 1 : 0
    firstOfSeveral = picture.changes.contains(.firstOfSeveral) ? 1 : 0
  }

  /// Counts further pictures.
  mutating func add(_ other: PictureCounts) {
    guard other.count > 0 else { return }
    func joined(_ a: ClosedRange<Int>, _ b: ClosedRange<Int>) -> ClosedRange<Int> {
      min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
    }
    heights = count == 0 ? other.heights : joined(heights, other.heights)
    widths = count == 0 ? other.widths : joined(widths, other.widths)
    count += other.count
    reshaped += other.reshaped
    turned += other.turned
    transparent += other.transparent
    firstOfSeveral += other.firstOfSeveral
    deep += other.deep
    largestValue = max(largestValue, other.largestValue)
  }

  /// The counts in words.
  ///
  /// - Parameters:
  ///   - framing: the form of the images; nil where each keeps its own size.
  ///   - isGrey: whether images are grey.
  ///   - resizes: whether pictures may have been brought from other sizes to this one.
  func text(_ framing: Framing?, isGrey: Bool, resizes: Bool, inverted: Bool) -> String {
    func sides(_ range: ClosedRange<Int>) -> String {
      range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    }
    let form =
      framing.map { "as \($0.height)x\($0.width)x\($0.channels)" }
      ?? "of mixed sizes, in \(isGrey ? "grey" : "RGB") (--size HxW brings them to one size)"
    var parts = [
      "\(Quantity.count(count, "picture")) \(sides(widths)) wide and \(sides(heights)) high \(form)"
    ]
    func add(_ number: Int, _ text: String) {
      if number > 0 { parts.append("\(Quantity.grouped(number)) \(text)") }
    }
    if let framing {
      let isSquare = framing.height == framing.width
      switch framing.fit {
      case .crop: add(reshaped, "cut to the \(isSquare ? "square" : "part") in the middle")
      case .pad: add(reshaped, "padded")
      case .stretch: add(reshaped, "stretched")
      }
    }
    add(turned, "turned as their EXIF data say")
    add(transparent, "with transparent pixels (--background)")
    add(
      deep, "with 16 bits, values up to \(largestValue), as floats value/65535")
    add(firstOfSeveral, "the first of several in the file")
    if inverted { parts.append("inverted") }
    return parts.joined(separator: ", ")
  }
}
