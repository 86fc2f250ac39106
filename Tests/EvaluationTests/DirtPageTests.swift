import Foundation
import Models
import Testing

@testable import Evaluation

/// docs/dirt.md says what `advise` tries first.
@Suite("The page of dirt") struct DirtPageTests {
  private func rows() throws -> [String: String] {
    let page = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../docs/dirt.md").standardized
    let lines = try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
    var rows: [String: String] = [:]
    for line in lines {
      guard let kind = line.firstMatch(of: /^\| `([a-z]+)` \|/)?.1 else { continue }
      rows[String(kind)] = String(line)
    }
    return rows
  }

  @Test func tellsTheOrderOfTrials() throws {
    let rows = try rows()
    for (kind, families) in Advisor.dirt {
      let row = try #require(rows[kind.rawValue], "\(kind)")
      let named = row.matches(of: /mnist-([a-z]+-vae)/).map { String($0.1) }
      #expect(Array(named.prefix(families.count)) == families, "\(kind): \(row)")
    }
  }

  /// Each family has a preset for small images and one for large ones.
  @Test func presetsExist() throws {
    for family in Set(Advisor.dirt.values.joined()) {
      for data in ["mnist", "celeba"] {
        #expect(throws: Never.self) { try Preset.named("\(data)-\(family)") }
      }
    }
  }
}
