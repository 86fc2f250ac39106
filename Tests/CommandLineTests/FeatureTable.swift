import Foundation
import TestSupport
import Testing

/// A table of features with labels and groups, and the data set that is made of it.
enum FeatureTable {
  /// The sizes of the groups a, b and c.
  static let sizes = [24, 40, 33]
  static let columns = 8

  /// A table of rows around a plane of each group, a tenth of which lie elsewhere (label 1).
  static func writeTable(_ name: String, columns: Int = columns, in folder: URL) throws {
    var text = "label,query," + (0..<columns).map { "f\($0)" }.joined(separator: ",") + "\n"
    var state: UInt64 = 7
    func next() -> Double {  // -1...1
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 33) / Double(1 << 30) - 1
    }
    for (group, size) in sizes.enumerated() {
      for row in 0..<size {
        let isOutlier = row % 10 == 9
        let (u, v) = (next(), next())
        let values = (0..<columns).map { column -> Double in
          let plane = 4 * u * Double(column % 3) - 3 * v * Double(column % 2) + Double(group)
          return isOutlier ? 9 * next() : plane + 0.05 * next()
        }
        text += "\(isOutlier ? 1 : 0),\(["a", "b", "c"][group])"
        text += values.map { ",\($0)" }.joined() + "\n"
      }
    }
    try text.write(to: folder.appending(path: name), atomically: true, encoding: .utf8)
  }

  /// Writes `t.csv` and imports it as `f.h5`.
  static func prepare(in folder: URL) throws {
    try writeTable("t.csv", in: folder)
    try Tool.succeed("import features t.csv --out f.h5 --quiet", in: folder)
  }

  /// Expects that a command ends with a status and a line.
  static func fails(_ line: String, _ status: Int32, _ message: String, in folder: URL) throws {
    let run = try Tool.run(line, in: folder)
    #expect(run.status == status, "cleave \(line)\n\(run)")
    let last = run.errors.split(separator: "\n").last.map(String.init) ?? ""
    #expect(last.contains(message), "\(last)")
  }

  /// A short training of the affine iC-VAE on the data set.
  static let sweeps =
    "features-ic-affine --data f.h5 --set lanes=4 --set epochs=20 --set log_every=1 --quiet"
}
