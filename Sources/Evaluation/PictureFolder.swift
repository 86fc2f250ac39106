import CKernels
import Datasets
import Foundation
import Support

/// A folder of pictures that appears when it is whole; otherwise nothing stays of it.
///
/// It grows under a hidden name beside its target, and gets its name by one rename. A mark in it
/// lists its pictures, so that `--force` replaces these, and nothing of anybody else's. The old
/// folder and the new one exchange their names. On disks that cannot, the old one is aside for a
/// moment; if the process dies then, the next one puts it back.
final class PictureFolder {
  /// The file that makes a folder one that Cleave wrote.
  static let mark = "cleave.json"
  /// What the mark's `format` says.
  static let format = "cleave-pictures"

  private let target: String
  /// The folder as the user named it, for errors.
  private let shown: String
  private let fresh: String
  private let force: Bool
  private let exchanges: Bool
  private var folders: Set<String> = []
  private var written: [String] = []
  private var isOpen = true

  /// Checks that a folder can be written at `path`, before any long work.
  ///
  /// - Returns: the path without links in it.
  /// - Throws: `DatasetError.exists` for a folder of pictures that may not be replaced;
  ///   `DatasetError.option` for a folder with anything else in it, and a place of a run; another
  ///   case for a file.
  @discardableResult
  static func check(_ path: String, force: Bool) throws -> String {
    let url = URL(filePath: path).standardizedFileURL
    let target = url.resolvingSymlinksInPath().path
    if let run = RunPlace.run(holding: target) {
      throw DatasetError.option(
        path, found: "a place of the run \(run)", expected: "one outside of it")
    }
    var status = stat()
    if lstat(target, &status) != 0, errno == ENOENT { rename(aside(of: target), target) }
    guard stat(target, &status) == 0 else {
      guard errno == ENOENT else { throw FileError.last(path) }
      let parent = URL(filePath: target).deletingLastPathComponent().path
      guard stat(parent, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        throw DatasetError.file(file: path, reason: "no such folder as \(parent)")
      }
      return target
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw DatasetError.option(
        path, found: RegularFile.kind(of: status), expected: "a new folder, or an empty one")
    }
    let content = try Content(of: target)
    if content.isEmpty { return target }
    guard let own = content.own else {
      throw DatasetError.option(
        path, found: "a folder with other files in it, such as \(content.first.printable)",
        expected: "a new folder, or an empty one")
    }
    guard force else { throw DatasetError.exists(file: path) }
    if let foreign = content.files.first(where: { !own.contains($0) }) {
      throw DatasetError.option(
        path, found: "\(foreign.printable), which no denoise wrote",
        expected: "nothing but its pictures; move it away, --force replaces these alone")
    }
    return target
  }

  /// What lies in a folder.
  private struct Content {
    var files: [String] = []
    var first = ""
    /// The files that the mark lists, and the mark; nil without a mark.
    var own: Set<String>?
    var isEmpty: Bool { first.isEmpty }

    init(of folder: String) throws {
      let names = try FileError.wrap(folder) {
        try FileManager.default.contentsOfDirectory(atPath: folder)
      }
      first = names.min() ?? ""
      guard
        let bytes = try? RegularFile.read("\(folder)/\(PictureFolder.mark)", atMost: 1 << 30),
        let mark = try? JSONValue(parsing: String(decoding: bytes, as: UTF8.self)),
        mark["format"]?.text == PictureFolder.format,
        case .array(let pictures)? = mark["pictures"]
      else { return }
      // Nothing but pictures is ever replaced, whatever a mark lists.
      let listed = pictures.compactMap(\.text).filter { $0.hasSuffix(".png") }
      own = Set(listed + [PictureFolder.mark])
      // Only a folder with a mark is looked at as a whole.
      guard let names = FileManager.default.enumerator(atPath: folder) else {
        throw FileError(folder, "cannot be read")
      }
      for case let name as String in names {
        var status = stat()
        guard lstat("\(folder)/\(name)", &status) == 0 else { continue }
        if status.st_mode & S_IFMT != S_IFDIR { files.append(name) }
      }
    }
  }

  /// The place of an old folder until the new one has its name, where names cannot be exchanged.
  private static func aside(of target: String) -> String {
    let url = URL(filePath: target)
    return url.deletingLastPathComponent().appending(path: ".\(url.lastPathComponent).replaced")
      .path
  }

  /// Begins a folder that will be named `path`.
  ///
  /// - Parameter exchanges: whether names are exchanged where the disk can.
  /// - Throws: like `check`; `FileError`.
  init(_ path: String, force: Bool, exchanges: Bool = true) throws {
    target = try Self.check(path, force: force)
    shown = String(path.reversed().drop { $0 == "/" }.reversed())
    self.force = force
    self.exchanges = exchanges
    fresh = TemporaryFile.name(beside: target)
    guard mkdir(fresh, 0o777) == 0 else { throw FileError(path, errorNumber: errno) }
  }

  /// Writes a picture under its path within the folder.
  ///
  /// - Throws: `FileError` that names the picture in the folder to be.
  func write(_ bytes: ArraySlice<UInt8>, as name: String) throws(FileError) {
    if let slash = name.lastIndex(of: "/") { try makeFolder(String(name[..<slash])) }
    written.append(name)
    try Self.write(bytes, to: "\(fresh)/\(name)", named: "\(shown)/\(name)")
  }

  private func makeFolder(_ name: String) throws(FileError) {
    guard !folders.contains(name) else { return }
    if let slash = name.lastIndex(of: "/") { try makeFolder(String(name[..<slash])) }
    guard mkdir("\(fresh)/\(name)", 0o777) == 0 || errno == EEXIST else {
      throw FileError("\(shown)/\(name)", errorNumber: errno)
    }
    folders.insert(name)
  }

  private static func write(
    _ bytes: ArraySlice<UInt8>, to path: String, named shown: String
  ) throws(FileError) {
    // A name that is taken is another picture's, on a disk that does not tell A from a.
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw FileError(shown, errorNumber: errno) }
    var rest = bytes
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        let number = errno
        close(file)
        throw FileError(shown, errorNumber: number)
      }
      rest = rest.dropFirst(written)
    }
    guard close(file) == 0 else { throw FileError(shown, errorNumber: errno) }
  }

  /// Writes the mark, waits until all is on the disk, and gives the folder its name.
  ///
  /// - Parameter members: what the mark says beside its format.
  /// - Throws: `FileError`; errors of `check`, if something has come into the folder meanwhile. A
  ///   folder that was to be replaced stays then.
  func finish(_ members: [JSONValue.Member]) throws {
    let mark = JSONValue.object(
      [JSONValue.Member("format", .string(Self.format)), JSONValue.Member("version", 1)] + members)
    try write(Array((mark.document + "\n").utf8)[...], as: Self.mark)
    try synchronize()
    try Self.check(shown, force: force)
    try exchange()
    isOpen = false
  }

  /// Removes what was written, unless the folder has its name.
  deinit { if isOpen { Self.remove(fresh) } }

  private static func remove(_ folder: String) {
    try? FileManager.default.removeItem(atPath: folder)
  }

  private func exchange() throws(FileError) {
    // An empty folder is replaced by the rename itself.
    if rename(fresh, target) == 0 { return }
    guard errno == ENOTEMPTY || errno == EEXIST else { throw FileError(shown, errorNumber: errno) }
    // Now the old folder has the hidden name.
    if exchanges, ck_exchange_names(fresh, target) == 0 { return Self.remove(fresh) }
    guard !exchanges || [EINVAL, ENOSYS, ENOTSUP].contains(errno) else {
      throw FileError(shown, errorNumber: errno)
    }
    let aside = Self.aside(of: target)
    // What a dead process left there is older than the target.
    Self.remove(aside)
    guard rename(target, aside) == 0 else { throw FileError(shown, errorNumber: errno) }
    guard rename(fresh, target) == 0 else {
      let number = errno
      rename(aside, target)
      throw FileError(shown, errorNumber: number)
    }
    Self.remove(aside)
  }

  /// Waits until all pictures are on the disk.
  ///
  /// The C functions are `sync`, one wait for all, and then `fsync`, which tells of errors.
  private func synchronize() throws(FileError) {
    sync()
    for name in written + folders.sorted() + [""] {
      let descriptor = open("\(fresh)/\(name)", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw FileError("\(shown)/\(name)", errorNumber: errno) }
      defer { close(descriptor) }
      guard fsync(descriptor) == 0 || errno == EINVAL else {
        throw FileError("\(shown)/\(name)", errorNumber: errno)
      }
    }
  }
}
