import Foundation
import HDF5
import MPI
import Testing

@testable import Checkpoints

/// Any number of named arrays of any type lives with the rows.
struct RowStates {
  private let run: SampleRun
  private let arrays = [
    RowArray("S", .float16), RowArray("Y"), RowArray("counts", .steps, step: 0.25),
  ]

  init() throws { run = try SampleRun() }

  private func layout(_ arrays: [RowArray], version: Int? = nil) -> RowLayout {
    RowLayout(rows: 7, rowShape: [2, 2, 1], arrays: arrays, version: version)
  }

  /// 28 values that every type of element can hold.
  private func values(_ array: Int) -> [Float] {
    (0..<28).map { Float(($0 * (array + 3)) % 41 - 20) / 4 }
  }

  private func stored(_ array: Int, _ element: RowElement) -> [UInt8] {
    let values = values(array)
    switch element {
    case .float32: return values.withUnsafeBytes { Array($0) }
    case .float16: return values.map { Float16($0) }.withUnsafeBytes { Array($0) }
    case .steps: return values.map { UInt8(bitPattern: Int8($0 * 4)) }
    }
  }

  /// Passes `body` the memory of all arrays as one rank holds it.
  private func withPart<Result>(
    _ arrays: [RowArray], _ body: (RowPart) throws -> Result
  ) rethrows -> Result {
    let memory = arrays.enumerated().map { index, array in
      let bytes = stored(index, array.element)
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
      memory.copyBytes(from: bytes)
      return memory
    }
    defer { for array in memory { array.deallocate() } }
    return try body(
      RowPart(
        rows: 0..<7, of: layout(arrays), arrays: memory.map { UnsafeRawBufferPointer($0) }))
  }

  private func saved(_ arrays: [RowArray], step: Int = 1) throws -> Checkpoint {
    try withPart(arrays) {
      try run.store.save(
        run.contents(step: step), rows: $0, keeping: Retention(last: 9, best: false), on: .alone()
      ).checkpoint
    }
  }

  /// The bytes of rows in memory after a load.
  private func loaded(
    _ rows: Range<Int>, _ arrays: [RowArray], of checkpoint: Checkpoint
  ) throws -> [[UInt8]] {
    let memory = arrays.map {
      UnsafeMutableRawBufferPointer.allocate(
        byteCount: rows.count * 4 * $0.element.bytes, alignment: 64)
    }
    defer { for array in memory { array.deallocate() } }
    for array in memory { array.initializeMemory(as: UInt8.self, repeating: 0) }
    try checkpoint.load(RowTarget(rows: rows, of: layout(arrays), arrays: memory))
    return memory.map { Array($0) }
  }

  private func expectRows(_ arrays: [RowArray], in checkpoint: Checkpoint) throws {
    for rows in [0..<7, 2..<5, 6..<7, 3..<3] {
      let found = try loaded(rows, arrays, of: checkpoint)
      for (index, array) in arrays.enumerated() {
        let row = 4 * array.element.bytes
        let bytes = stored(index, array.element)[rows.lowerBound * row..<rows.upperBound * row]
        #expect(found[index] == Array(bytes), "\(array), \(rows)")
      }
    }
  }

  @Test func threeArraysOfThreeTypesAreKept() throws {
    let checkpoint = try saved(arrays)
    #expect(checkpoint.problems() == [])
    #expect(checkpoint.manifest.rowLayout?.arrays == arrays)
    try expectRows(arrays, in: checkpoint)
    for (index, array) in arrays.enumerated() {
      #expect(try checkpoint.read(array.name, rows: 0..<7) == values(index))
      #expect(try checkpoint.read(array.name, rows: 4..<6) == Array(values(index)[16..<24]))
    }
  }

  @Test func anyHDF5ReaderSeesThemByName() throws {
    let file = try File.open(saved(arrays).directory + "/checkpoint.h5")
    for (index, type) in [ElementType.float16, .float32, .int8].enumerated() {
      try file.dataset("/split/\(arrays[index].name)").expect(type, shape: [7, 2, 2, 1])
    }
    #expect(try file.doubleAttribute("scale", on: "/split/counts") == 0.25)
    #expect(try file.doubleAttribute("scale", on: "/split/S") == nil)
    #expect(try file.dataset("/split/Y").readAll() == values(1))
  }

  @Test func theManifestListsThem() throws {
    let path = try saved(arrays).directory + "/manifest.json"
    let text = try Data(contentsOf: URL(fileURLWithPath: path))
    let json = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
    let rows = try #require(json["split"] as? [String: Any])
    let list = try #require(rows["arrays"] as? [[String: Any]])
    #expect(list.map { $0["name"] as? String } == ["S", "Y", "counts"])
    #expect(list.map { $0["type"] as? String } == ["float16", "float32", "int8"])
    #expect(list.map { $0["step"] as? Double } == [nil, nil, 0.25])
  }

  @Test func digestsDoNotDependOnNames() throws {
    let first = try saved([RowArray("S"), RowArray("R")], step: 1)
    let second = try saved([RowArray("S"), RowArray("variance")], step: 2)
    #expect(try first.digests().rowState == second.digests().rowState)
    let third = try saved([RowArray("S"), RowArray("R"), RowArray("Y")], step: 3)
    #expect(try first.digests().rowState != third.digests().rowState)
  }

  @Test func otherArraysDoNotFit() throws {
    let checkpoint = try saved([RowArray("S"), RowArray("R")])
    func fits(_ arrays: [RowArray]) throws -> Bool {
      checkpoint.manifest.rowLayout?.hasMemory(of: layout(arrays)) ?? false
    }
    #expect(try fits([RowArray("S"), RowArray("R")]))
    #expect(try !fits([RowArray("S"), RowArray("Y")]))
    #expect(try !fits([RowArray("S"), RowArray("R", .float16)]))
    #expect(try !fits([RowArray("S")]))
  }

  // MARK: - Checkpoints of earlier versions

  /// Turns the manifest of a checkpoint of S and R into the text of earlier versions.
  ///
  /// The oldest version kept no storage, no version and no places of rows.
  private func makeFormer(_ checkpoint: Checkpoint, oldest: Bool) throws -> Checkpoint {
    let path = URL(fileURLWithPath: checkpoint.directory + "/manifest.json")
    var json = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: path)) as? [String: Any])
    let arrays = try #require(checkpoint.manifest.rowLayout?.arrays)
    var rowState: [String: Any] = ["rows": 7, "row_shape": [2, 2, 1]]
    if !oldest {
      rowState["version"] = 4
      rowState["storage"] = arrays[0].element == .float16 ? "compact" : "float32"
      rowState["residual_step"] = arrays[1].step
    }
    var files = try #require(json["files"] as? [[String: Any]])
    var places = try #require(files[1]["layout"] as? [String: Any])
    let offsets = try #require(places.removeValue(forKey: "offsets") as? [Int])
    (places["sparse_offset"], places["residual_offset"]) = (offsets[0], offsets[1])
    files[1]["layout"] = oldest ? nil : places
    (json["split"], json["files"], json["checksum"]) = (rowState, files, nil)
    let data = try JSONSerialization.data(withJSONObject: json, options: [.prettyPrinted])
    let body = String(decoding: data, as: UTF8.self).dropLast(2) + ",\n  \"checksum\" : \""
    let digest = Digest()
    digest.update(Array(body.utf8))
    try Data((body + digest.text + "\"\n}\n").utf8).write(to: path)
    return try Checkpoint(directory: checkpoint.directory)
  }

  /// Arrays of earlier versions are found by their position: a model may have given the second a
  /// name since.
  @Test(arguments: ["R", "variance"], [false, true])
  func floatsOfBeforeAreLoaded(name: String, oldest: Bool) throws {
    let former = [RowArray("S"), RowArray("R")]
    let checkpoint = try makeFormer(saved(former), oldest: oldest)
    #expect(checkpoint.problems() == [])
    #expect(checkpoint.manifest.rowLayout?.arrays == former)
    #expect(checkpoint.manifest.rowLayout?.version == (oldest ? nil : 4))
    #expect((checkpoint.manifest.files.last?.places == nil) == oldest)
    #expect(try checkpoint.read("R", rows: 0..<7) == values(1))
    try expectRows([RowArray("S"), RowArray(name)], in: checkpoint)
  }

  @Test func compactArraysOfBeforeAreLoaded() throws {
    let arrays = [RowArray("S", .float16), RowArray("R", .steps, step: 0.25)]
    let checkpoint = try saved(arrays)
    let digests = try checkpoint.digests()
    let former = try makeFormer(checkpoint, oldest: false)
    #expect(former.manifest.rowLayout?.arrays == arrays)
    #expect(try former.digests() == digests)
    try expectRows(arrays, in: former)
    #expect(try !loadedOnResume(7, [RowArray("S"), RowArray("R")]))
    #expect(try loadedOnResume(7, arrays))
  }

  /// A resume finds a checkpoint of an earlier version; the next checkpoint gives its arrays their
  /// names.
  @Test func whatFollowsACheckpointOfBeforeHasNames() throws {
    let former = [RowArray("S"), RowArray("R")]
    let checkpoint = try makeFormer(saved(former), oldest: false)
    let named = [RowArray("S"), RowArray("variance")]
    #expect(try loadedOnResume(7, named))
    // The version is that of the previous checkpoint: unchanged rows, but under another name.
    let next = try run.store.save(
      run.contents(step: 2), rows: RowPart(zero: 0..<7, of: layout(named, version: 4)),
      keeping: Retention(last: 9, best: false), on: .alone())
    #expect(next.linkedBytes == 0 && next.checkpoint.problems() == [])
    #expect(next.checkpoint.manifest.rowLayout?.arrays == named)
    #expect(try next.checkpoint.read("variance", rows: 0..<7) == Array(repeating: 0, count: 28))
    #expect(checkpoint.problems() == [])
  }

  /// Finds the newest checkpoint as a new process does, and returns whether it fills the arrays.
  private func loadedOnResume(_ rows: Int, _ arrays: [RowArray]) throws -> Bool {
    let memory = arrays.map {
      UnsafeMutableRawBufferPointer.allocate(byteCount: rows * 4 * $0.element.bytes, alignment: 64)
    }
    defer { for array in memory { array.deallocate() } }
    for array in memory { array.initializeMemory(as: UInt8.self, repeating: 0) }
    run.store = CheckpointStore(run: run.path)
    let selection = try run.store.newestValid(
      on: .alone(), loading: RowTarget(rows: 0..<rows, of: layout(arrays), arrays: memory))
    #expect(selection.skipped == [] && selection.checkpoint != nil)
    guard selection.isLoaded else { return false }
    #expect(memory.enumerated().allSatisfy { Array($1) == stored($0, arrays[$0].element) })
    return true
  }
}
