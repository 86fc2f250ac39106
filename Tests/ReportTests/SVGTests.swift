import Foundation
import FoundationXML
import Testing

@testable import Report

/// What an XML parser finds in a drawing.
private final class Elements: NSObject, XMLParserDelegate {
  struct Element {
    let name: String, attributes: [String: String]
    var text = "", tip = ""
  }

  var all: [Element] = []
  private var open: [Int] = []

  init(_ svg: String) throws {
    super.init()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = self
    if !parser.parse() { throw parser.parserError ?? CocoaError(.fileReadCorruptFile) }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String] = [:]
  ) {
    open.append(all.count)
    all.append(Element(name: name, attributes: attributes))
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) {
    guard let index = open.last else { return }
    if all[index].name == "title", let parent = open.dropLast().last { all[parent].tip += text }
    all[index].text += text
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) { open.removeLast() }

  func named(_ name: String) -> [Element] { all.filter { $0.name == name } }
}

@Suite("SVG text") struct SVGTests {
  @Test("Well-formed, whole in itself, with title and description", arguments: SamplePlots.names)
  func wellFormed(name: String) throws {
    let plot = SamplePlots.plot(name)
    let svg = plot.svg()
    let elements = try Elements(svg)
    #expect(elements.all.first?.name == "svg")
    #expect(elements.all[1].name == "title" && elements.all[1].text == plot.title)
    #expect(elements.all[2].name == "desc" && elements.all[2].text.contains("distance (pixels)"))
    #expect(svg.components(separatedBy: "prefers-color-scheme:dark").count == 2)
    // Several drawings stand in one page: no names within, and nothing fetched from elsewhere.
    #expect(!svg.contains(" id=") && !svg.contains("href") && !svg.contains("url("))
    #expect(!Drawing(plot).document(followsDarkMode: false).contains("@media"))
    #expect(!svg.contains("nan") && !svg.contains("inf\""))
  }

  private struct Box {
    let text: String, left: Double, right: Double, top: Double, bottom: Double
  }

  /// The room of texts that stand level, by their font sizes.
  private func boxes(_ elements: Elements) throws -> [Box] {
    try elements.named("text").filter { $0.attributes["transform"] == nil }.map { element in
      func number(_ name: String) throws -> Double {
        try #require(Double(element.attributes[name] ?? ""), "\(element)")
      }
      let (x, y, size) = (try number("x"), try number("y"), try number("font-size"))
      let isBold = element.attributes["class"]?.contains("title") == true
      let width = TextWidth.of(element.text, size) * (isBold ? 1.17 : 1)
      let left =
        switch element.attributes["text-anchor"] {
        case "middle": x - width / 2
        case "end": x - width
        default: x
        }
      return Box(
        text: element.text, left: left, right: left + width, top: y - size * 0.75,
        bottom: y + size * 0.22)
    }
  }

  @Test("Texts neither touch each other nor leave the page", arguments: SamplePlots.names)
  func roomForTexts(name: String) throws {
    let elements = try Elements(SamplePlots.plot(name).svg())
    let page = elements.all[0].attributes
    let (width, height) = (Double(page["width"] ?? "") ?? 0, Double(page["height"] ?? "") ?? 0)
    #expect((900...1600).contains(width) && height > 100)
    let boxes = try boxes(elements)
    #expect(boxes.count >= 8 || name.hasPrefix("heat"))
    for box in boxes where !box.text.isEmpty {
      #expect(box.left >= 0 && box.right <= width, "\(box)")
      #expect(box.top >= 0 && box.bottom <= height, "\(box)")
    }
    let sorted = boxes.sorted { $0.top < $1.top }
    for (index, box) in sorted.enumerated() {
      for other in sorted[(index + 1)...] {
        if other.top > box.bottom { break }
        #expect(other.left >= box.right || other.right <= box.left, "\(box) and \(other)")
      }
    }
  }

  @Test("Turned names leave each other room, and the page holds them")
  func turnedNames() throws {
    for name in ["bars-many", "heat-map-large"] {
      let turned = try Elements(SamplePlots.plot(name).svg()).named("text").compactMap { element in
        element.attributes["transform"] == "rotate(-45 \(element.attributes["x"] ?? "") "
          + "\(element.attributes["y"] ?? ""))" ? element : nil
      }
      let x = turned.compactMap { Double($0.attributes["x"] ?? "") }
      #expect(x.count >= 10, "\(name)")
      // Lines of 12 pixels at 45 degrees.
      #expect(zip(x, x.dropFirst()).allSatisfy { $1 - $0 >= 13.9 * 2.0.squareRoot() }, "\(name)")
      for (element, x) in zip(turned, x) {
        #expect(x - TextWidth.of(element.text, 12) * 0.5.squareRoot() >= 0, "\(name)")
      }
    }
  }

  @Test func hostileNamesAreText() throws {
    let plot = SamplePlots.plot("names")
    let elements = try Elements(plot.svg())
    let tips = elements.named("rect").map(\.tip).filter { !$0.isEmpty }
    #expect(tips.count == 3)
    #expect(tips[0].hasPrefix("a <name> & \"another\" \u{FFFD}\u{FFFD}\u{FFFD}  www"))
    #expect(SVGText.escaped("<&\">'") == "&lt;&amp;&quot;&gt;'")
    #expect(SVGText.escaped("λ\u{0}\u{9F}\u{2028}") == "λ\u{FFFD}\u{FFFD}\u{FFFD}")
    #expect(elements.named("text").contains { $0.text.contains("…") })
  }

  @Test("Marks tell their values")
  func tips() throws {
    func count(_ name: String) throws -> Int {
      try Elements(SamplePlots.plot(name).svg()).all.count {
        !$0.tip.isEmpty && ["rect", "path", "circle"].contains($0.name)
      }
    }
    #expect(try count("histogram") == 100)
    #expect(try count("scatter") == 120)
    #expect(try count("scatter-many") == 0)
    #expect(try count("lines") == 210)
    #expect(try count("lines-band") == 90)
    #expect(try count("bars") == 12)
    #expect(try count("heat-map") == 260)
    let plot = Plot(
      title: "t", x: Plot.Axis("epoch"), y: Plot.Axis("error"),
      marks: .lines([Plot.Points("a", x: [3.0], y: [0.02391], errors: [0.001])]))
    #expect(plot.svg().contains("<title>a: epoch 3, error 0.02391 (0.02291 to 0.02491)</title>"))
  }

  @Test("What cannot be drawn is counted, and a line has a gap there")
  func leftOut() {
    let plot = Plot(
      title: "t", x: Plot.Axis("x"), y: Plot.Axis("y", .logarithmic),
      marks: .lines([Plot.Points("a", x: [1, 2, 3, 4, Double.nan], y: [1, 2, -1, 2, 1])]))
    let svg = plot.svg()
    #expect(svg.contains("left out: 1 not finite, 1 not positive on a logarithmic axis"))
    let line = svg.split(separator: "\n").first {
      $0.contains("class=\"line\" d=\"M") && $0.contains("L")
    }
    #expect(line?.count { $0 == "M" } == 2 && line?.count { $0 == "L" } == 1)
    #expect(SamplePlots.plot("infinite").svg().contains("left out: 3 not finite"))
    #expect(SamplePlots.plot("empty").svg().contains("no values to draw"))
    #expect(!SamplePlots.plot("one").svg().contains("no values to draw"))
  }

  @Test("Series differ without colour: dashes, markers and stripes")
  func print() {
    #expect(Set((0..<8).map(Style.dash)).count == 8)
    #expect(Set((0..<8).map { Style.marker($0, 4).steps }).count == 8)
    #expect(Set((0..<80).map { Style.colour($0) + Style.marker($0, 4).steps }).count == 80)
    let stripes = (0..<5).map { Style.stripes($0, x: 0, y: 0, width: 20, height: 40) }
    #expect(Set(stripes).count == 5)
  }

  @Test func longNamesAreShortened() {
    let name = "mnist-rvae with a lambda of seventy and a noise of a quarter, seed 7"
    let short = TextWidth.shortened(name, to: 200, 12)
    #expect(short.hasPrefix("mnist-rvae") && short.hasSuffix("seed 7") && short.contains("…"))
    #expect(TextWidth.of(short, 12) <= 200 && TextWidth.of(short, 12) > 180)
    #expect(TextWidth.shortened("short", to: 200, 12) == "short")
    #expect(TextWidth.shortened("漢字漢字漢字", to: 30, 12) == "漢…")
    #expect(
      TextWidth.lines("one two three", TextWidth.of("one two", 12), 12, most: 2) == [
        "one two", "three",
      ])
    #expect(TextWidth.lines("", 100, 12, most: 2) == [])
  }
}
