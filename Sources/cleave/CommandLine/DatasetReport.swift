import Datasets
import Support
import Training

/// The content of a data set file, as commands print it.
struct DatasetReport {
  private let path: String
  private let summary: DatasetSummary
  /// The splits that hold features.
  private var features: [String: FeatureSummary] = [:]

  /// Reads the file's summary.
  ///
  /// - Throws: `HDF5Error` or `DatasetError` if the file is not a data set.
  init(of path: String) throws {
    self.path = path
    summary = try DatasetSummary(of: path)
    for split in splits { features[split] = try FeatureSummary(of: path, split: split) }
  }

  /// The names of the splits with images.
  var splits: [String] {
    summary.splits.keys.filter { summary.splits[$0]?["images"] != nil }.sorted(by: Self.order)
  }

  /// The names of the splits with pictures of mixed sizes.
  var mixedSplits: [String] {
    summary.splits.keys.filter { summary.splits[$0]?["pixels"] != nil }.sorted(by: Self.order)
  }

  /// Prints the content as text, or as the document of `cleave info --json`.
  func print(on console: Console, asJSON: Bool) {
    console.result(asJSON ? json.document : text)
  }

  private var json: JSONValue {
    let splits = summary.splits.keys.sorted(by: Self.order).map { split in
      JSONValue.Member(split, .object(extents(of: split)))
    }
    var members = [JSONValue.Member("format", .string(summary.format))]
    if let name = summary.name { members.append(JSONValue.Member("name", .string(name))) }
    if let source = summary.source { members.append(JSONValue.Member("source", .string(source))) }
    members.append(JSONValue.Member("splits", .object(splits)))
    let noise = summary.noise.keys.sorted(by: Self.order).map { split in
      JSONValue.Member(split, .string(summary.noise[split] ?? ""))
    }
    if !noise.isEmpty { members.append(JSONValue.Member("noise", .object(noise))) }
    let found = self.splits.compactMap { split in
      features[split].map { JSONValue.Member(split, Self.document($0)) }
    }
    if !found.isEmpty { members.append(JSONValue.Member("features", .object(found))) }
    return .object(members)
  }

  private static func document(_ features: FeatureSummary) -> JSONValue {
    func counts(_ items: [(name: String, count: Int)]) -> JSONValue {
      .object(items.map { JSONValue.Member($0.name, .integer($0.count)) })
    }
    return [
      "rows": .integer(features.rows), "columns": .integer(features.columns),
      "scaling": .string(features.scaling.rawValue),
      "labels": counts(features.labels.map { ($0.name, $0.count) }),
      "groups": counts(features.groups.map { ($0.name, $0.count) }),
    ]
  }

  /// Groups and labels of a split, a line each.
  private static func lines(_ features: FeatureSummary) -> [String] {
    func line(_ title: String, _ items: [(name: String, count: Int)]) -> String? {
      let words = items.map { "\($0.name.printable) \(Quantity.grouped($0.count))" }
      return words.isEmpty ? nil : "    \(title): \(Quantity.list(words, atMost: 12))"
    }
    return [
      line("labels", features.labels.map { ($0.name, $0.count) }),
      line(
        Quantity.count(features.groups.count, "group"),
        features.groups.map { ($0.name, $0.count) }),
    ].compactMap { $0 }
  }

  private func extents(of split: String) -> [JSONValue.Member] {
    let datasets = summary.splits[split] ?? [:]
    return datasets.keys.sorted(by: Self.order).map { name in
      JSONValue.Member(name, .array((datasets[name] ?? []).map { .integer($0) }))
    }
  }

  private var text: String {
    let mixed = mixedSplits.map { split -> String in
      let datasets = summary.splits[split] ?? [:]
      let count = datasets["sizes"]?.first ?? 0
      let (pixels, channels) = (datasets["pixels"]?.first ?? 0, datasets["pixels"]?.last ?? 0)
      let others = datasets.keys.sorted(by: Self.order).filter {
        !["pixels", "sizes"].contains($0)
      }
      let with = others.isEmpty ? "" : ", with \(others.map(\.printable).joined(separator: ", "))"
      return "  \(split.printable): \(Quantity.grouped(count)) pictures of mixed sizes, "
        + "\(Quantity.grouped(pixels)) pixels of \(Quantity.count(channels, "channel"))\(with)"
    }
    let lines = splits.flatMap { split -> [String] in
      let datasets = summary.splits[split] ?? [:]
      let images = datasets["images"] ?? []
      let shape = images.dropFirst().map(String.init).joined(separator: "x")
      let others = datasets.keys.sorted(by: Self.order).filter { $0 != "images" }.map { name in
        name == "attributes" ? "\(datasets[name]?.last ?? 0) attributes" : name.printable
      }
      let noise = summary.noise[split].map { ", noise \($0.printable)" } ?? ""
      let with = others.isEmpty ? "" : ", with \(others.joined(separator: ", "))"
      guard let found = features[split] else {
        return [
          "  \(split.printable): \(Quantity.grouped(images.first ?? 0)) images of \(shape)\(noise)\(with)"
        ]
      }
      let extent = ImageShape(features: found.columns).extent(of: found.rows)
      return [
        "  \(split.printable): \(extent), scaling \(found.scaling.rawValue)\(noise)\(with)"
      ] + Self.lines(found)
    }
    let name = summary.name.map { " \($0.printable)" } ?? ""
    return (["\(path.printable): data set\(name)"] + lines + mixed).joined(separator: "\n")
  }

  /// The order of splits and datasets: well-known names first, then other names alphabetically.
  private static func order(_ a: String, _ b: String) -> Bool {
    let known = ["train", "validation", "test", "images", "labels", "attributes", "names", "clean"]
    let ranks = [a, b].map { known.firstIndex(of: $0) ?? known.count }
    return ranks[0] == ranks[1] ? a < b : ranks[0] < ranks[1]
  }
}
