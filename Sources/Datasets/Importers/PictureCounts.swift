import Images
import Support

/// The pictures of an import, counted: their sizes, and what became of them.
struct PictureCounts: Sendable {
  private var count = 0
  private var heights = Int.max...Int.max
  private var widths = Int.max...Int.max
  private var framed = 0
  private var turned = 0
  private var transparent = 0

  /// No pictures.
  init() {}

  /// One picture.
  init(_ picture: Picture, _ changes: PictureChanges, isFramed: Bool) {
    count = 1
    heights = Self.shown(picture.height)
    widths = Self.shown(picture.width)
    framed = isFramed ? 1 : 0
    turned = changes.contains(.turned) ? 1 : 0
    transparent = changes.contains(.laidOnBackground) ? 1 : 0
  }

  private static func shown(_ side: Int) -> ClosedRange<Int> { side...side }

  /// Counts further pictures.
  mutating func add(_ other: PictureCounts) {
    guard other.count > 0 else { return }
    func joined(_ a: ClosedRange<Int>, _ b: ClosedRange<Int>) -> ClosedRange<Int> {
      min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
    }
    heights = count == 0 ? other.heights : joined(heights, other.heights)
    widths = count == 0 ? other.widths : joined(widths, other.widths)
    count += other.count
    framed += other.framed
    turned += other.turned
    transparent += other.transparent
  }

  /// The counts in words; `form` is the size of the images made of the pictures.
  func text(resizedTo form: String, inverted: Bool) -> String {
    func sides(_ range: ClosedRange<Int>) -> String {
      range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    }
    var parts = [
      "\(Quantity.count(count, "picture")) "
        + "\(sides(widths)) wide and \(sides(heights)) high as \(form)"
    ]
    if framed > 0 { parts.append("\(Quantity.grouped(framed)) cut to the square in the middle") }
    if turned > 0 { parts.append("\(Quantity.grouped(turned)) turned as their EXIF data say") }
    if transparent > 0 {
      parts.append("\(Quantity.grouped(transparent)) with transparent pixels (--background)")
    }
    if inverted { parts.append("inverted") }
    return parts.joined(separator: ", ")
  }
}
