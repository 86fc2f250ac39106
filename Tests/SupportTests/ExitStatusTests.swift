import Foundation
import Support
import Testing

struct ExitStatusTests {
  @Test(arguments: [ENOSPC, EDQUOT, EROFS, EIO, EMFILE, EACCES, ENOENT])
  func anErrorNumberHasOneStatus(number: Int32) {
    let status: Int32 = [EACCES, ENOENT].contains(number) ? 1 : 74
    #expect(FileError("a", errorNumber: number).exitStatus == status)
    let code = POSIXErrorCode(rawValue: number)
    #expect(code.map { exitStatus(of: POSIXError($0)) } == status)
  }

  /// Foundation hides the system's error in its own.
  @Test func anErrorOfFoundationKeepsItsCause() {
    let path = "/dev/full/none"
    let error = #expect(throws: FileError.self) {
      try FileError.wrap(path) { try Data().write(to: URL(filePath: path)) }
    }
    #expect(error?.errorNumber == ENOTDIR)
    #expect(error?.description == "\(path): not a directory")
  }
}
