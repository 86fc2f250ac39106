import Foundation

/// Where tests find the package and the real data sets that the repository does not hold.
public enum TestData {
  /// The folder that holds `Package.swift`.
  public static let packageRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The folder of the real data sets: `CLEAVE_DATA` if set, else `../shared/data` beside the
  /// package root; nil where neither exists.
  public static let directory: URL? = {
    let named = ProcessInfo.processInfo.environment["CLEAVE_DATA"].map { URL(filePath: $0) }
    let beside = packageRoot.deletingLastPathComponent().appending(path: "shared/data")
    return [named, beside].compactMap { $0 }.first {
      FileManager.default.fileExists(atPath: $0.path)
    }
  }()

  /// Why a test that needs real data does not run; the comment of its `.enabled(if:)` trait.
  public static let absence = "no real data: set CLEAVE_DATA to the folder that holds mnist/"

  /// Whether every named file lies in the data folder.
  ///
  ///     @Test(.enabled(if: TestData.has("mnist/train-images-idx3-ubyte.gz"), "no MNIST files"))
  public static func has(_ names: String...) -> Bool {
    guard let directory else { return false }
    return names.allSatisfy {
      FileManager.default.fileExists(atPath: directory.appending(path: $0).path)
    }
  }

  /// The path of a file in the data folder.
  ///
  /// - Throws: `TestDataError` where there is no data folder.
  public static func path(_ name: String) throws -> String {
    guard let directory else { throw TestDataError.noDataFolder }
    return directory.appending(path: name).path
  }

  /// The path of a fixture in `Tests/Golden`.
  public static func golden(_ name: String) -> String {
    packageRoot.appending(path: "Tests/Golden").appending(path: name).path
  }
}

/// Why a test has no data.
public enum TestDataError: Error, CustomStringConvertible {
  /// Neither `CLEAVE_DATA` nor `../shared/data` names a folder.
  case noDataFolder

  /// One line for the test log.
  public var description: String { TestData.absence }
}

/// Runs `body` with a new, empty folder and removes the folder afterwards, whatever happened.
///
/// The folder lies under `TMPDIR`, so a test that needs a file system of its own can set that.
public func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "cleave-tests-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  // A test may remove its folder itself; what cannot be removed is left to the system's own tidying.
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}
