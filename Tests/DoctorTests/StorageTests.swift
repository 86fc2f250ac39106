import Foundation
import TestSupport
import Testing

@testable import Doctor

/// What the doctor says of a directory.
@Suite(.serialized) struct StorageTests {
  @Test func aFolderIsLeftAsItWas() throws {
    try withTemporaryFolder { folder in
      let checks = StorageExamination(of: folder.path).checks()
      #expect(checks.map(\.name) == ["hdf5", "file locks", "disk", "shared memory"])
      #expect(checks[0].isFine, "\(checks[0])")
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(left.isEmpty)
    }
  }

  @Test func aMissingFolderIsNamed() {
    let checks = StorageExamination(of: "/none/such").checks()
    #expect(checks.map(\.name) == ["disk", "shared memory"])
    #expect(!checks[0].isFine && checks[0].found == "/none/such: cannot be written to")
  }
}
