import Foundation
import Images
import Support
import TestSupport
import Testing

@testable import Report

@Suite("Files of drawings") struct PlotFilesTests {
  @Test("PNG files have two pixels for one, ink, and their texts", arguments: SamplePlots.names)
  func png(name: String) throws {
    try withTemporaryFolder { folder in
      let plot = SamplePlots.plot(name)
      let path = folder.appending(path: "x.PNG").path
      try plot.write(to: path)
      let picture = try PNG.read(path)
      let drawing = Drawing(plot)
      #expect(picture.channels == 3)
      #expect(picture.width == Int((2 * drawing.width).rounded()))
      #expect(picture.height == Int((2 * drawing.height).rounded()))
      // White at the corners; colours and text between.
      #expect(Array(picture.bytes[..<3]) == [255, 255, 255])
      #expect(Array(picture.bytes.suffix(3)) == [255, 255, 255])
      let ink = stride(from: 0, to: picture.bytes.count, by: 3).count { picture.bytes[$0] < 128 }
      #expect(ink > 2000, "\(ink) dark pixels")
      #expect(PNG.texts(in: path)?["Title"] == plot.title)
      #expect(PNG.texts(in: path)?["Description"]?.contains("distance (pixels)") == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.PNG"])
    }
  }

  @Test("A bar stands where its axis says, in the colour of its series")
  func places() throws {
    let plot = Plot(
      title: "", x: Plot.Axis(""), y: Plot.Axis("", range: 0...1),
      marks: .bars(groups: ["a", "b"], [Plot.Series("", [0.5, 1.0])]))
    let drawing = Drawing(plot)
    let (width, height) = (Int(2 * drawing.width), Int(2 * drawing.height))
    let pixels = try Rasterizer().pixels(
      of: drawing.document(followsDarkMode: false), width, height, "x.png")
    func rows(at x: Int) -> Int {
      (0..<height).count { y in
        Array(pixels[(y * width + x) * 3..<(y * width + x) * 3 + 3]) == [0, 0x72, 0xB2]
      }
    }
    // The field is 360 high, and the left bar's middle is a quarter from its left end.
    #expect(abs(rows(at: width * 3 / 10) - 360) <= 3)
    #expect(abs(rows(at: width * 3 / 4) - 720) <= 3)
  }

  @Test("Text takes as much room as the layout reckons with")
  func textWidths() throws {
    let texts = (0..<6).map { row in
      String(decoding: (33..<127).filter { $0 % 6 == row }.map { UInt8($0) }, as: UTF8.self)
    }
    for text in texts + ["0.0239", "−1,234.5×10⁻¹²", "distance to the nearest image"] {
      let svg =
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1000 60' width='1000' height='60'>"
        + "<style>\(Style.sheet(followsDarkMode: false))</style><g class='cleave-plot'>"
        + "<rect class='paper' width='1000' height='60'/><text class='ink' x='0' y='40' "
        + "font-size='30'>\(SVGText.escaped(text))</text></g></svg>"
      let pixels = try Rasterizer().pixels(of: svg, 1000, 60, "x.png")
      let columns = (0..<1000).filter { x in
        (0..<60).contains { pixels[($0 * 1000 + x) * 3] < 160 }
      }
      let drawn = Double(try #require(columns.last)) + 1
      #expect(drawn <= TextWidth.of(text, 30) + 1, "\(text): \(drawn)")
    }
  }

  @Test func svgFilesHoldTheText() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "x.svg").path
      let plot = SamplePlots.plot("bars")
      try "old".write(toFile: path, atomically: false, encoding: .utf8)
      try plot.write(to: path)
      #expect(try String(contentsOfFile: path, encoding: .utf8) == plot.svg())
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.svg"])
    }
  }

  @Test func otherEndingsAreRefused() throws {
    for (path, found) in [("x.pdf", "the ending .pdf"), ("a.b/x", "a name without an ending")] {
      let error = #expect(throws: PlotError.self) { try Plot.check(path) }
      #expect(
        error?.description == "\(path): a drawing is written as .svg or .png, found \(found)")
      #expect(error?.exitStatus == 64)
      #expect(throws: PlotError.self) { try SamplePlots.plot("one").write(to: path) }
    }
    #expect(throws: Never.self) { try Plot.check("x.svg") }
    #expect(throws: Never.self) { try Plot.check("x.Png") }
  }

  @Test func whatLibrsvgCannotDoIsOneLine() {
    let missing = #expect(throws: PlotError.self) {
      try Rasterizer(library: "no-such-library.so").pixels(of: "", 1, 1, "x.png")
    }
    #expect(missing?.description.contains("no-such-library.so") == true)
    #expect(missing?.description.contains("install the Debian package librsvg2-2") == true)
    // A library that is there, without the functions.
    let other = #expect(throws: PlotError.self) {
      try Rasterizer(library: "libc.so.6").pixels(of: "", 1, 1, "x.png")
    }
    #expect(other?.description.contains("rsvg_handle_new_from_data") == true)
    let damaged = #expect(throws: PlotError.self) {
      try Rasterizer().pixels(of: "<svg", 1, 1, "x.png")
    }
    #expect(damaged?.description.contains("x.png: librsvg does not draw it") == true)
    #expect(damaged?.description.contains("\n") == false)
    // A letter without ink stands for a machine without fonts.
    #expect(throws: PlotError.noFont(path: "x.png")) {
      try Rasterizer().requireFont("x.png", letter: " ")
    }
  }

  @Test func aFolderThatIsMissingIsTold() {
    let plot = SamplePlots.plot("one")
    #expect(throws: FileError.self) { try plot.write(to: "/no/such/folder/x.svg") }
    #expect(throws: ImageError.self) { try plot.write(to: "/no/such/folder/x.png") }
  }
}
