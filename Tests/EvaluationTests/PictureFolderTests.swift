import Foundation
import Support
import TestSupport
import Testing

@testable import Datasets
@testable import Evaluation

/// Folders of pictures that replace others.
struct PictureFolderTests {
  private func write(
    _ name: String, _ byte: UInt8, to folder: String, force: Bool = false, exchanges: Bool = true
  ) throws {
    let new = try PictureFolder(folder, force: force, exchanges: exchanges)
    try new.write([byte], as: name)
    try new.finish([JSONValue.Member("pictures", .array([.string(name)]))])
  }

  private func names(_ folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  /// The new folder alone stays, on disks that exchange names and on others.
  @Test(arguments: [true, false]) func theNewOneStays(exchanges: Bool) throws {
    try withTemporaryFolder { folder in
      let out = folder.appending(path: "out")
      try write("a.png", 1, to: out.path, exchanges: exchanges)
      #expect(throws: DatasetError.self) { try write("b.png", 2, to: out.path) }
      try write("b.png", 2, to: out.path, force: true, exchanges: exchanges)
      #expect(try names(out) == ["b.png", "cleave.json"])
      #expect(try names(folder) == ["out"])
    }
  }

  /// A process that died between two renames leaves the old folder aside: it is put back, not lost.
  @Test func whatIsAsideIsPutBack() throws {
    try withTemporaryFolder { folder in
      let (out, aside) = (folder.appending(path: "out"), folder.appending(path: ".out.replaced"))
      try write("a.png", 1, to: out.path)
      try FileManager.default.moveItem(at: out, to: aside)
      #expect {
        try write("b.png", 2, to: out.path)
      } throws: {
        "\($0)".contains("exists already")
      }
      #expect(try names(out) == ["a.png", "cleave.json"] && names(folder) == ["out"])
      try FileManager.default.copyItem(at: out, to: aside)
      try write("b.png", 2, to: out.path, force: true, exchanges: false)
      #expect(try names(out) == ["b.png", "cleave.json"] && names(folder) == ["out"])
    }
  }
}
