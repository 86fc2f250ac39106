import Support

/// What the folders of pictures tell: splits and classes.
///
/// Folders that all pictures share tell nothing. If the next folder of every picture is named
/// train, test, val or alike, it is the picture's split. If then every picture lies in one of
/// several folders, and not each alone, the folder is its class.
struct PictureFolders {
  /// The split of each picture; nil if folders tell none.
  let splits: [Split]?
  /// The number of each picture's class; nil if folders tell none.
  let labels: [Int32]?
  /// The names of the classes, sorted.
  let classes: [String]
  /// What was decided, a line each.
  let notes: [String]

  private static let words: [String: Split] = [
    "train": .train, "training": .train, "test": .test, "testing": .test, "val": .validation,
    "valid": .validation, "validation": .validation,
  ]

  /// Reads the folders of pictures.
  ///
  /// - Parameters:
  ///   - names: names with folders.
  ///   - hasOrigins: whether the first folder of each is the name of one of several sources.
  init(_ names: [String], hasOrigins: Bool) {
    let all = names.map { $0.split(separator: "/").dropLast() }
    // Of several sources, each may hold the same folders.
    let views = hasOrigins ? [all, all.map { $0.dropFirst() }] : [all]
    let inSplits = views.lazy.compactMap(Self.splits).first
    splits = inSplits?.splits
    let candidates = inSplits.map { [$0.rest] } ?? views.reversed()
    let found = candidates.lazy.compactMap(Self.classes).first
    classes = found?.names ?? []
    labels = found?.labels
    var notes: [String] = []
    if let splits {
      let counts = Split.allCases.compactMap { split in
        let count = splits.count { $0 == split }
        return count > 0 ? "\(Quantity.grouped(count)) \(split.rawValue)" : nil
      }
      notes.append("splits by the folders of these names: " + counts.joined(separator: ", "))
    }
    if let found {
      notes.append(
        "labels of \(found.names.count) classes, by the folders "
          + Quantity.list(found.names, atMost: 8)
          + ": each picture lies in one of several folders")
    } else if let why = Self.whyNone(candidates[candidates.count - 1]) {
      notes.append("no labels: \(why); folders are kept in names")
    }
    self.notes = notes
  }

  /// The number of first folders that all pictures share.
  private static func shared(_ folders: [ArraySlice<Substring>]) -> Int {
    guard var common = folders.first else { return 0 }
    for folder in folders {
      common = common.prefix(zip(common, folder).prefix { $0 == $1 }.count)
    }
    return common.count
  }

  private static func splits(
    _ folders: [ArraySlice<Substring>]
  ) -> (splits: [Split], rest: [ArraySlice<Substring>])? {
    let own = folders.map { $0.dropFirst(shared(folders)) }
    let splits = own.compactMap { $0.first.flatMap { words[$0.lowercased()] } }
    return splits.count == own.count ? (splits, own.map { $0.dropFirst() }) : nil
  }

  private static func classes(
    _ folders: [ArraySlice<Substring>]
  ) -> (names: [String], labels: [Int32])? {
    guard whyNone(folders) == nil else { return nil }
    let own = folders.map { $0.dropFirst(shared(folders)).first.map(String.init) ?? "" }
    let names = Set(own).sorted(by: ImageSource.precedes)
    guard names.count > 1 else { return nil }
    let numbers = Dictionary(
      uniqueKeysWithValues: names.enumerated().map { ($1, Int32($0)) })
    return (names, own.map { numbers[$0] ?? 0 })
  }

  /// Why folders are no classes; nil if they are, or if there is one folder alone.
  private static func whyNone(_ folders: [ArraySlice<Substring>]) -> String? {
    let own = folders.map { $0.dropFirst(shared(folders)).first }
    guard own.contains(where: { $0 != nil }) else { return nil }
    let outside = own.count { $0 == nil }
    if outside > 0 {
      return "\(Quantity.count(outside, "picture")) "
        + "\(outside == 1 ? "lies" : "lie") outside of the folders of the others"
    }
    return Set(own).count == own.count ? "each folder holds one picture" : nil
  }
}
