import Foundation
import MPI

/// The checkpoints of a run: RUN/checkpoints/step-00001200 and so on.
///
/// A checkpoint appears by one rename, so a reader sees a whole checkpoint or none. Links lead to
/// the `latest` and the `best`. Nothing depends on links, so a run may die at any moment.
public struct CheckpointStore {
  /// RUN/checkpoints.
  public let directory: String
  /// Names found damaged when resuming: they do not count when old checkpoints are pruned.
  var damaged: Set<String> = []
  /// The checkpoint that this process has last saved or gone on from.
  ///
  /// While the row state does not change, its row files serve the next checkpoint as well.
  var ancestor: Checkpoint?
  /// Called on every rank with the hidden directory of a new checkpoint, before files are written.
  public var willWrite: ((_ directory: String) -> Void)?
  /// Called on rank 0 before anything is changed and before a checkpoint gets its name; an error
  /// leaves it without one.
  public var mayCommit: (() throws -> Void)?
  /// The owner of the run, hexadecimal digits in the name of a checkpoint in progress; rank 0's
  /// counts.
  public var owner: String?

  /// The checkpoints of the run in directory `run`, which has to exist when one is saved.
  public init(run: String) {
    directory = run + "/checkpoints"
  }

  /// The path of something in the directory.
  func path(_ name: CheckpointName) -> String { "\(directory)/\(name.text)" }

  /// The checkpoints that a reader may find, newest first.
  ///
  /// A checkpoint that is being replaced comes after its successor.
  func candidates() throws(CheckpointError) -> [CheckpointName] {
    guard Disk.isDirectory(directory) else { return [] }
    return try names().filter { $0.stage == .committed || $0.stage == .replaced }
      .sorted { a, b in
        a.step == b.step ? a.stage == .committed : a.step > b.step
      }
  }

  /// The steps of the checkpoints that a reader may find, oldest first.
  ///
  /// - Throws: `CheckpointError` if the directory cannot be read.
  public func steps() throws(CheckpointError) -> [Int] {
    Array(Set(try candidates().map(\.step))).sorted()
  }

  /// All checkpoints in any stage.
  func names() throws(CheckpointError) -> [CheckpointName] {
    try Disk.names(in: directory).compactMap { CheckpointName($0) }
  }
}

// MARK: - Resuming

extension CheckpointStore {
  /// The checkpoint that a search found.
  public struct Selection: Sendable {
    /// A checkpoint whose checksums hold; nil where there is none.
    public let checkpoint: Checkpoint?
    /// Whether the target was filled with the checkpoint's rows.
    public let isLoaded: Bool
    /// One line for each damaged checkpoint before it in the search, with its name and file.
    public let skipped: [String]
  }

  /// Finds the newest checkpoint whose checksums hold.
  ///
  /// **Collective.**
  ///
  /// Rank 0 looks for candidates; every rank then checks its share of the files of a candidate.
  /// - Parameters:
  ///   - step: The last step that will do.
  ///   - target: Where this rank wants its rows; given on all ranks or on none. Then every rank
  ///     reads its rows once and checks them. The memory has to be zero before. Its content is
  ///     undefined where no checkpoint is found.
  /// - Throws: `CheckpointError` if the directory cannot be read; `MPIError`.
  public mutating func newestValid(
    on communicator: Communicator, upTo step: Int = .max, loading target: RowTarget? = nil
  ) throws -> Selection {
    let store = self
    return try firstWhole(on: communicator, loading: target) {
      try store.candidates().filter { $0.step <= step }
    }
  }

  /// The oldest checkpoint before a step whose checksums hold; nil where there is none.
  ///
  /// **Collective.**
  ///
  /// - Throws: `CheckpointError` if the directory cannot be read; `MPIError`.
  public mutating func oldestValid(
    on communicator: Communicator, before step: Int
  ) throws -> Checkpoint? {
    let store = self
    return try firstWhole(on: communicator, loading: nil) {
      try store.candidates().filter { $0.step < step }.reversed()
    }.checkpoint
  }

  /// The checkpoint that the link `best` leads to, if its checksums hold.
  ///
  /// Finds none where there is no such link.
  ///
  /// **Collective.**
  ///
  /// - Throws: `CheckpointError` if the directory cannot be read; `MPIError`.
  public mutating func best(on communicator: Communicator) throws -> Selection {
    let link = directory + "/best"
    return try firstWhole(on: communicator, loading: nil) {
      guard let name = try? FileManager.default.destinationOfSymbolicLink(atPath: link) else {
        return []
      }
      return [CheckpointName(name)].compactMap { $0 }
    }
  }

  /// The first checkpoint of a list whose checksums hold; rank 0 makes the list.
  ///
  /// Its files are held open, so that it stays whole for this process. The list is made anew when
  /// the run removes or replaces a checkpoint of it in the meantime. **Collective.**
  private mutating func firstWhole(
    on communicator: Communicator, loading target: RowTarget?, _ list: () throws -> [CheckpointName]
  ) throws -> Selection {
    for _ in 0..<Self.mostSearches {
      if let selection = try search(on: communicator, loading: target, list) { return selection }
    }
    return try communicator.agree {
      throw CheckpointError(
        path: directory,
        message: "found checkpoints that are removed faster than they can be read; try again")
    }
  }

  /// Searches of a reader whose checkpoints are removed while it looks at them.
  private static let mostSearches = 100

  /// One search; nil if a checkpoint was removed under it.
  ///
  /// **Collective.**
  private mutating func search(
    on communicator: Communicator, loading target: RowTarget?, _ list: () throws -> [CheckpointName]
  ) throws -> Selection? {
    let listing = try communicator.agree {
      communicator.isRoot ? try list().map(\.text).joined(separator: "\n") : ""
    }
    let names = try communicator.broadcast(listing).split(separator: "\n")
    var skipped: [String] = []
    for name in names.compactMap({ CheckpointName(String($0)) }) {
      switch try opened(name, loading: target, on: communicator) {
      case .whole(let checkpoint):
        ancestor = checkpoint
        let isLoaded = target.map { checkpoint.fits($0) } ?? false
        return Selection(checkpoint: checkpoint, isLoaded: isLoaded, skipped: skipped)
      case .gone: return nil
      case .damaged(let problems):
        damaged.insert(name.text)
        skipped.append("checkpoint \(name.text) skipped: \(problems.joined(separator: "; "))")
      }
    }
    return Selection(checkpoint: nil, isLoaded: false, skipped: skipped)
  }

  private enum Opened {
    case whole(Checkpoint)
    case damaged([String])
    case gone
  }

  /// Opens a candidate and checks every byte of it.
  ///
  /// **Collective.**
  private func opened(
    _ name: CheckpointName, loading target: RowTarget?, on communicator: Communicator
  ) throws -> Opened {
    let folder = try? HeldFiles(path(name), [])
    // Rank 0 reads the manifest; an empty text means that it is damaged, and the reason follows.
    var (text, problem) = ("", "")
    if communicator.isRoot {
      do { text = try readManifest(of: name, held: folder).text } catch { problem = "\(error)" }
    }
    text = try communicator.broadcast(text)
    problem = try communicator.broadcast(problem)
    if text.isEmpty {
      return try isGone(folder, on: communicator) ? .gone : .damaged([problem])
    }
    let manifest = try Manifest(text: text, path: path(name))
    let needed = manifest.files.indices.filter { index in
      guard let target, let rows = manifest.files[index].rows else { return true }
      return rows.overlaps(target.rows) || index % communicator.size == communicator.rank
    }
    let held = folder?.holding(needed.map { manifest.files[$0].file })
    let checkpoint = Checkpoint(directory: path(name), manifest: manifest, held: held)
    var found = folder == nil ? ["\(name.text): cannot be opened"] : []
    for (index, file) in manifest.files.enumerated() {
      if let target, file.rows != nil, checkpoint.fits(target) {
        if let error = checkpoint.problem(loading: file, into: target) {
          found.append("\(file.file): \((error as? CheckpointError)?.message ?? "\(error)")")
        }
      } else if index % communicator.size == communicator.rank {
        if let problem = checkpoint.problem(with: file, .checksums) { found.append(problem) }
      }
    }
    var problems: [String] = []
    for line in try communicator.allGather(found.joined(separator: "\n"))
      .flatMap({ $0.split(separator: "\n").map(String.init) })
    where !problems.contains(line) {
      problems.append(line)
    }
    if problems.isEmpty { return .whole(checkpoint) }
    return try isGone(held, on: communicator) ? .gone : .damaged(problems)
  }

  /// Whether a checkpoint in which problems were found was removed or replaced, on some rank.
  ///
  /// **Collective.**
  private func isGone(_ held: HeldFiles?, on communicator: Communicator) throws -> Bool {
    var flag = [Int64(held?.isInPlace == true ? 0 : 1)]
    try communicator.allReduce(&flag, .max)
    return flag[0] > 0
  }

  /// The manifest of a candidate, which must be of the step that its name says.
  func manifest(of name: CheckpointName, held: HeldFiles? = nil) throws -> Manifest {
    try readManifest(of: name, held: held).manifest
  }

  private func readManifest(
    of name: CheckpointName, held: HeldFiles?
  ) throws -> (manifest: Manifest, text: String) {
    let (manifest, text) = try Manifest.read(in: path(name), held: held)
    guard manifest.step == name.step else {
      throw CheckpointError(
        path: path(name), message: "found step \(manifest.step) in it, expected \(name.step)")
    }
    return (manifest, text)
  }
}
