import Foundation
import HDF5
import MPI

/// A checkpoint that has been committed.
public struct SavedCheckpoint: Sendable {
  /// The checkpoint, readable at once.
  public let checkpoint: Checkpoint
  /// Bytes of row files that it shares with the checkpoint before it and did not write again.
  public let linkedBytes: Int
  /// Problems after the commit, with a link or with the removal of an old checkpoint.
  ///
  /// On rank 0 only.
  public let warnings: [String]
}

/// Which checkpoints stay when a new one has been saved.
public struct Retention: Equatable, Sendable {
  /// How many of the newest stay, at least 1.
  public let last: Int
  /// Whether the checkpoint of the lowest score stays too, with the link `best` to it.
  public let best: Bool

  /// Keeps the newest `last`, and the best where `best` says so.
  public init(last: Int, best: Bool) {
    precondition(last >= 1, "keeping \(last) checkpoints")
    self.last = last
    self.best = best
  }
}

extension CheckpointStore {
  /// Saves a checkpoint.
  ///
  /// **Collective.**
  ///
  /// Every rank writes its rows into a hidden directory; rank 0 writes the rest. All files are on
  /// the disk before one rename makes the checkpoint appear. Saving a step again replaces it.
  ///
  /// Unchanged row files are not written again: the files of the last checkpoint of this store
  /// get a second name (a hard link), where the file system can do that. Files are unchanged where
  /// the row state has the same layout and version, and the ranks hold the same rows.
  /// - Parameters:
  ///   - contents: Everything but the row state; needed on rank 0, ignored elsewhere.
  ///   - rows: This rank's rows; nil on a rank without rows. Over all ranks they must be each row
  ///     once, in rank order.
  ///   - score: Decides which checkpoint is best, the lower the better; the score of rank 0 counts.
  ///   - measure: What the score is; checkpoints are compared only by the same measure.
  ///   - retention: Which checkpoints stay.
  /// - Throws: one error on all ranks, for example of a full disk; earlier checkpoints stay.
  public mutating func save(
    _ contents: CheckpointContents?, rows: RowPart? = nil, score: Double? = nil,
    of measure: String? = nil, keeping retention: Retention, on communicator: Communicator
  ) throws -> SavedCheckpoint {
    precondition(!communicator.isRoot || contents != nil, "rank 0 has no contents to save")
    let header = try Header.shared(contents, score, of: measure, by: owner, on: communicator)
    let name = CheckpointName(step: header.step)
    let partial = path(CheckpointName(step: name.step, .partial, of: header.owner))
    let (manifest, linkedBytes): (Manifest, Int)
    do {
      try agree(name, on: communicator) {
        if communicator.isRoot { try prepare(partial) }
      }
      willWrite?(partial)
      (manifest, linkedBytes) = try write(contents, rows, header, into: partial, on: communicator)
      try agree(name, on: communicator) {
        if communicator.isRoot { try commit(manifest, partial, as: name) }
      }
    } catch {
      // Nobody else writes under this name. If it stays, the next owner removes it.
      if communicator.isRoot { try? Disk.remove(partial) }
      // A process that has lost the run says so, and not what it met then. Who removes the run may
      // need a moment to the end.
      if error is MPIError { throw error }
      try communicator.agree {
        guard communicator.isRoot, let mayCommit else { return }
        usleep(300_000)
        try mayCommit()
      }
      throw error
    }
    damaged.remove(name.text)
    let checkpoint = Checkpoint(directory: path(name), manifest: manifest)
    ancestor = checkpoint
    let warnings = communicator.isRoot ? tidy(after: name, keeping: retention) : []
    return SavedCheckpoint(
      checkpoint: checkpoint, linkedBytes: linkedBytes, warnings: warnings)
  }

  /// Runs `body` on every rank and throws on all of them, naming the checkpoint, if one rank fails.
  private func agree<Result>(
    _ name: CheckpointName, on communicator: Communicator, _ body: () throws -> Result
  ) throws -> Result {
    try communicator.agree {
      do {
        return try body()
      } catch let error where error is HDF5Error || error is CheckpointError {
        let number =
          (error as? HDF5Error)?.errorNumber ?? (error as? CheckpointError)?.errorNumber ?? EIO
        throw CheckpointError(
          path: path(name), message: "not saved: \(error)", errorNumber: number == 0 ? EIO : number)
      }
    }
  }

  /// Clears away the remains of a killed run and makes the hidden directory.
  private func prepare(_ partial: String) throws {
    // A process that has lost the run would clear away the work of another.
    try mayCommit?()
    try Disk.makeDirectory(directory)
    for name in try names() {
      switch name.stage {
      case .committed: continue
      case .partial:
        // Nobody touches what another owner writes: see `removeUnfinished`.
        if owner == nil || name.owner == nil || name.owner == owner { try Disk.remove(path(name)) }
      case .removed: try Disk.remove(path(name))
      case .replaced:
        // Killed between the two renames of `give`: put the old checkpoint back.
        let committed = CheckpointName(step: name.step)
        if !Disk.isDirectory(path(committed)) {
          try Disk.rename(path(name), to: path(committed))
        } else if !damaged.contains(committed.text) {
          try remove(name)
        }
      }
    }
    try Disk.makeNewDirectory(partial)
  }

  /// Removes the checkpoints that former owners of the run have begun and not finished.
  ///
  /// For a new owner, on rank 0, before it reads anything: a former owner that was only suspended
  /// then has nothing left to which it could give a name.
  ///
  /// - Throws: `CheckpointError` if something cannot be removed.
  public func removeUnfinished() throws {
    guard Disk.isDirectory(directory) else { return }
    for name in try names() where name.stage == .partial { try Disk.remove(path(name)) }
  }

  /// Writes all files and returns the manifest, and how many bytes were linked.
  ///
  /// **Collective.**
  private func write(
    _ contents: CheckpointContents?, _ rows: RowPart?, _ header: Header, into partial: String,
    on communicator: Communicator
  ) throws -> (Manifest, linkedBytes: Int) {
    let spans = try communicator.allGather([
      Int64(rows?.rows.lowerBound ?? 0), Int64(rows?.rows.count ?? 0),
    ])
    let layout = try sharedLayout(rows?.layout, on: communicator)
    let spansOfRanks = stride(from: 0, to: spans.count, by: 2).map {
      Int(spans[$0])..<Int(spans[$0] + spans[$0 + 1])
    }
    if let layout {
      let bounds = spansOfRanks.filter { !$0.isEmpty }
      let ends = bounds.map(\.upperBound)
      precondition(
        bounds.map(\.lowerBound) == [0] + ends.dropLast() && ends.last == layout.rows,
        "rows \(bounds) of the ranks are not \(layout.rows) rows in order")
    }
    let rowFiles = spansOfRanks.enumerated().filter { !$0.element.isEmpty }
      .map { (file: RowFile.name(rank: $0.offset), rows: $0.element) }
    let reusable = layout.map { reusableRowFiles(of: $0, rowFiles) } ?? []
    var linkedBytes = 0
    let own = try agree(CheckpointName(step: header.step), on: communicator) {
      var files: [Manifest.File] = []
      if let contents, communicator.isRoot {
        try ContentsFile.write(
          contents, rowLayout: layout, rowFiles: rowFiles, to: "\(partial)/\(ContentsFile.name)")
        files.append(try entry(ContentsFile.name, in: partial))
      }
      if let rows, !rows.rows.isEmpty {
        let file = RowFile.name(rank: communicator.rank)
        let path = "\(partial)/\(file)"
        if let ancestor, let earlier = reusable.first(where: { $0.file == file }),
          Disk.hardLink("\(ancestor.directory)/\(file)", to: path, bytes: earlier.bytes)
        {
          files.append(earlier)
          linkedBytes = earlier.bytes
        } else {
          files.append(try RowFile.write(rows, to: path, as: file))
        }
      }
      return String(decoding: try JSONEncoder().encode(files), as: UTF8.self)
    }
    let files = try communicator.allGather(own).flatMap {
      try JSONDecoder().decode([Manifest.File].self, from: Data($0.utf8))
    }
    let manifest = Manifest(
      format: Manifest.formatName, version: Manifest.currentVersion, step: header.step,
      ranks: communicator.size, lanes: header.lanes, blasKernel: header.blasKernel,
      score: header.score, measure: header.measure, data: header.data, rowLayout: layout,
      files: files)
    var linked = [Int64(linkedBytes)]
    try communicator.allReduce(&linked, .sum)
    return (manifest, Int(linked[0]))
  }

  /// The row files of the ancestor, where it holds this version of the rows in the same files.
  ///
  /// Every rank gets the same answer.
  private func reusableRowFiles(
    of layout: RowLayout, _ rowFiles: [(file: String, rows: Range<Int>)]
  ) -> [Manifest.File] {
    guard layout.version != nil, let manifest = ancestor?.manifest, manifest.rowLayout == layout
    else { return [] }
    let files = manifest.files.filter { $0.rows != nil }
    let isSame =
      files.map(\.file) == rowFiles.map(\.file) && files.map(\.rows) == rowFiles.map(\.rows)
    return isSame ? files : []
  }

  /// The layout of the row state on every rank, also on ranks without rows.
  ///
  /// **Collective.**
  private func sharedLayout(
    _ own: RowLayout?, on communicator: Communicator
  ) throws -> RowLayout? {
    let text = try own.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) } ?? ""
    let all = try communicator.allGather(text).filter { !$0.isEmpty }
    let layouts = try all.map { try JSONDecoder().decode(RowLayout.self, from: Data($0.utf8)) }
    precondition(
      layouts.allSatisfy { $0 == layouts.first }, "ranks disagree on the rows: \(layouts)")
    return layouts.first
  }

  private func entry(
    _ file: String, in directory: String
  ) throws(CheckpointError) -> Manifest.File {
    let (bytes, checksum) = try Disk.checksum(of: "\(directory)/\(file)")
    return Manifest.File(
      file: file, bytes: bytes, checksum: checksum, firstRow: nil, rowCount: nil, places: nil)
  }

  /// Makes the hidden directory the checkpoint `name`.
  ///
  /// Where that step has been saved before, the old checkpoint steps aside until the new one is in
  /// place. Its name of that time is known to readers.
  private func commit(_ manifest: Manifest, _ partial: String, as name: CheckpointName) throws {
    try Disk.write(manifest.text(), to: "\(partial)/\(Manifest.fileName)")
    try Disk.synchronize(partial)
    try mayCommit?()
    try give(partial, name)
    try Disk.synchronize(directory)
    let replaced = CheckpointName(step: name.step, .replaced)
    if Disk.isDirectory(path(replaced)) { try remove(replaced) }
  }

  /// Names the hidden directory by a rename.
  ///
  /// It fails where another owner has removed that directory, or has saved the step: then what was
  /// there is there again.
  private func give(_ partial: String, _ name: CheckpointName) throws {
    let replaced = CheckpointName(step: name.step, .replaced)
    if Disk.isDirectory(partial) && Disk.isDirectory(path(name)) {
      if Disk.isDirectory(path(replaced)) {
        // `prepare` has left the older checkpoint because its successor is damaged.
        try remove(name)
      } else {
        try Disk.rename(path(name), to: path(replaced))
      }
    }
    do { try Disk.rename(partial, to: path(name)) } catch {
      if Disk.isDirectory(path(replaced)) && !Disk.isDirectory(path(name)) {
        try Disk.rename(path(replaced), to: path(name))
      }
      throw error
    }
  }

  /// Removes a checkpoint; a rename hides it first, so that nobody meets half of it.
  func remove(_ name: CheckpointName) throws(CheckpointError) {
    let hidden = path(CheckpointName(step: name.step, .removed))
    try Disk.remove(hidden)
    try Disk.rename(path(name), to: hidden)
    try Disk.remove(hidden)
  }
}

/// Values that rank 0 alone knows and the manifest of every rank needs.
private struct Header: Codable {
  var step = 0
  var lanes = 0
  var blasKernel = ""
  var score: Double?
  var measure: String?
  var data: String?
  var owner: String?

  /// The values of rank 0, on every rank.
  ///
  /// **Collective.**
  static func shared(
    _ contents: CheckpointContents?, _ score: Double?, of measure: String?, by owner: String?,
    on communicator: Communicator
  ) throws -> Header {
    var own = Header()
    if let contents {
      let progress = contents.progress
      let finite = score.flatMap { $0.isFinite ? $0 : nil }
      own = Header(
        step: progress.step, lanes: progress.lanes, blasKernel: progress.blasKernel, score: finite,
        measure: measure, data: contents.data?.digest, owner: owner)
    }
    let text = String(decoding: try JSONEncoder().encode(own), as: UTF8.self)
    return try JSONDecoder().decode(
      Header.self, from: Data(try communicator.broadcast(text).utf8))
  }
}
