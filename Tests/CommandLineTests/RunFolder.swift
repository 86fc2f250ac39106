import Foundation
import HDF5
import Support
import TestSupport
import Testing
import Training

/// A run's folder, to compare the results of runs.
struct RunFolder {
  let name: String
  let folder: URL

  /// The run `name` in a folder.
  init(_ name: String, in folder: URL) {
    self.name = name
    self.folder = folder
  }

  /// The run's own folder.
  var path: URL { folder.appending(path: name) }

  /// Digests of weights, optimizer and row state, in the newest checkpoint or in the checkpoint of
  /// a step.
  func digests(step: Int? = nil) throws -> JSONValue {
    var checkpoint = name
    if let step {
      let digits = String(step)
      checkpoint +=
        "/checkpoints/step-" + String(repeating: "0", count: 8 - digits.count) + digits
    }
    let info = try Tool.document("info \(checkpoint) --digest --json", in: folder)
    return try #require(info["digests"], "\(checkpoint)")
  }

  /// The names in the run's folder of checkpoints, with hidden names.
  var checkpoints: [String] {
    let path = path.appending(path: "checkpoints").path
    // Before the first checkpoint there is no such folder.
    return (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
  }

  /// The lines of the log, without the values that depend on time.
  func log() throws -> [JSONValue] {
    let text = try String(contentsOf: path.appending(path: "metrics.jsonl"), encoding: .utf8)
    return try text.split(separator: "\n").map {
      guard case .object(let members) = try JSONValue(parsing: String($0)) else { return .null }
      return .object(members.filter { !["images_per_second", "time"].contains($0.name) })
    }
  }

  /// The lines of one kind.
  func log(_ kind: String) throws -> [JSONValue] {
    try log().filter { $0["kind"] == .string(kind) }
  }

  /// All weights of the newest checkpoint, in name order.
  func weights() throws -> [Float] {
    let file = try File.open(path.appending(path: "checkpoints/latest/checkpoint.h5").path)
    let weights = try file.children(of: "/model").sorted().flatMap {
      try file.dataset("/model/\($0)").readAll(as: Float.self)
    }
    try file.close()
    return weights
  }

  /// Expects that the run is at rounding distance from another run.
  ///
  /// Over the first 300 steps, losses and their terms agree within 2e-6 of their size. The weights'
  /// difference is within 1e-5 of their norm; c1 and c2 agree within 1e-5.
  func expectClose(to other: RunFolder) throws {
    let names: Comment = "\(name) and \(other.name)"
    let (mine, others) = (try log("step").prefix(300), try other.log("step").prefix(300))
    #expect(mine.count == others.count && !mine.isEmpty, names)
    let terms = Self.differences(Array(mine), Array(others))
    #expect(Set(terms.keys).isSuperset(of: ["loss", "reconstruction", "step"]), names)
    for (term, difference) in terms { #expect(difference < 2e-6, "\(term) of \(names)") }

    let outer = Self.differences(try log("outer"), try other.log("outer"))
    #expect(outer["c1"] != nil && outer["c2"] != nil, names)
    for (term, difference) in outer { #expect(difference < 1e-5, "\(term) of \(names)") }

    let (w, v) = (try weights(), try other.weights())
    #expect(w.count == v.count && !w.isEmpty, names)
    var (difference, size) = (0.0, 0.0)
    for (a, b) in zip(w, v) {
      difference += Double(a - b) * Double(a - b)
      size += Double(a) * Double(a)
    }
    #expect((difference / size).squareRoot() < 1e-5, "weights of \(names)")
  }

  /// The largest relative difference of each number that both lists of lines have.
  private static func differences(_ a: [JSONValue], _ b: [JSONValue]) -> [String: Double] {
    var largest: [String: Double] = [:]
    for (mine, other) in zip(a, b) {
      guard case .object(let members) = mine else { continue }
      for member in members {
        guard let x = member.value.number else { continue }
        let y = other[member.name]?.number ?? .infinity
        let difference = x == y ? 0 : abs(x - y) / max(abs(x), abs(y))
        largest[member.name] = max(largest[member.name] ?? 0, difference.isNaN ? 1 : difference)
      }
    }
    return largest
  }
}

/// A corrupted set of digits for runs whose lanes are of unequal length.
func prepareDigits(_ count: Int, in folder: URL) throws {
  try Tool.succeed("synthesize digits --count \(count) --test 0 --out clean.h5", in: folder)
  try Tool.succeed("corrupt clean.h5 d.h5 --noise salt-pepper:0.25", in: folder)
}

/// Small networks on batches of 64 in 8 lanes, every step logged.
let small =
  "--data d.h5 --set hidden=64 --set latent=8 --set batch=64 --set log_every=1 --set grid_every=0 "
  + "--quiet"
