import Foundation
import TestSupport
import Testing

/// `launch/soak`, with one fault and one meeting of each kind.
@Suite(.serialized) struct SoakTests {
  @Test func everyKindOfFaultEndsAsItShould() throws {
    try withTemporaryFolder { folder in
      let soak = try Run.command(
        TestData.packageRoot.appending(path: "launch/soak").path, ["--runs", "12", "--seed", "3"],
        environment: ["TMPDIR": folder.path], in: folder)
      #expect(soak.status == 0 && !soak.timedOut, "\(soak)")
      #expect(soak.output.contains("\n12 runs in "), "\(soak)")
      print(soak.output)
    }
  }

  @Test func everyKindOfMeetingEndsAsItShould() throws {
    try withTemporaryFolder { folder in
      let soak = try Run.command(
        TestData.packageRoot.appending(path: "launch/soak").path,
        ["--owners", "8", "--seed", "3"], environment: ["TMPDIR": folder.path], in: folder)
      #expect(soak.status == 0 && !soak.timedOut, "\(soak)")
      #expect(soak.output.contains("\n8 rounds in "), "\(soak)")
      print(soak.output)
    }
  }
}
