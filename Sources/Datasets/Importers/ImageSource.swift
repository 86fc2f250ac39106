import Foundation

/// The image files of a folder or of a zip archive, found by the endings of their names.
struct ImageSource: Sendable {
  /// The folder or archive.
  let path: String
  /// The names of the files inside it, with their folders, sorted by their characters' codes.
  let names: [String]
  private let archive: (file: ZipArchive, entries: [Int])?

  /// Endings that make a file an image, in either case.
  static let endings = ["jpg", "jpeg", "png"]

  /// The largest file that is read.
  private static let byteLimit = 1 << 28

  /// Lists the images of a folder, in whatever folders below it, or of a zip archive.
  ///
  /// Files that are hidden or kept by a file manager (`.name`, `__MACOSX/…`) do not count.
  ///
  /// - Throws: `DatasetError` where there is no such folder or archive, or no image in it.
  init(_ path: String) throws(DatasetError) {
    self.path = path
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw .file(file: path, reason: "no such folder or zip archive")
    }
    if isDirectory.boolValue {
      archive = nil
      guard let all = FileManager.default.enumerator(atPath: path) else {
        throw .file(file: path, reason: "cannot be listed")
      }
      names = all.compactMap { $0 as? String }.filter(Self.isImage).sorted(by: Self.precedes)
    } else {
      let file = try ZipArchive(path)
      let entries = file.names.indices.filter { Self.isImage(file.names[$0]) }
        .sorted { Self.precedes(file.names[$0], file.names[$1]) }
      archive = (file, entries)
      names = entries.map { file.names[$0] }
    }
    guard !names.isEmpty else {
      throw .mismatch(
        file: path, item: "images", found: "none",
        expected: "files that end in " + Self.endings.map { "." + $0 }.joined(separator: ", "))
    }
  }

  /// The bytes of file `index` of `names`; several threads may read at once.
  ///
  /// - Throws: `DatasetError.file` where the operating system refuses it, `DatasetError.damaged`
  ///   where the archive is damaged there.
  func read(_ index: Int) throws(DatasetError) -> [UInt8] {
    guard let archive else { return try SourceFile.readRaw(label(index)) }
    return try archive.file.read(archive.entries[index], limit: Self.byteLimit)
  }

  /// File `index` as messages name it: `folder/a/b.jpg`, or `images.zip: a/b.jpg`.
  func label(_ index: Int) -> String {
    archive == nil
      ? URL(filePath: path).appending(path: names[index]).relativePath
      : "\(path): \(names[index])"
  }

  /// The order of names: that of their bytes, whatever the language of the machine.
  static func precedes(_ a: String, _ b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
  }

  private static func isImage(_ name: String) -> Bool {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")),
      endings.contains(name[name.index(after: dot)...].lowercased())
    else { return false }
    return !name.split(separator: "/").contains { $0.hasPrefix(".") || $0 == "__MACOSX" }
  }
}
