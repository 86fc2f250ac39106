import Datasets
import Support

/// One line of the table of settings: how a property of `Configuration` is named, read, written and explained.
public struct ConfigurationKey: Sendable {
  /// The snake_case name in JSON and for `--set`.
  public let name: String
  /// What may be assigned, in words: `an integer from 1 to 4096`.
  public let expected: String
  /// What the setting does, in one line.
  public let summary: String
  /// Where the default comes from: a section of the paper or specification, or a decision of its register.
  public let source: String
  /// The models that read the setting; nil for all.
  public private(set) var models: [String]?
  /// The value a configuration holds under this key.
  public let value: @Sendable (Configuration) -> JSONValue
  /// Stores a value; false when it is of another type or out of range.
  let assign: @Sendable (inout Configuration, JSONValue) -> Bool
  /// Reads the text after `key=`; nil when it is no value of the key's type.
  let parse: @Sendable (String) -> JSONValue?

  /// The value a configuration holds, as `--set` takes it.
  public func assignment(in configuration: Configuration) -> String {
    switch value(configuration) {
    case .string(let text): text
    case .array(let items): items.map(\.line).joined(separator: ",")
    case let other: other.line
    }
  }

  /// The value in a configuration nobody has touched.
  public var defaultValue: JSONValue { value(Configuration()) }
}

extension ConfigurationKey {
  /// The same key, of some models alone.
  func of(_ models: [String]) -> ConfigurationKey {
    var key = self
    key.models = models
    return key
  }

  /// The key of one property, from the two ways to and from JSON and the one from text.
  private init<Value: Sendable>(
    _ name: String, _ path: WritableKeyPath<Configuration, Value> & Sendable, expected: String,
    summary: String, source: String, toJSON: @escaping @Sendable (Value) -> JSONValue,
    fromJSON: @escaping @Sendable (JSONValue) -> Value?,
    parse: @escaping @Sendable (String) -> JSONValue?
  ) {
    self.name = name
    self.expected = expected
    self.summary = summary
    self.source = source
    self.parse = parse
    value = { toJSON($0[keyPath: path]) }
    assign = { configuration, json in
      guard let value = fromJSON(json) else { return false }
      configuration[keyPath: path] = value
      return true
    }
  }

  static func integer(
    _ name: String, _ path: WritableKeyPath<Configuration, Int> & Sendable,
    _ range: ClosedRange<Int>,
    _ summary: String, _ source: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      name, path, expected: "an integer from \(range.lowerBound) to \(range.upperBound)",
      summary: summary, source: source, toJSON: { .integer($0) },
      fromJSON: { if case .integer(let value) = $0, range.contains(value) { value } else { nil } },
      parse: { Int($0).map { .integer($0) } })
  }

  static func optionalInteger(
    _ name: String, _ path: WritableKeyPath<Configuration, Int?> & Sendable,
    _ range: ClosedRange<Int>, absent: String, _ summary: String, _ source: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      name, path,
      expected: "an integer from \(range.lowerBound) to \(range.upperBound), or null for \(absent)",
      summary: summary, source: source, toJSON: { $0.map { .integer($0) } ?? .null },
      fromJSON: { (json) -> Int?? in
        switch json {
        case .null: .some(nil)
        case .integer(let value) where range.contains(value): value
        default: nil
        }
      },
      parse: { $0 == "null" ? .null : Int($0).map { .integer($0) } })
  }

  static func real(
    _ name: String, _ path: WritableKeyPath<Configuration, Double> & Sendable, _ limits: Limits,
    _ summary: String, _ source: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      name, path, expected: "a number \(limits.words)", summary: summary, source: source,
      toJSON: { $0.isInfinite ? "inf" : .real($0) },
      fromJSON: { json in
        let value = json == "inf" ? Double.infinity : json.number
        return value.flatMap { limits.hold($0) ? $0 : nil }
      },
      parse: { $0 == "inf" ? "inf" : Double($0).map { .real($0) } })
  }

  static func optionalFraction(
    _ name: String, _ path: WritableKeyPath<Configuration, Double?> & Sendable, absent: String,
    _ summary: String, _ source: String
  ) -> ConfigurationKey {
    let limits = Limits.fraction
    return ConfigurationKey(
      name, path, expected: "a number \(limits.words), or null for \(absent)", summary: summary,
      source: source, toJSON: { $0.map { .real($0) } ?? .null },
      fromJSON: { (json) -> Double?? in
        guard json != .null else { return .some(nil) }
        return json.number.flatMap { limits.hold($0) ? $0 : nil }
      },
      parse: { $0 == "null" ? .null : Double($0).map { .real($0) } })
  }

  static func flag(
    _ name: String, _ path: WritableKeyPath<Configuration, Bool> & Sendable, _ summary: String,
    _ source: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      name, path, expected: "true or false", summary: summary, source: source,
      toJSON: { .boolean($0) },
      fromJSON: { if case .boolean(let value) = $0 { value } else { nil } },
      parse: { Bool($0).map { .boolean($0) } })
  }

  static func choice<Value>(
    _ name: String, _ path: WritableKeyPath<Configuration, Value> & Sendable,
    from values: [Value] = Value.allCases, _ summary: String, _ source: String
  ) -> ConfigurationKey
  where Value: RawRepresentable<String> & CaseIterable & Sendable, Value.AllCases == [Value] {
    let names = values.map(\.rawValue)
    return ConfigurationKey(
      name, path, expected: "one of " + names.joined(separator: ", "), summary: summary,
      source: source, toJSON: { .string($0.rawValue) },
      fromJSON: { json in
        guard case .string(let text) = json, names.contains(text) else { return nil }
        return Value(rawValue: text)
      },
      parse: { .string($0) })
  }

  static func optionalChoice<Value>(
    _ name: String, _ path: WritableKeyPath<Configuration, Value?> & Sendable, absent: String,
    _ summary: String, _ source: String
  ) -> ConfigurationKey
  where Value: RawRepresentable<String> & CaseIterable & Sendable, Value.AllCases == [Value] {
    let names = Value.allCases.map(\.rawValue)
    return ConfigurationKey(
      name, path, expected: "one of " + names.joined(separator: ", ") + ", or null for \(absent)",
      summary: summary, source: source, toJSON: { $0.map { .string($0.rawValue) } ?? .null },
      fromJSON: { (json) -> Value?? in
        switch json {
        case .null: .some(nil)
        case .string(let text): Value(rawValue: text).map { .some($0) }
        default: nil
        }
      },
      parse: { $0 == "null" ? .null : .string($0) })
  }

  static func text(
    _ name: String, _ path: WritableKeyPath<Configuration, String> & Sendable, expected: String,
    accepts: @escaping @Sendable (String) -> Bool, _ summary: String, _ source: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      name, path, expected: expected, summary: summary, source: source, toJSON: { .string($0) },
      fromJSON: { if case .string(let value) = $0, accepts(value) { value } else { nil } },
      parse: { .string($0) })
  }

  static func corruption(
    _ name: String, _ path: WritableKeyPath<Configuration, String> & Sendable, _ summary: String,
    _ source: String
  ) -> ConfigurationKey {
    text(
      name, path, expected: "a corruption such as salt-pepper:0.3, gaussian:0.5 or none",
      accepts: isCorruption, summary, source)
  }

  @Sendable private static func isCorruption(_ spec: String) -> Bool {
    do {
      _ = try Corruption(parsing: spec)
      return true
    } catch {
      return false
    }
  }

  static func seed(
    _ name: String, _ path: WritableKeyPath<Configuration, UInt64> & Sendable, _ summary: String,
    _ source: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      name, path, expected: "an integer from 0 to \(Int.max)", summary: summary, source: source,
      toJSON: { .integer(Int(clamping: $0)) },
      fromJSON: { if case .integer(let value) = $0 { UInt64(exactly: value) } else { nil } },
      parse: { Int($0).map { .integer($0) } })
  }

  static func layers(
    _ name: String, _ path: WritableKeyPath<Configuration, [Int]> & Sendable, _ summary: String,
    _ source: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      name, path, expected: "a list of layer sizes from 1 to 65536, such as 512,256",
      summary: summary, source: source, toJSON: { .array($0.map { .integer($0) }) },
      fromJSON: layerSizes, parse: list)
  }

  static func optionalLayers(
    _ name: String, _ path: WritableKeyPath<Configuration, [Int]?> & Sendable, absent: String,
    _ summary: String, _ source: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      name, path,
      expected: "a list of layer sizes from 1 to 65536, such as 256,512, or null for \(absent)",
      summary: summary, source: source,
      toJSON: { $0.map { .array($0.map { .integer($0) }) } ?? .null },
      fromJSON: { (json) -> [Int]?? in json == .null ? .some(nil) : layerSizes(json) },
      parse: { $0 == "null" ? .null : list($0) })
  }

  @Sendable private static func layerSizes(_ json: JSONValue) -> [Int]? {
    guard case .array(let items) = json, (1...16).contains(items.count) else { return nil }
    let sizes = items.compactMap { item -> Int? in
      if case .integer(let size) = item, (1...65536).contains(size) { size } else { nil }
    }
    return sizes.count == items.count ? sizes : nil
  }

  /// `512,256` or `[512, 256]`.
  @Sendable private static func list(_ text: String) -> JSONValue? {
    var body = text[...]
    if body.hasPrefix("["), body.hasSuffix("]") { body = body.dropFirst().dropLast() }
    let items = body.split(separator: ",", omittingEmptySubsequences: false).map { item in
      Int(item.drop { $0 == " " })
    }
    let sizes = items.compactMap { $0 }
    return sizes.count == items.count ? .array(sizes.map { .integer($0) }) : nil
  }
}

/// What a number may be.
struct Limits: Sendable {
  /// To stand behind "a number".
  let words: String
  /// Whether a value is allowed.
  let hold: @Sendable (Double) -> Bool

  static let positive = Limits(words: "above 0") { $0 > 0 && $0.isFinite }
  static let notNegative = Limits(words: "of at least 0") { $0 >= 0 && $0.isFinite }
  static let notNegativeOrInfinite = Limits(words: "of at least 0, or inf") { $0 >= 0 }
  static let fraction = Limits(words: "of at least 0 and below 1") { $0 >= 0 && $0 < 1 }
}
