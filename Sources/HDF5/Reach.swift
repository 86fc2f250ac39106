import CHDF5
import Foundation

/// The other files to which an HDF5 file may lead: by external links, by external storage, and by
/// virtual datasets.
///
/// A file from elsewhere could otherwise name any file that its reader can open.
public enum Reach: Sendable {
  /// No other file.
  case itself
  /// Sources of virtual datasets, in the folder of the file.
  case folder
  /// Any file that it names.
  case anywhere
}

extension File {
  /// Checks that no link of `path` leads to another file, unless `reach` is `anywhere`, nor to
  /// nothing in another file.
  ///
  /// - Throws: `HDF5Error` that names the link and the other file.
  public func checkLinks(to path: String) throws(HDF5Error) {
    let access = try linkAccess(chdf5_link_access())
    var prefix = ""
    for component in path.split(separator: "/") {
      prefix += "/" + component
      guard H5Lexists(handle, prefix, access.id) > 0 else { return }
      var information = H5L_info_t()
      try check(H5Lget_info(handle, prefix, &information, access.id), "H5Lget_info", prefix)
      guard information.type == H5L_TYPE_EXTERNAL else { continue }
      var value = [CChar](repeating: 0, count: information.u.val_size + 1)
      var (name, target): (UnsafePointer<CChar>?, UnsafePointer<CChar>?)
      try check(H5Lget_val(handle, prefix, &value, value.count, access.id), "H5Lget_val", prefix)
      let (file, object) = value.withUnsafeMutableBytes { bytes in
        H5Lunpack_elink_val(bytes.baseAddress, information.u.val_size, nil, &name, &target) >= 0
          ? (name.map { String(cString: $0) } ?? "", target.map { String(cString: $0) } ?? "")
          : ("", "")
      }
      guard reach == .anywhere else { throw beyondReach(prefix, "a link to \(file)") }
      guard H5Oexists_by_name(handle, prefix, access.id) <= 0 else { continue }
      throw HDF5Error(
        file: self.path, object: prefix,
        message:
          "found a link to \(object) of the file \(file), expected one that leads to something"
      )
    }
  }

  /// Properties for following links, of the class `kind`; unless `reach` is `anywhere`, no external
  /// link is followed, not even behind another link.
  ///
  /// The C function is `H5Pset_elink_cb`.
  func linkAccess(_ kind: hid_t) throws(HDF5Error) -> Handle {
    let access = try properties(kind)
    let answer: H5L_elink_traverse_t =
      if reach == .anywhere {
        { parent, _, child, _, _, _, _ in
          // HDF5 would wait for a pipe for ever.
          guard let parent, let child else { return -1 }
          return File.leadsToFile(String(cString: child), from: String(cString: parent)) ? 0 : -1
        }
      } else {
        { _, _, _, _, _, _, _ in -1 }
      }
    try check(H5Pset_elink_cb(access.id, answer, nil), "H5Pset_elink_cb")
    return access
  }

  /// Whether a name that a file gives leads to a regular file, in every place where HDF5 looks.
  static func leadsToFile(_ name: String, from parent: String) -> Bool {
    let folder = URL(filePath: parent).deletingLastPathComponent().path
    let last = URL(filePath: name).lastPathComponent
    return [name, "\(folder)/\(name)", "\(folder)/\(last)"].allSatisfy { place in
      var status = stat()
      return stat(place, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
    }
  }

  fileprivate func beyondReach(_ object: String, _ found: String) -> HDF5Error {
    HDF5Error(
      file: path, object: object,
      message: "found \(found), expected "
        + (reach == .itself
          ? "data in the file itself"
          : "data in the file or its folder; --external reads other files"))
  }
}

extension Dataset {
  /// Whether the dataset lies in the file itself, and not behind a link to another file.
  ///
  /// The C function is `H5Fget_name`.
  var isInFile: Bool {
    var (own, whole) = ([CChar](repeating: 0, count: 4097), [CChar](repeating: 0, count: 4097))
    return H5Fget_name(id, &own, 4096) > 0 && H5Fget_name(file.handle, &whole, 4096) > 0
      && own == whole
  }

  /// Whether the dataset shows datasets of other files.
  public var isVirtual: Bool { (try? creationLayout()) == H5D_VIRTUAL }

  /// The rows of a chunk; nil unless the dataset is chunked.
  public var chunkRows: Int? {
    guard !shape.isEmpty, (try? creationLayout()) == H5D_CHUNKED,
      let creation = try? creationProperties()
    else { return nil }
    var extents = [hsize_t](repeating: 0, count: shape.count)
    guard H5Pget_chunk(creation.id, Int32(shape.count), &extents) >= 0 else { return nil }
    return Int(exactly: extents[0])
  }

  /// The bytes that the elements take in the file, packed as they are; 0 for a virtual dataset.
  ///
  /// The C function is `H5Dget_storage_size`.
  public var packedBytes: Int { Int(clamping: H5Dget_storage_size(id)) }

  /// How much of the dataset was ever written.
  public enum Allocation: Sendable { case none, part, whole }

  /// How much was ever written; the remaining elements read as one fill value.
  ///
  /// A virtual dataset counts as written. The C function is `H5Dget_space_status`.
  public var allocation: Allocation {
    var status = H5D_SPACE_STATUS_ALLOCATED
    guard count > 0, !isVirtual, H5Dget_space_status(id, &status) >= 0,
      let creation = try? creationProperties(), H5Pget_external_count(creation.id) == 0
    else { return .whole }
    if status == H5D_SPACE_STATUS_PART_ALLOCATED, !shape.isEmpty {
      // HDF5 takes compressed chunks for missing ones; so they are counted.
      var chunk = [hsize_t](repeating: 1, count: shape.count)
      var written: hsize_t = 0
      if H5Pget_chunk(creation.id, Int32(shape.count), &chunk) >= 0,
        let space = try? Handle(
          H5Dget_space(id), "H5Dget_space", file: file.path, object: path, closedBy: H5Sclose),
        H5Dget_num_chunks(id, space.id, &written) >= 0
      {
        let all = zip(shape, chunk).reduce(1.0) { $0 * (Double($1.0) / Double($1.1)).rounded(.up) }
        return Double(written) < all ? .part : .whole
      }
    }
    switch status {
    case H5D_SPACE_STATUS_NOT_ALLOCATED: return .none
    case H5D_SPACE_STATUS_PART_ALLOCATED: return .part
    default: return .whole
    }
  }

  /// Refuses elements in other files, unless the file's `reach` is `anywhere`.
  func checkStorage() throws(HDF5Error) {
    let creation = try creationProperties()
    let files = try file.check(
      H5Pget_external_count(creation.id), "H5Pget_external_count", path)
    let (bytes, overflows) = count.multipliedReportingOverflow(by: type.byteCount ?? 1)
    var rest = overflows ? hsize_t.max : hsize_t(clamping: bytes)
    for index in 0..<UInt32(files) {
      var name = [CChar](repeating: 0, count: 4096)
      var (offset, size) = (off_t(0), hsize_t(0))
      try file.check(
        H5Pget_external(creation.id, index, name.count - 1, &name, &offset, &size),
        "H5Pget_external", path)
      let source = Self.text(name)
      guard file.reach == .anywhere else {
        throw file.beyondReach(path, "elements in the file \(source)")
      }
      // Elements that are missing would read as zeros, and a pipe would never end. HDF5 looks for
      // the file from the working folder.
      var status = stat()
      let isFile = stat(source, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      let part = min(size, rest)
      rest -= part
      let (end, isBeyond) = part.addingReportingOverflow(hsize_t(clamping: offset))
      let needed = isBeyond ? Int.max : Int(clamping: end)
      guard isFile, Int(status.st_size) >= needed else {
        throw HDF5Error(
          file: file.path, object: path,
          message: "found elements in \(source), "
            + (isFile ? "a file of \(status.st_size) bytes" : "which is no file here")
            + ", expected a file of \(needed) bytes at least")
      }
    }
  }

  /// Checks that a virtual dataset has all its sources, so that none reads as a fill value.
  ///
  /// The C functions are `H5Pget_virtual_count` and its relatives.
  ///
  /// - Throws: `HDF5Error` that names the source which is missing, too small or beyond the file's
  ///   reach.
  public func checkSources() throws(HDF5Error) { try checkSources(depth: 0) }

  /// The other files that hold elements of the dataset, as far as they are found: that to which a
  /// link leads, those of external storage, and the sources of a virtual dataset with theirs.
  public var sourceFiles: [String] { Set(files(depth: 0)).subtracting([file.path]).sorted() }

  private func files(depth: Int) -> [String] {
    var (own, found) = ([CChar](repeating: 0, count: 4097), [file.path])
    if H5Fget_name(id, &own, 4096) > 0 { found.append(Self.text(own)) }
    guard depth < 8, let creation = try? creationProperties() else { return found }
    for index in 0..<UInt32(max(0, H5Pget_external_count(creation.id))) {
      var name = [CChar](repeating: 0, count: 4096)
      var (offset, size) = (off_t(0), hsize_t(0))
      if H5Pget_external(creation.id, index, name.count - 1, &name, &offset, &size) >= 0 {
        found.append(Self.text(name))
      }
    }
    guard isVirtual, let sources = try? sources() else { return found }
    var known: Set<String> = []
    for source in sources where known.insert(source.file + "\0" + source.dataset).inserted {
      found.append(file.place(of: source.file) ?? source.file)
      // A source that cannot be opened is refused where it is read.
      if let dataset = try? open(source) { found += dataset.files(depth: depth + 1) }
    }
    return found
  }

  private func checkSources(depth: Int) throws(HDF5Error) {
    guard !isChecked else { return }
    guard isVirtual else {
      isChecked = true
      return
    }
    guard depth < 8 else {
      throw HDF5Error(
        file: file.path, object: path, message: "found virtual datasets within each other")
    }
    guard file.reach != .itself else { throw file.beyondReach(path, "a virtual dataset") }
    var covered = 0
    var known: [String: Dataset] = [:]
    for source in try sources() {
      if source.file.contains("%") || source.dataset.contains("%") {
        throw HDF5Error(
          file: file.path, object: path,
          message: "found numbered sources \(source.file), expected sources with a name each")
      }
      let key = source.file + "\0" + source.dataset
      let dataset: Dataset
      if let found = known[key] { dataset = found } else { dataset = try open(source) }
      known[key] = dataset
      try dataset.checkSources(depth: depth + 1)
      guard dataset.type == type else {
        throw HDF5Error(
          file: dataset.file.path, object: source.dataset,
          message: "found \(dataset.type), expected \(type) as in \(path) of \(file.path), which "
            + "shows it")
      }
      guard dataset.allocation != .none else {
        throw HDF5Error(
          file: dataset.file.path, object: source.dataset,
          message: "found elements that were never written, which \(path) of \(file.path) shows")
      }
      if let needed = source.needed,
        needed.count != dataset.shape.count || zip(needed, dataset.shape).contains(where: >)
      {
        throw HDF5Error(
          file: dataset.file.path, object: source.dataset,
          message: "found \(dataset.shape), expected at least \(needed), which \(path) of "
            + "\(file.path) shows")
      }
      guard dataset.count >= min(source.elements, count) || source.needed != nil else {
        throw HDF5Error(
          file: dataset.file.path, object: source.dataset,
          message: "found \(dataset.shape), expected the \(source.elements) elements that "
            + "\(path) of \(file.path) shows")
      }
      covered += source.elements
    }
    guard covered >= count else {
      throw HDF5Error(
        file: file.path, object: path,
        message: "found \(covered) elements in its sources, expected all \(count)")
    }
    isChecked = true
  }

  /// A part of a virtual dataset.
  private struct Source {
    let file: String
    let dataset: String
    /// The elements that it gives.
    let elements: Int
    /// The extents that the source must have at least; nil for any.
    let needed: [Int]?
  }

  private func sources() throws(HDF5Error) -> [Source] {
    let creation = try creationProperties()
    var count = 0
    try file.check(H5Pget_virtual_count(creation.id, &count), "H5Pget_virtual_count", path)
    var sources: [Source] = []
    for index in 0..<count {
      var names = [[CChar](repeating: 0, count: 4096), [CChar](repeating: 0, count: 4096)]
      try file.check(
        H5Pget_virtual_filename(creation.id, index, &names[0], 4095), "H5Pget_virtual_filename",
        path)
      try file.check(
        H5Pget_virtual_dsetname(creation.id, index, &names[1], 4095), "H5Pget_virtual_dsetname",
        path)
      let shown = try Handle(
        H5Pget_virtual_vspace(creation.id, index), "H5Pget_virtual_vspace", file: file.path,
        object: path, closedBy: H5Sclose)
      let taken = try Handle(
        H5Pget_virtual_srcspace(creation.id, index), "H5Pget_virtual_srcspace", file: file.path,
        object: path, closedBy: H5Sclose)
      // Selections without limit grow with their source; they have no bounds.
      let elements = H5Sget_select_npoints(shown.id)
      let rank = Int(max(H5Sget_simple_extent_ndims(taken.id), 0))
      var (first, last) = (
        [hsize_t](repeating: 0, count: rank), [hsize_t](repeating: 0, count: rank)
      )
      let isBounded =
        elements >= 0 && rank > 0 && H5Sget_select_npoints(taken.id) >= 0
        && H5Sget_select_bounds(taken.id, &first, &last) >= 0
      sources.append(
        Source(
          file: Self.text(names[0]), dataset: Self.text(names[1]),
          elements: elements >= 0 && elements <= hssize_t(self.count)
            ? Int(elements) : self.count,
          needed: isBounded ? last.map { Int(clamping: $0) + 1 } : nil))
    }
    return sources
  }

  private func open(_ source: Source) throws(HDF5Error) -> Dataset {
    guard source.file != "." else { return try file.dataset(source.dataset) }
    guard let place = file.place(of: source.file) else {
      throw HDF5Error(
        file: file.path, object: path,
        message: "found no file \(source.file), of which it shows \(source.dataset)")
    }
    if file.reach != .anywhere {
      let folder = URL(filePath: file.path).deletingLastPathComponent().path
      guard let home = realPath(folder), let real = realPath(place),
        real.hasPrefix(home == "/" ? home : home + "/")
      else { throw file.beyondReach(path, "a part in \(source.file)") }
    }
    if let real = realPath(place), real == realPath(file.path) {
      // HDF5 does not open a file twice, and would give fill values.
      throw HDF5Error(
        file: file.path, object: path,
        message: "found the file itself as a part, \(source.file), expected other files or \".\"")
    }
    return try File.open(part: place, reach: file.reach).dataset(source.dataset)
  }

  private func creationProperties() throws(HDF5Error) -> Handle {
    try Handle(
      H5Dget_create_plist(id), "H5Dget_create_plist", file: file.path, object: path,
      closedBy: H5Pclose)
  }

  private func creationLayout() throws(HDF5Error) -> H5D_layout_t {
    let creation = try creationProperties()
    return H5Pget_layout(creation.id)
  }

  private static func text(_ name: [CChar]) -> String {
    String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

extension File {
  /// Where HDF5 finds a source of a virtual dataset: the first place that exists, or nil.
  fileprivate func place(of source: String) -> String? {
    var places: [String] = []
    var name = source
    if source.hasPrefix("/") {
      places.append(source)
      name = URL(filePath: source).lastPathComponent
    }
    let prefixes = ProcessInfo.processInfo.environment["HDF5_VDS_PREFIX"] ?? ""
    let folder = URL(filePath: path).deletingLastPathComponent().path
    for prefix in prefixes.split(separator: ":") {
      places.append(
        prefix.hasPrefix("${ORIGIN}")
          ? folder + prefix.dropFirst(9) + "/" + name : "\(prefix)/\(name)")
    }
    places.append("\(folder)/\(name)")
    places.append(name)
    if let real = realPath(path) {
      places.append(URL(filePath: real).deletingLastPathComponent().path + "/" + name)
    }
    return places.first { access($0, F_OK) == 0 }
  }
}

/// The path without links; nil if nothing is there.
private func realPath(_ path: String) -> String? {
  guard let real = realpath(path, nil) else { return nil }
  defer { free(real) }
  return String(cString: real)
}
