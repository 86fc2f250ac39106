import Foundation

/// The image files in folders or zip archives, found by the endings of their names.
struct ImageSource: Sendable {
  /// The folders or archives, as text for messages.
  let path: String
  /// The names of the files inside, with their folders, sorted by character codes.
  let names: [String]
  private let places: [Place]

  /// The place of a file.
  private enum Place {
    case file(folder: String)
    case entry(Int, of: ZipArchive)
  }

  /// The endings of image files, in upper or lower case.
  static let endings = ["jpg", "jpeg", "png"]

  /// The size of the largest file that is read.
  private static let byteLimit = 1 << 28

  /// Lists the images of folders, including their subfolders, or of zip archives.
  ///
  /// Hidden files and files of file managers (`.name`, `__MACOSX/…`) do not count.
  ///
  /// - Throws: `DatasetError` if a folder or archive does not exist or contains no image.
  init(_ paths: String...) throws(DatasetError) {
    var found: [(name: String, place: Place)] = []
    for path in paths {
      let before = found.count
      found += try Self.images(of: path)
      guard found.count > before else {
        throw .mismatch(
          file: path, item: "images", found: "none",
          expected: "files that end in " + Self.endings.map { "." + $0 }.joined(separator: ", "))
      }
    }
    found.sort { Self.precedes($0.name, $1.name) }
    path = paths.joined(separator: " ")
    names = found.map(\.name)
    places = found.map(\.place)
  }

  private static func images(
    of path: String
  ) throws(DatasetError) -> [(name: String, place: Place)] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw .file(file: path, reason: "no such folder or zip archive")
    }
    guard isDirectory.boolValue else {
      let archive = try ZipArchive(path)
      return archive.names.indices.filter { isImage(archive.names[$0]) }
        .map { (archive.names[$0], .entry($0, of: archive)) }
    }
    guard let all = FileManager.default.enumerator(atPath: path) else {
      throw .file(file: path, reason: "cannot be listed")
    }
    return all.compactMap { $0 as? String }.filter(isImage).map { ($0, .file(folder: path)) }
  }

  /// The bytes of file `index` of `names`; several threads may read at once.
  ///
  /// - Throws: `DatasetError.file` if the operating system refuses the file, `DatasetError.damaged`
  ///   if the archive is damaged there.
  func read(_ index: Int) throws(DatasetError) -> [UInt8] {
    switch places[index] {
    case .file: try SourceFile.readRaw(label(index))
    case .entry(let entry, let archive): try archive.read(entry, limit: Self.byteLimit)
    }
  }

  /// File `index` as text for messages: `folder/a/b.jpg`, or `images.zip: a/b.jpg`.
  func label(_ index: Int) -> String {
    switch places[index] {
    case .file(let folder): URL(filePath: folder).appending(path: names[index]).relativePath
    case .entry(_, let archive): "\(archive.path): \(names[index])"
    }
  }

  /// The order of names: by their bytes, for any language of the machine.
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
