import CRSVG
import Foundation
import Images
import Support

extension Plot {
  /// Refuses a file that `write(to:)` could not write, before anything is measured for it.
  ///
  /// - Throws: `PlotError` if the name ends neither in `.svg` nor in `.png`, or if librsvg or a
  ///   font is not there for PNG.
  public static func check(_ path: String) throws(PlotError) {
    guard try Format(path) == .png else { return }
    try Rasterizer().requireFont(path)
  }

  /// Writes an SVG or PNG file, by the ending of its name; it replaces a file of that name.
  ///
  /// The file appears completely or not at all. PNG has two pixels for one of the SVG, and tells
  /// title and alternative text as texts within it.
  ///
  /// - Throws: `PlotError` for another ending, or where librsvg cannot draw; `FileError` or
  ///   `ImageError` if the file cannot be written.
  public func write(to path: String) throws {
    let drawing = Drawing(self)
    switch try Format(path) {
    case .svg: try TemporaryFile.write(drawing.document(followsDarkMode: true), to: path)
    case .png:
      try Rasterizer().requireFont(path)
      let (width, height) = (
        Int((2 * drawing.width).rounded()), Int((2 * drawing.height).rounded())
      )
      let bytes = try Rasterizer().pixels(
        of: drawing.document(followsDarkMode: false), width, height, path)
      try PNG.write(
        Picture(height: height, width: width, channels: 3, bytes: bytes),
        texts: [
          ("Title", title.printable), ("Description", drawing.description.printable),
          ("Software", "Cleave"),
        ], to: path)
    }
  }

  private enum Format: String {
    case svg, png

    init(_ path: String) throws(PlotError) {
      let ending = URL(filePath: path).pathExtension
      guard let format = Format(rawValue: ending.lowercased()) else {
        throw .ending(path: path, found: ending)
      }
      self = format
    }
  }
}

/// A drawing that cannot become a file.
public enum PlotError: ExitStatusError, Equatable, CustomStringConvertible {
  /// The name ends neither in `.svg` nor in `.png`.
  case ending(path: String, found: String)
  /// The library that draws PNG pictures does not load.
  case noLibrary(path: String, reason: String)
  /// The library does not draw the picture.
  case notDrawn(path: String, reason: String)
  /// There is no font for PNG pictures.
  case noFont(path: String)

  /// One line: the file, what is wrong and what to do.
  public var description: String {
    switch self {
    case .ending(let path, let found):
      "\(path): a drawing is written as .svg or .png, found "
        + (found.isEmpty ? "a name without an ending" : "the ending .\(found)")
    case .noLibrary(let path, let reason):
      "\(path): PNG drawings need librsvg (\(reason)): "
        + "install the Debian package librsvg2-2, or write .svg"
    case .notDrawn(let path, let reason):
      "\(path): librsvg does not draw it (\(reason)): write .svg"
    case .noFont(let path):
      "\(path): PNG drawings need a font, found none: "
        + "install the Debian package fonts-dejavu-core, or write .svg"
    }
  }

  /// 64 for a wrong ending, 1 for what is missing on the machine.
  public var exitStatus: Int32 {
    if case .ending = self { 64 } else { 1 }
  }
}

/// Draws SVG through librsvg, which is loaded at the first use: docs/decisions.md says why.
struct Rasterizer {
  /// The file name of the library.
  var library = "librsvg-2.so.2"

  /// Makes sure that letters appear: without any font librsvg leaves them out, and says nothing.
  ///
  /// - Throws: `PlotError`.
  func requireFont(_ path: String, letter: String = "M") throws(PlotError) {
    let svg =
      "<svg xmlns='http://www.w3.org/2000/svg' width='20' height='20'>"
      + "<rect width='20' height='20' fill='#fff'/><text y='18' font-size='20'>\(letter)</text></svg>"
    let hasInk = try pixels(of: svg, 20, 20, path).contains { $0 < 128 }
    if !hasInk { throw .noFont(path: path) }
  }

  /// The pixels of an SVG text, `[height, width, 3]`; `path` is the name in errors.
  ///
  /// The C function is `rsvg_handle_render_document`.
  ///
  /// - Throws: `PlotError` if the library is missing or refuses the text.
  func pixels(
    of svg: String, _ width: Int, _ height: Int, _ path: String
  ) throws(PlotError) -> [UInt8] {
    let text = Array(svg.utf8)
    var bytes = [UInt8](repeating: 0, count: width * height * 3)
    var reason = [CChar](repeating: 0, count: 300)
    let outcome = crsvg_draw(
      library, text, text.count, Int32(width), Int32(height), &bytes, &reason, reason.count)
    guard outcome != crsvg_drawn else { return bytes }
    let told = String(
      decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self
    )
    .split { $0.isNewline }.joined(separator: " ").printable
    throw outcome == crsvg_no_library
      ? .noLibrary(path: path, reason: told) : .notDrawn(path: path, reason: told)
  }
}
