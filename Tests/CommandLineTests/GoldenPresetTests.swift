import Datasets
import Foundation
import Models
import Support
import TestSupport
import Testing
import Training

/// Presets keep their settings when the code that holds them changes.
///
/// `Tests/Golden/presets.json` has the values; its README explains how to make the file again.
@Suite(.serialized) struct GoldenPresetTests {
  /// If true, the suite writes the file and does not compare.
  private static let isWriting =
    ProcessInfo.processInfo.environment["CLEAVE_WRITE_GOLDEN"] != nil
  private static let file = URL(filePath: TestData.golden("presets.json"))

  /// The file and the tool have the same presets.
  @Test(.enabled(if: !isWriting)) func thereAreThePresetsOfTheFile() throws {
    #expect(try names().sorted() == members(of: golden()).keys.sorted())
  }

  /// `cleave presets NAME` prints the keys and values of the file, in any order, and no other key.
  @Test(.enabled(if: !isWriting)) func theToolPrintsTheConfigurationsOfTheFile() throws {
    for (name, preset) in try members(of: golden()) {
      expectEqual(try configuration(name), preset["configuration"], "presets \(name)")
    }
  }

  /// The initial values of a run on 70,000 images, for all keys that the model reads.
  @Test(.enabled(if: !isWriting)) func runsStartWithTheResolvedValuesOfTheFile() throws {
    for (name, preset) in try members(of: golden()) {
      expectEqual(try resolved(name), preset["resolved"], "\(name), resolved")
    }
  }

  /// Writes one preset on two lines, so that a change shows which presets changed.
  @Test(.enabled(if: isWriting)) func writeTheFile() throws {
    let presets = try names().map { name in
      """
      \(JSONValue.string(name).line): {
      "configuration": \(try configuration(name).line),
      "resolved": \(try resolved(name).line)}
      """
    }
    let text = "{\n" + presets.joined(separator: ",\n") + "\n}\n"
    try Data(text.utf8).write(to: Self.file)
  }

  /// The names of all presets, as the tool lists them.
  private func names() throws -> [String] {
    try withTemporaryFolder { folder in
      let list = try #require(try Tool.document("presets --json", in: folder)["presets"])
      return members(of: list).keys.sorted()
    }
  }

  /// The tool's text for a preset.
  private func configuration(_ name: String) throws -> JSONValue {
    try withTemporaryFolder { try Tool.document("presets \(name)", in: $0) }
  }

  /// The resolved values of a preset on 70,000 images, for the keys that its model reads.
  ///
  /// Only this function of the suite uses the library.
  private func resolved(_ name: String) throws -> JSONValue {
    let (height, width, channels) = imageSize(name)
    let configuration = try Preset.named(name).configuration().validated(
      rows: 70_000, of: ImageShape(height: height, width: width, channels: channels))
    let read = Configuration.keys.filter {
      Configuration.readers(of: $0)?.contains(configuration.model) ?? true
    }
    let values = read.map { JSONValue.Member($0.name, configuration[$0]) }
    // Parsed from text like the file, where 1.0 and 1 are one number.
    return try JSONValue(parsing: JSONValue.object(values).line)
  }

  /// Height, width and channels of a preset's images.
  private func imageSize(_ name: String) -> (Int, Int, Int) {
    switch name.prefix(while: { $0 != "-" }) {
    case "celeba": (64, 64, 3)
    case "sprites": (60, 60, 3)
    case "frey": (28, 20, 1)
    default: (28, 28, 1)
    }
  }

  private func golden() throws -> JSONValue {
    try JSONValue(parsing: String(contentsOf: Self.file, encoding: .utf8))
  }

  private func members(of object: JSONValue) -> [String: JSONValue] {
    guard case .object(let members) = object else { return [:] }
    return Dictionary(uniqueKeysWithValues: members.map { ($0.name, $0.value) })
  }

  /// Expects the same keys with the same values, and names each key that differs.
  private func expectEqual(_ found: JSONValue, _ expected: JSONValue?, _ what: String) {
    let (found, expected) = (members(of: found), members(of: expected ?? .null))
    #expect(!expected.isEmpty, "\(what): not in the file")
    for key in Set(found.keys).union(expected.keys).sorted() {
      #expect(found[key] == expected[key], "\(what): \(key)")
    }
  }
}
