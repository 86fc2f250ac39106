import Foundation
import Support
import Testing

/// Files of others: of any kind, of any length, with any characters.
@Suite struct RegularFileTests {
  @Test func onlyRegularFilesAreRead() throws {
    let folder = NSTemporaryDirectory() + "/regular-" + UUID().uuidString
    #expect(mkdir(folder, 0o700) == 0)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/file"
    try Data("abc".utf8).write(to: URL(filePath: path))
    #expect(try RegularFile.read(path) == Array("abc".utf8))
    #expect(throws: RegularFile.Refusal.self) { try RegularFile.read(path, atMost: 2) }
    #expect(symlink(path, folder + "/link") == 0)
    #expect(throws: RegularFile.Refusal.self) { try RegularFile.read(folder + "/link") }
    #expect(try RegularFile.read(folder + "/link", followingLinks: true) == Array("abc".utf8))
    #expect(mkfifo(folder + "/pipe", 0o600) == 0)
    for (other, found) in [
      (folder + "/pipe", "a pipe"), ("/dev/zero", "a device"), (folder, "a directory"),
    ] {
      let refusal = #expect(throws: RegularFile.Refusal.self) {
        try RegularFile.read(other, followingLinks: true)
      }
      #expect(refusal?.description == "found \(found), expected a regular file")
      #expect(refusal?.isBadData == true)
    }
    let missing = #expect(throws: RegularFile.Refusal.self) { try RegularFile.read(path + "s") }
    #expect(missing?.errorNumber == ENOENT)
  }

  @Test func writingReplacesAFileAtOnceAndFollowsNoLink() throws {
    let folder = NSTemporaryDirectory() + "/written-" + UUID().uuidString
    #expect(mkdir(folder, 0o700) == 0)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (path, other) = (folder + "/file", folder + "/other")
    try Data("kept".utf8).write(to: URL(filePath: other))
    #expect(symlink(other, path) == 0)
    try TemporaryFile.write("new", to: path)
    #expect(try RegularFile.read(path) == Array("new".utf8))
    #expect(try RegularFile.read(other) == Array("kept".utf8))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
    #expect(throws: FileError.self) { try TemporaryFile.write("new", to: folder + "/none/file") }
  }

  @Test func nothingSteersATerminal() throws {
    let text = "a\u{1b}[2J\u{7}\u{9b}b\u{202e}c\r\n\td"
    #expect(text.printable == "a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}\u{fffd}d")
    #expect(text.printableLines == "a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}c\u{fffd}\n\td")
    let line = JSONValue.string(text).line
    #expect(line.unicodeScalars.allSatisfy { (32..<127).contains($0.value) })
    #expect(try JSONValue(parsing: line) == .string(text))
    #expect("süß 𝄞 東".printable == "süß 𝄞 東")
    #expect(String(repeating: "x", count: 300).shortened.utf8.count < 230)
  }

  @Test func deepDocumentsAreRefusedAtOnce() throws {
    let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
    #expect(throws: DecodingError.self) { try JSONValue(parsing: deep) }
    #expect(try JSONValue(parsing: "[[[[1]]]]").line == "[[[[1]]]]")
  }
}
