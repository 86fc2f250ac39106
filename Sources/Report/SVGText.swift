import Support

/// SVG text that grows by elements.
struct SVGText {
  private(set) var text = ""

  /// Adds an element.
  ///
  /// - Parameters:
  ///   - attributes: their values are escaped; those that are nil are left out.
  ///   - content: text within it.
  ///   - tip: what shows when a pointer rests on it, a `<title>` within.
  mutating func add(
    _ element: String, _ attributes: KeyValuePairs<String, String?>, _ content: String = "",
    tip: String? = nil
  ) {
    open(element, attributes)
    if let tip { text += "<title>\(SVGText.escaped(tip))</title>" }
    text += SVGText.escaped(content)
    close(element)
  }

  /// Begins an element that further elements stand in.
  mutating func open(_ element: String, _ attributes: KeyValuePairs<String, String?>) {
    text += "<\(element)"
    for case (let name, let value?) in attributes {
      text += " \(name)=\"\(SVGText.escaped(value))\""
    }
    text += ">"
  }

  /// Ends an element that `open` began.
  mutating func close(_ element: String) { text += "</\(element)>\n" }

  /// Adds what is SVG already.
  mutating func add(_ other: SVGText) { text += other.text }

  /// Text in a form that XML allows, and that does not steer what shows it: line ends become
  /// spaces, other control characters and what is no character a sign in their place.
  static func escaped(_ text: String) -> String {
    guard text.utf8.contains(where: { !isPlain($0) }) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\n", "\r", "\t": result += " "
      case "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result.printable
  }

  /// ASCII that stands for itself.
  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x20..<0x7F).contains(byte) && ![0x22, 0x26, 0x3C, 0x3E].contains(byte)
  }
}

/// A length or place in pixels, with at most two decimals.
func px(_ value: Double) -> String {
  let hundredths = Int((value * 100).rounded())
  let (whole, rest) = (abs(hundredths) / 100, abs(hundredths) % 100)
  let sign = hundredths < 0 ? "-" : ""
  if rest == 0 { return "\(sign)\(whole)" }
  return rest % 10 == 0
    ? "\(sign)\(whole).\(rest / 10)" : "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
}
