import CHDF5
import Foundation
import Testing

@testable import HDF5

/// Files that name other files: links, external storage, virtual datasets.
@Suite(.serialized) struct ReachTests {
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    try FileManager.default.createDirectory(
      atPath: scratch("sub"), withIntermediateDirectories: true)
    for name in ["part.h5", "sub/part.h5", "sub/short.h5"] {
      let file = try File.create(scratch(name))
      let rows = name.hasSuffix("short.h5") ? 3 : 4
      try file.createDataset("/x", .uint8, shape: [rows, 2])
        .write([UInt8](repeating: 7, count: rows * 2))
      try file.close()
    }
  }

  /// A file with one virtual dataset `/v` of [4, 2].
  private func virtual(_ parts: [VirtualPart]) throws -> String {
    let path = scratch("sub/virtual.h5")
    let file = try File.create(path)
    try file.createVirtualDataset("/v", .uint8, shape: [4, 2], parts: parts)
    try file.close()
    return path
  }

  /// The elements that are read, or the error without the folder's name.
  private func outcome(_ path: String, _ name: String, _ reach: Reach) -> String {
    do {
      let values: [UInt8] = try File.open(path, reach: reach).dataset(name).readAll()
      return "\(values.count) of \(Set(values).sorted())"
    } catch {
      return "\(error)".replacingOccurrences(of: scratch.path + "/", with: "")
    }
  }

  @Test func partsOfVirtualDatasets() throws {
    func outcome(_ file: String, _ dataset: String = "/x", _ reach: Reach = .folder) throws
      -> String
    {
      self.outcome(
        try virtual([VirtualPart(file: file, dataset: dataset, rows: 0..<4)]), "/v", reach)
    }
    #expect(try outcome("part.h5") == "8 of [7]")
    #expect(
      try outcome("none.h5")
        == "sub/virtual.h5: /v: found no file none.h5, of which it shows /x")
    #expect(try outcome("part.h5", "/y") == "sub/part.h5: /y: no such dataset")
    #expect(try outcome("short.h5").hasPrefix("sub/short.h5: /x: found [3, 2], expected "))
    #expect(try outcome("../part.h5").hasPrefix("sub/virtual.h5: /v: found a part in ../part.h5"))
    #expect(try outcome("../part.h5", "/x", .anywhere) == "8 of [7]")
    #expect(try outcome(scratch("part.h5")).contains("--external reads other files"))
    #expect(try outcome("part.h5", "/x", .itself).contains("found a virtual dataset"))
    #expect(try outcome("virtual.h5", "/v").contains("found the file itself as a part"))
    // Rows that no part shows would read as zero.
    let gap = try virtual([VirtualPart(file: "part.h5", dataset: "/x", rows: 0..<4)])
    let file = try File.create(gap)
    try file.createVirtualDataset(
      "/v", .uint8, shape: [6, 2], parts: [VirtualPart(file: "part.h5", dataset: "/x", rows: 0..<4)]
    )
    try file.close()
    #expect(
      self.outcome(gap, "/v", .folder)
        == "sub/virtual.h5: /v: found 8 elements in its sources, expected all 12")
  }

  @Test func linksToOtherFiles() throws {
    let path = scratch("links.h5")
    let file = try File.create(path)
    let ids = (file.handle, chdf5_default_properties())
    #expect(H5Lcreate_external("part.h5", "/x", ids.0, "away", ids.1, ids.1) >= 0)
    #expect(H5Lcreate_soft("/away", ids.0, "soft", ids.1, ids.1) >= 0)
    try file.close()
    #expect(outcome(path, "/away", .folder).hasPrefix("links.h5: /away: found a link to part.h5"))
    #expect(outcome(path, "/soft", .folder) == "links.h5: /soft: no such dataset")
    for name in ["/away", "/soft"] {
      #expect(outcome(path, name, .anywhere) == "8 of [7]")
      #expect(
        try File.open(path, reach: .anywhere).dataset(name).sourceFiles == [scratch("part.h5")])
    }
    // A link to nothing says so, and is not taken for a dataset that nobody made.
    for (name, link) in [("none.h5", "/x"), ("part.h5", "/none")] {
      let path = scratch("links-\(name)")
      let file = try File.create(path)
      #expect(H5Lcreate_external(name, link, file.handle, "away", ids.1, ids.1) >= 0)
      try file.close()
      #expect(
        outcome(path, "/away", .anywhere)
          == "links-\(name): /away: found a link to \(link) of the file \(name), expected one that "
          + "leads to something")
    }
    // The elements lie at an offset of the other file, not of this one.
    #expect(try File.open(path, reach: .anywhere).dataset("/away").fileOffset == nil)
  }

  @Test func elementsInOtherFiles() throws {
    let path = scratch("external.h5")
    try Data(repeating: 9, count: 8).write(to: URL(filePath: scratch("raw")))
    let file = try File.create(path)
    let creation = try file.properties(chdf5_dataset_creation())
    #expect(H5Pset_external(creation.id, scratch("raw"), 0, 8) >= 0)
    _ = try file.createDataset("/e", .uint8, shape: [4, 2], creation: creation)
    try file.close()
    #expect(
      outcome(path, "/e", .folder).hasPrefix("external.h5: /e: found elements in the file raw"))
    #expect(outcome(path, "/e", .anywhere) == "8 of [9]")
    #expect(
      try File.open(path, reach: .anywhere).dataset("/e").sourceFiles == [scratch("raw")])

    // Elements that are missing would read as zeros, and HDF5 would wait for a pipe.
    #expect(truncate(scratch("raw"), 7) == 0)
    #expect(
      outcome(path, "/e", .anywhere)
        == "external.h5: /e: found elements in raw, a file of 7 bytes, expected a file of 8 bytes "
        + "at least")
    unlink(scratch("raw"))
    let none =
      "external.h5: /e: found elements in raw, which is no file here, expected a file of 8 "
    #expect(outcome(path, "/e", .anywhere) == none + "bytes at least")
    #expect(mkfifo(scratch("raw"), 0o600) == 0)
    #expect(outcome(path, "/e", .anywhere) == none + "bytes at least")
  }

  /// HDF5 would convert elements of another type, and give fill values for those never written.
  @Test func partsThatDoNotHoldWhatIsShown() throws {
    for (name, type, isWritten) in [
      ("sub/wide.h5", ElementType.int32, true), ("sub/float.h5", .float32, true),
      ("sub/empty.h5", .uint8, false),
    ] {
      let file = try File.create(scratch(name))
      let x = try file.createDataset("/x", type, shape: [4, 2], layout: .chunked([2, 2]))
      if isWritten { try x.write(rows: 0..<4, from: [Int32](repeating: 1, count: 8), as: type) }
      try file.close()
    }
    func outcome(_ file: String) throws -> String {
      self.outcome(
        try virtual([VirtualPart(file: file, dataset: "/x", rows: 0..<4)]), "/v", .folder)
    }
    for (name, type) in [("wide", "int32"), ("float", "float32")] {
      #expect(
        try outcome("\(name).h5")
          == "sub/\(name).h5: /x: found \(type), expected uint8 as in /v of sub/virtual.h5, which "
          + "shows it")
    }
    #expect(
      try outcome("empty.h5")
        == "sub/empty.h5: /x: found elements that were never written, which /v of sub/virtual.h5 "
        + "shows")
  }

  /// Virtual datasets that show each other never end.
  @Test func partsThatLeadBack() throws {
    for (name, other) in [("a.h5", "b.h5"), ("b.h5", "a.h5")] {
      let file = try File.create(scratch(name))
      try file.createVirtualDataset(
        "/v", .uint8, shape: [4, 2], parts: [VirtualPart(file: other, dataset: "/v", rows: 0..<4)])
      try file.close()
    }
    #expect(
      outcome(scratch("a.h5"), "/v", .folder)
        == "a.h5: found a part that leads back to this file, expected parts that do not show each "
        + "other")
  }

  @Test func pipesAndDevicesAreRefusedAtOnce() throws {
    #expect(mkfifo(scratch("pipe"), 0o600) == 0)
    #expect(outcome(scratch("pipe"), "/x", .folder) == "pipe: found a pipe, expected an HDF5 file")
    #expect(
      outcome("/dev/zero", "/x", .folder) == "/dev/zero: found a device, expected an HDF5 file")
  }

  @Test func unwrittenDatasets() throws {
    let file = try File.create(scratch("chunks.h5"))
    let data = try file.createDataset(
      "/x", .uint8, shape: [5, 4], layout: .chunked([2, 3], level: 4))
    #expect(data.allocation == .none && data.chunkRows == 2)
    try data.write(rows: 0..<2, from: [UInt8](repeating: 1, count: 8), as: .uint8)
    #expect(data.allocation == .part)
    try data.write([UInt8](repeating: 1, count: 20))
    #expect(data.allocation == .whole)
    try file.close()
  }
}
