import Foundation

/// A JSON document: Foundation reads it; it is written with its keys in the given order.
///
/// Numbers keep all their digits: a Double is written and read back without change. JSON has no
/// infinity or NaN, so they are written as the strings `"inf"`, `"-inf"` and `"nan"`.
public indirect enum JSONValue: Equatable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int)
  case real(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// One `"name": value` member of an object.
  public struct Member: Equatable, Sendable {
    /// The name before the colon.
    public let name: String
    /// The value after the colon.
    public let value: JSONValue

    /// A member from its two parts.
    public init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// Reads one document.
  ///
  /// Members of an object come in alphabetical order.
  ///
  /// - Throws: `DecodingError` when the text is not JSON, or its values are nested too deeply: no
  ///   document here is, and each level makes the decoder slower.
  public init(parsing text: String) throws {
    guard Self.depth(of: text) <= Self.mostDepth else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: [], debugDescription: "nested too deeply",
          underlyingError: NSError(
            domain: NSCocoaErrorDomain, code: 0,
            userInfo: [
              NSDebugDescriptionErrorKey:
                "values nested more than \(Self.mostDepth) levels deep"
            ])))
    }
    self = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
  }

  /// The value of a member of an object; nil for an unknown name or a value that is not an object.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  /// The number, with or without a fraction; nil for other kinds of values.
  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .real(let value): value
    default: nil
    }
  }

  /// The integer; nil for other kinds of values and for numbers with a fraction.
  public var integer: Int? {
    switch self {
    case .integer(let value): value
    case .real(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The text; nil for other kinds of values.
  public var text: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The document on one line, as in `metrics.jsonl`.
  public var line: String {
    var text = ""
    write(into: &text, indent: nil)
    return text
  }

  /// The document on several lines, two spaces a level; arrays of plain values stay on one line.
  public var document: String {
    var text = ""
    write(into: &text, indent: 0)
    return text
  }
}

extension JSONValue {
  private static let mostDepth = 32

  /// How deeply brackets and braces are nested at most; those in strings count too, as long as they
  /// are open.
  private static func depth(of text: String) -> Int {
    var (depth, deepest) = (0, 0)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      default: continue
      }
      deepest = max(deepest, depth)
    }
    return deepest
  }

  private func write(into text: inout String, indent: Int?) {
    switch self {
    case .null: text += "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .integer(let value): text += "\(value)"
    case .real(let value): text += Self.spelling(of: value)
    case .string(let value): text += Self.quoted(value)
    case .array(let values):
      let nested = values.contains(where: \.isContainer)
      Self.writeList(
        values, "[", "]", into: &text, indent: nested ? indent : nil, spaced: indent != nil
      ) { value, text, indent in
        value.write(into: &text, indent: indent)
      }
    case .object(let members):
      Self.writeList(members, "{", "}", into: &text, indent: indent, spaced: true) {
        member, text, indent in
        text += Self.quoted(member.name) + ": "
        member.value.write(into: &text, indent: indent)
      }
    }
  }

  private var isContainer: Bool {
    switch self {
    case .array, .object: true
    default: false
    }
  }

  /// Writes the items of an array or object; on one line if `indent` is nil.
  private static func writeList<Item>(
    _ items: [Item], _ open: String, _ close: String, into text: inout String, indent: Int?,
    spaced: Bool, _ write: (Item, inout String, Int?) -> Void
  ) {
    text += open
    let inner = indent.map { $0 + 2 }
    for (index, item) in items.enumerated() {
      if index > 0 { text += "," }
      if let inner {
        text += "\n" + String(repeating: " ", count: inner)
      } else if index > 0 {
        text += spaced ? " " : ""
      }
      write(item, &text, inner)
    }
    if let indent, !items.isEmpty { text += "\n" + String(repeating: " ", count: indent) }
    text += close
  }

  private static func spelling(of value: Double) -> String {
    if value.isNaN { return "\"nan\"" }
    if value.isInfinite { return value > 0 ? "\"inf\"" : "\"-inf\"" }
    return "\(value)"
  }

  private static func quoted(_ value: String) -> String {
    var text = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      case let steering where steering.isSteering:
        for unit in String(steering).utf16 {
          let digits = String(unit, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}

extension JSONValue {
  /// ` (the decoder's words)` with line and column, for an error of `init(parsing:)`; otherwise
  /// empty.
  public static func place(of error: any Error) -> String {
    guard case DecodingError.dataCorrupted(let context) = error,
      let cause = context.underlyingError as? NSError,
      let words = cause.userInfo[NSDebugDescriptionErrorKey] as? String
    else { return "" }
    return " (\(words))"
  }
}

extension JSONValue: Codable {
  /// Takes a value of any kind.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    // Decodable finds the kind by trying each kind in turn; only the last attempt may throw.
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .boolean(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .real(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let values = try? container.decode([JSONValue].self) {
      self = .array(values)
    } else {
      let members = try container.decode([String: JSONValue].self)
      self = .object(members.sorted { $0.key < $1.key }.map { Member($0.key, $0.value) })
    }
  }

  /// Writes the value; an encoder may change the order of an object's members.
  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .array(let values):
      var container = encoder.unkeyedContainer()
      for value in values { try container.encode(value) }
    case .object(let members):
      var container = encoder.container(keyedBy: Name.self)
      for member in members { try container.encode(member.value, forKey: Name(member.name)) }
    case .null:
      var container = encoder.singleValueContainer()
      try container.encodeNil()
    case .boolean(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    case .integer(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    case .real(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    case .string(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    }
  }

  /// A member's name as a coding key.
  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }
}

extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral,
  ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
  /// An object with its members in the order written.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(elements.map { Member($0.0, $0.1) })
  }
  /// An array.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// A string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// An integer.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// A number with a fraction.
  public init(floatLiteral value: Double) { self = .real(value) }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
  /// `null`.
  public init(nilLiteral: ()) { self = .null }
}
