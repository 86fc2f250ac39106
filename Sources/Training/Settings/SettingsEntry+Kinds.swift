import Datasets
import Support

/// Keys by the kind of their values.
///
/// Each takes the name in JSON and for `--set`, the property, its range, one line of help and the
/// source of the default.
extension SettingsEntry {
  /// A whole number within a range.
  public static func integer(
    _ name: String, _ path: WritableKeyPath<Owner, Int> & Sendable,
    _ range: ClosedRange<Int>,
    _ summary: String, _ source: String
  ) -> SettingsEntry {
    SettingsEntry(
      name, path, expected: Quantity.integers(range), summary: summary, source: source,
      toJSON: { .integer($0) },
      fromJSON: { if case .integer(let value) = $0, range.contains(value) { value } else { nil } },
      parse: { Int($0).map { .integer($0) } })
  }

  /// A whole number within a range, or null.
  public static func optionalInteger(
    _ name: String, _ path: WritableKeyPath<Owner, Int?> & Sendable,
    _ range: ClosedRange<Int>, absent: String, _ summary: String, _ source: String
  ) -> SettingsEntry {
    SettingsEntry(
      name, path,
      expected: "\(Quantity.integers(range)), or null for \(absent)",
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

  /// A number within limits; some may be infinite.
  public static func real(
    _ name: String, _ path: WritableKeyPath<Owner, Double> & Sendable, _ limits: Limits,
    _ summary: String, _ source: String
  ) -> SettingsEntry {
    SettingsEntry(
      name, path, expected: "a number \(limits.words)", summary: summary, source: source,
      toJSON: json, fromJSON: { number($0, limits) },
      parse: { $0 == "inf" ? "inf" : Double($0).map { .real($0) } })
  }

  /// JSON has no infinite numbers.
  private static func json(_ value: Double) -> JSONValue { value.isInfinite ? "inf" : .real(value) }

  private static func number(_ json: JSONValue, _ limits: Limits) -> Double? {
    let value = json == "inf" ? Double.infinity : json.number
    return value.flatMap { limits.hold($0) ? $0 : nil }
  }

  /// A fraction, or null.
  public static func optionalFraction(
    _ name: String, _ path: WritableKeyPath<Owner, Double?> & Sendable, absent: String,
    _ summary: String, _ source: String
  ) -> SettingsEntry {
    optionalReal(name, path, .fraction, absent: absent, summary, source)
  }

  /// A number within limits, or null.
  public static func optionalReal(
    _ name: String, _ path: WritableKeyPath<Owner, Double?> & Sendable, _ limits: Limits,
    absent: String, _ summary: String, _ source: String
  ) -> SettingsEntry {
    SettingsEntry(
      name, path, expected: "a number \(limits.words), or null for \(absent)", summary: summary,
      source: source, toJSON: { $0.map(json) ?? .null },
      fromJSON: { json -> Double?? in
        guard json != .null else { return .some(nil) }
        guard let value = number(json, limits) else { return nil }
        return .some(value)
      },
      parse: {
        $0 == "null" ? .null : $0 == "inf" ? "inf" : Double($0).map { .real($0) }
      })
  }

  /// True or false.
  public static func flag(
    _ name: String, _ path: WritableKeyPath<Owner, Bool> & Sendable, _ summary: String,
    _ source: String
  ) -> SettingsEntry {
    SettingsEntry(
      name, path, expected: "true or false", summary: summary, source: source,
      toJSON: { .boolean($0) },
      fromJSON: { if case .boolean(let value) = $0 { value } else { nil } },
      parse: { Bool($0).map { .boolean($0) } })
  }

  /// A word of an enumeration, or of some of its words.
  public static func choice<Value>(
    _ name: String, _ path: WritableKeyPath<Owner, Value> & Sendable,
    from values: [Value] = Value.allCases, _ summary: String, _ source: String
  ) -> SettingsEntry
  where Value: RawRepresentable<String> & CaseIterable & Sendable, Value.AllCases == [Value] {
    let names = values.map(\.rawValue)
    return SettingsEntry(
      name, path, expected: "one of " + names.joined(separator: ", "), summary: summary,
      source: source, toJSON: { .string($0.rawValue) },
      fromJSON: { json in
        guard case .string(let text) = json, names.contains(text) else { return nil }
        return Value(rawValue: text)
      },
      parse: { .string($0) })
  }

  /// A word of an enumeration, or null.
  public static func optionalChoice<Value>(
    _ name: String, _ path: WritableKeyPath<Owner, Value?> & Sendable, absent: String,
    _ summary: String, _ source: String
  ) -> SettingsEntry
  where Value: RawRepresentable<String> & CaseIterable & Sendable, Value.AllCases == [Value] {
    let names = Value.allCases.map(\.rawValue)
    return SettingsEntry(
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

  /// A text.
  public static func text(
    _ name: String, _ path: WritableKeyPath<Owner, String> & Sendable, expected: String,
    accepts: @escaping @Sendable (String) -> Bool, _ summary: String, _ source: String
  ) -> SettingsEntry {
    SettingsEntry(
      name, path, expected: expected, summary: summary, source: source, toJSON: { .string($0) },
      fromJSON: { if case .string(let value) = $0, accepts(value) { value } else { nil } },
      parse: { .string($0) })
  }

  /// A corruption, such as `salt-pepper:0.3`; it is parsed once, when it is set.
  public static func corruption(
    _ name: String, _ path: WritableKeyPath<Owner, Corruption> & Sendable, _ summary: String,
    _ source: String
  ) -> SettingsEntry {
    SettingsEntry(
      name, path, expected: "a corruption such as salt-pepper:0.3, gaussian:0.5 or none",
      summary: summary, source: source, toJSON: { .string($0.spec) },
      fromJSON: { json in
        guard case .string(let text) = json else { return nil }
        return corruption(text)
      },
      parse: { .string($0) })
  }

  /// Noise that images are known to have, such as `salt-pepper:auto`.
  public static func knownNoise(
    _ name: String, _ path: WritableKeyPath<Owner, KnownNoise> & Sendable, _ summary: String,
    _ source: String
  ) -> SettingsEntry {
    SettingsEntry(
      name, path,
      expected:
        "a corruption such as salt-pepper:0.25, salt-pepper:auto, salt-pepper:0.2..0.3, none",
      summary: summary, source: source, toJSON: { .string($0.description) },
      fromJSON: { json in
        guard case .string(let text) = json else { return nil }
        do { return try KnownNoise(parsing: text) } catch { return nil }
      },
      parse: { .string($0) }
    ).described { $0.fault = knownNoiseFault }
  }

  @Sendable private static func knownNoiseFault(
    _ text: String
  ) -> (found: String, expected: String)? {
    do throws(DatasetError) {
      _ = try KnownNoise(parsing: text.trimmingCharacters(in: ["\""]))
      return nil
    } catch {
      guard case .specification(let found, let expected) = error else { return nil }
      return (found, expected)
    }
  }

  private static func corruption(_ text: String) -> Corruption? {
    do { return try Corruption(parsing: text) } catch { return nil }
  }

  /// A key of random draws.
  public static func seed(
    _ name: String, _ path: WritableKeyPath<Owner, UInt64> & Sendable, _ summary: String,
    _ source: String
  ) -> SettingsEntry {
    SettingsEntry(
      name, path, expected: "an integer from 0 to \(Int.max)", summary: summary, source: source,
      toJSON: { .integer(Int(clamping: $0)) },
      fromJSON: { if case .integer(let value) = $0 { UInt64(exactly: value) } else { nil } },
      parse: { Int($0).map { .integer($0) } })
  }

  /// Sizes of layers, such as `512,256`.
  public static func layers(
    _ name: String, _ path: WritableKeyPath<Owner, [Int]> & Sendable, _ summary: String,
    _ source: String
  ) -> SettingsEntry {
    SettingsEntry(
      name, path, expected: "a list of layer sizes from 1 to 65536, such as 512,256",
      summary: summary, source: source, toJSON: { .array($0.map { .integer($0) }) },
      fromJSON: layerSizes, parse: list)
  }

  /// Sizes of layers, or null.
  public static func optionalLayers(
    _ name: String, _ path: WritableKeyPath<Owner, [Int]?> & Sendable, absent: String,
    _ summary: String, _ source: String
  ) -> SettingsEntry {
    SettingsEntry(
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
