import Foundation
import Support

/// The image files in folders or zip archives, found by the endings of their names.
struct ImageSource: Sendable {
  /// The folders or archives, as text for messages.
  let path: String
  /// The names of the files inside, with their folders, sorted by character codes.
  let names: [String]
  /// The files of other kinds, counted: `; left out: 3 .bmp`, and the names that are not UTF-8;
  /// empty if there are none.
  let leftOut: String
  private let places: [Place]
  /// Whether names begin with those of the folders or archives.
  private let isNamed: Bool

  /// The place of a file.
  private enum Place {
    /// `name` is the bytes of the file's name in the folder, where they are not UTF-8.
    case file(folder: String, name: [UInt8]?)
    case entry(Int, of: ZipArchive)

    /// The bytes of a name that is not UTF-8.
    var bytes: [UInt8]? {
      guard case .file(_, let name) = self else { return nil }
      return name
    }
  }

  /// The endings of image files, in upper or lower case.
  static let endings = [
    "jpg", "jpeg", "jpe", "jfif", "png", "tif", "tiff", "bmp", "gif", "webp",
  ]

  /// The size of the largest file that is read.
  private static let byteLimit = 1 << 28

  /// Lists the images of folders, including their subfolders and what links lead to, or of zip
  /// archives.
  ///
  /// Files of file managers (`._name`, `__MACOSX/…`) do not count. Hidden pictures (`.name`) and names
  /// that lead out of an archive (`../name`) are left out.
  ///
  /// - Parameter named: whether names begin with that of the folder or archive.
  /// - Throws: `DatasetError` if a folder or archive does not exist or contains no image.
  init(_ paths: [String], named: Bool = false) throws(DatasetError) {
    let origins = named ? Self.origins(paths) : []
    var found: [(name: String, place: Place)] = []
    var others: [String: Int] = [:]
    for (index, path) in paths.enumerated() {
      let before = found.count
      for (name, place) in try Self.files(of: path) where !Self.isMetadata(name) {
        let parts = name.split(separator: "/")
        if parts.contains("..") {
          others["whose name leads elsewhere", default: 0] += 1
        } else if parts.contains(where: { $0.hasPrefix(".") }) {
          let kind = name.hasSuffix("/") ? "hidden as a folder" : "hidden"
          if name.hasSuffix("/") || Self.isImage(name) { others[kind, default: 0] += 1 }
        } else if Self.isImage(name) {
          found.append((named ? origins[index] + "/" + name : name, place))
        } else {
          others[Self.ending(of: name).map { "." + $0 } ?? "without an ending", default: 0] += 1
        }
      }
      guard found.count > before else {
        throw .mismatch(
          file: path, item: "images", found: "none" + Self.listed(others),
          expected: "files that end in " + Self.endings.map { "." + $0 }.joined(separator: ", "))
      }
    }
    found.sort {
      switch ($0.place.bytes, $1.place.bytes) {
      case (nil, nil): Self.precedes($0.name, $1.name)
      case (let a, let b) where !named:
        (a ?? Array($0.name.utf8)).lexicographicallyPrecedes(b ?? Array($1.name.utf8))
      default: Self.precedes($0.name, $1.name)
      }
    }
    path = paths.joined(separator: " ")
    names = found.map(\.name)
    places = found.map(\.place)
    isNamed = named
    let foreign = places.count { $0.bytes != nil }
    leftOut =
      Self.listed(others)
      + (foreign > 0
        ? "; \(Quantity.count(foreign, "name")) not in UTF-8, kept with \u{FFFD} in place of bytes"
        : "")
  }

  /// The names of folders or archives, each once.
  private static func origins(_ paths: [String]) -> [String] {
    var origins: [String] = []
    for path in paths {
      let url = URL(filePath: path).standardizedFileURL
      let name = (url.pathExtension.lowercased() == "zip" ? url.deletingPathExtension() : url)
        .lastPathComponent
      var (origin, number) = (name, 1)
      while origins.contains(origin) {
        number += 1
        origin = "\(name)-\(number)"
      }
      origins.append(origin)
    }
    return origins
  }

  /// Counts by kind: `; left out: 3 .bmp, 1 .txt`.
  private static func listed(_ others: [String: Int]) -> String {
    guard !others.isEmpty else { return "" }
    let kinds = others.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let more = kinds.count > 8 ? ", …" : ""
    return "; left out: "
      + kinds.prefix(8).map { "\(Quantity.grouped($0.value)) \($0.key)" }.joined(separator: ", ")
      + more
  }

  /// All files of a folder or archive.
  private static func files(
    of path: String
  ) throws(DatasetError) -> [(name: String, place: Place)] {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw .file(file: path, reason: "no such folder or zip archive")
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      var names: [[UInt8]] = []
      try list(path, [], within: [Identity(status)], &names)
      return names.map { bytes in
        String(validating: bytes, as: UTF8.self).map { ($0, .file(folder: path, name: nil)) }
          ?? (String(decoding: bytes, as: UTF8.self), .file(folder: path, name: bytes))
      }
    case S_IFREG:
      guard !isImage(path) else {
        throw .mismatch(
          file: path, item: "source", found: "a single picture",
          expected: "the folder that holds it, or a zip archive")
      }
      let archive = try ZipArchive(path)
      return archive.names.indices.filter { !archive.names[$0].hasSuffix("/") }
        .map { (archive.names[$0], .entry($0, of: archive)) }
    default:
      throw .file(file: path, reason: "found a pipe or device, expected a folder or zip archive")
    }
  }

  /// A folder, under whatever name.
  private struct Identity: Equatable {
    let device: dev_t
    let number: ino_t

    init(_ status: stat) {
      device = status.st_dev
      number = status.st_ino
    }
  }

  /// Lists the files of a folder and of the folders in it; links count as what they lead to, but
  /// not back into a folder above.
  private static func list(
    _ root: String, _ folder: [UInt8], within above: [Identity], _ names: inout [[UInt8]]
  ) throws(DatasetError) {
    let slash = UInt8(ascii: "/")
    let path = Array(root.utf8) + (folder.isEmpty ? [] : [slash] + folder)
    guard let directory = opendir(path.asPath) else {
      throw .last(String(decoding: path, as: UTF8.self))
    }
    var entries: [[UInt8]] = []
    while let entry = readdir(directory) {
      entries.append(
        withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) })
    }
    closedir(directory)
    for entry in entries
    where !entry.elementsEqual(".".utf8) && !entry.elementsEqual("..".utf8) {
      let name = folder.isEmpty ? entry : folder + [slash] + entry
      var status = stat()
      // A link that leads nowhere counts as a file, so that reading it gives the error.
      guard stat((Array(root.utf8) + [slash] + name).asPath, &status) == 0,
        status.st_mode & S_IFMT == S_IFDIR
      else {
        names.append(name)
        continue
      }
      // What is in a hidden folder is not looked at.
      guard entry.first != UInt8(ascii: "."), !entry.elementsEqual("__MACOSX".utf8) else {
        names.append(name + [slash])
        continue
      }
      let identity = Identity(status)
      guard !above.contains(identity) else { continue }
      try list(root, name, within: above + [identity], &names)
    }
  }

  /// The bytes of file `index` of `names`; several threads may read at once.
  ///
  /// - Throws: `DatasetError.file` if the operating system refuses the file, `DatasetError.damaged`
  ///   if the archive is damaged there.
  func read(_ index: Int) throws(DatasetError) -> [UInt8] {
    switch places[index] {
    case .file(let folder, let name):
      try SourceFile.readRaw(
        label(index), named: name.map { Array(folder.utf8) + [UInt8(ascii: "/")] + $0 },
        limit: Self.byteLimit)
    case .entry(let entry, let archive): try archive.read(entry, limit: Self.byteLimit)
    }
  }

  /// File `index` as text for messages: `folder/a/b.jpg`, or `images.zip: a/b.jpg`.
  func label(_ index: Int) -> String {
    switch places[index] {
    case .file(let folder, _): URL(filePath: folder).appending(path: inner(index)).relativePath
    case .entry(_, let archive): "\(archive.path): \(inner(index))"
    }
  }

  /// The name of file `index` inside of its folder or archive.
  private func inner(_ index: Int) -> String {
    guard isNamed, let slash = names[index].firstIndex(of: "/") else { return names[index] }
    return String(names[index][names[index].index(after: slash)...])
  }

  /// The order of names: by their bytes, for any language of the machine.
  static func precedes(_ a: String, _ b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
  }

  private static func isImage(_ name: String) -> Bool {
    ending(of: name).map(endings.contains) ?? false
  }

  /// Whether a file is what file managers write beside those of users.
  private static func isMetadata(_ name: String) -> Bool {
    name.split(separator: "/").contains {
      $0.hasPrefix("._") || $0 == "__MACOSX" || $0 == ".DS_Store"
    }
  }

  /// The letters behind the last dot of a file's name, in lower case.
  private static func ending(of name: String) -> String? {
    guard let last = name.split(separator: "/").last, let dot = last.lastIndex(of: ".") else {
      return nil
    }
    return last[last.index(after: dot)...].lowercased()
  }
}
