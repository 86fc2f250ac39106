import Checkpoints
import Foundation
import Support

/// Changes of JSON documents that a random change of bytes hardly finds: another value, of another
/// kind or size, in the place of one, one that is gone, and one that is there twice.
struct ForgedJSON {
  /// Paths that lead to the canary, outside of the run.
  let paths: [String]

  func forge(_ document: JSONValue, _ chance: inout SplitMix64) -> JSONValue {
    var forged = document
    for _ in 0...chance.next(below: 3) {
      var place = chance.next(below: Self.count(forged))
      forged = change(forged, &place, &chance) ?? .null
    }
    return forged
  }

  /// The number of values in a document, with itself.
  private static func count(_ value: JSONValue) -> Int {
    switch value {
    case .array(let values): values.reduce(1) { $0 + count($1) }
    case .object(let members): members.reduce(1) { $0 + count($1.value) }
    default: 1
    }
  }

  /// Replaces the value at a place, counted from the front; nil removes it.
  private func change(
    _ value: JSONValue, _ place: inout Int, _ chance: inout SplitMix64
  ) -> JSONValue? {
    if place == 0 {
      place = -1
      return chance.next(below: 8) == 0 ? nil : replacement(of: value, &chance)
    }
    place -= 1
    switch value {
    case .array(let values):
      var changed: [JSONValue] = []
      for item in values {
        let wasBefore = place >= 0
        let new = place >= 0 ? change(item, &place, &chance) : item
        if let new { changed.append(new) }
        if wasBefore && place < 0 && chance.next(below: 6) == 0 { changed.append(item) }
      }
      return .array(changed)
    case .object(let members):
      var changed: [JSONValue.Member] = []
      for member in members {
        let wasBefore = place >= 0
        let new = place >= 0 ? change(member.value, &place, &chance) : member.value
        if let new { changed.append(.init(member.name, new)) }
        if wasBefore && place < 0 && chance.next(below: 6) == 0 { changed.append(member) }
      }
      return .object(changed)
    default: return value
    }
  }

  private func replacement(of value: JSONValue, _ chance: inout SplitMix64) -> JSONValue {
    let numbers: [JSONValue] = [
      -1, 0, 1, 2, 7, 65_536, 0x7fff_ffff, 0x8000_0000, .integer(1 << 40), .integer(1 << 62),
      .integer(.max), .integer(.min), 1e300, -1e300, 0.5, 1e-300,
    ]
    let texts =
      paths + [
        "", ".", "..", "/dev/zero", "checkpoint.h5", "rows-00000.h5", "rows-00001.h5", "S", "R",
        "L",
        "\u{1b}[2J\u{7}\u{9b}31m", "a\nb\rc", "\u{202e}txt.exe",
        String(repeating: "x", count: 100_000),
        "manifest.json", "float16", "int8", "compact", "conv", "iwae", "daae", "gan",
        "ic-affine-em",
      ]
    let deep = (0..<300).reduce(JSONValue.null) { inner, _ in .array([inner]) }
    let others: [JSONValue] = [
      .null, true, false, [], [:], [1, 2, 3], ["a": 1], deep, .array([value, value]),
      .array(Array(repeating: 65_536, count: 16)),
    ]
    if let number = value.integer, chance.next(below: 3) == 0 {
      return .integer(number &+ (chance.next(below: 5) - 2))
    }
    switch (value, chance.next(below: 4)) {
    case (.integer, 0...2), (.real, 0...2): return numbers[chance.next(below: numbers.count)]
    case (.string, 0...2): return .string(texts[chance.next(below: texts.count)])
    case (_, 0): return numbers[chance.next(below: numbers.count)]
    case (_, 1): return .string(texts[chance.next(below: texts.count)])
    default: return others[chance.next(below: others.count)]
    }
  }

  /// The text of a manifest with the right checksum of itself.
  static func signed(_ manifest: JSONValue) -> String {
    guard case .object(let members) = manifest else { return manifest.document }
    let body =
      JSONValue.object(members.filter { $0.name != "checksum" }).document.dropLast(2)
      + ",\n  \"checksum\" : \""
    let digest = Digest()
    digest.update(Array(body.utf8))
    return body + digest.text + "\"\n}\n"
  }
}
