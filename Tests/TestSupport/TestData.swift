import Foundation

/// The paths of the package and of real data sets outside of the repository.
public enum TestData {
  /// The folder that holds `Package.swift`.
  public static let packageRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The folder of the real data sets: `CLEAVE_DATA` if set, else `../shared/data` beside the
  /// package root.
  ///
  /// It is nil if neither exists.
  public static let directory: URL? = {
    let named = ProcessInfo.processInfo.environment["CLEAVE_DATA"].map { URL(filePath: $0) }
    let beside = packageRoot.deletingLastPathComponent().appending(path: "shared/data")
    return [named, beside].compactMap { $0 }.first {
      FileManager.default.fileExists(atPath: $0.path)
    }
  }()

  /// The reason why a test without real data does not run, for its `.enabled(if:)` trait.
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
  /// - Throws: `TestDataError` if there is no data folder.
  public static func path(_ name: String) throws -> String {
    guard let directory else { throw TestDataError.noDataFolder }
    return directory.appending(path: name).path
  }

  /// The path of a fixture in `Tests/Golden`.
  public static func golden(_ name: String) -> String {
    packageRoot.appending(path: "Tests/Golden").appending(path: name).path
  }
}

/// The reason why a test has no data.
public enum TestDataError: Error, CustomStringConvertible {
  /// Neither `CLEAVE_DATA` nor `../shared/data` names a folder.
  case noDataFolder

  /// One line for the test log.
  public var description: String { TestData.absence }
}

/// Runs `body` with a new, empty folder, and removes the folder afterwards in all cases.
///
/// The folder lies under `TMPDIR`; a test that needs its own file system can set `TMPDIR`.
public func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "cleave-tests-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  // A test may remove its folder itself. The system's own cleaning removes the rest.
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}
