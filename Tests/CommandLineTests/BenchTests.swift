import Foundation
import Support
import TestSupport
import Testing

/// The parts of `cleave bench` that scripts use.
@Suite(.serialized) struct BenchTests {
  @Test func benchmarksAreListed() throws {
    try withTemporaryFolder { folder in
      let text = try Tool.succeed("bench", ranks: 2, in: folder)
      let names = text.split(separator: "\n").compactMap { $0.split(separator: " ").first }
      #expect(names.contains("rvae-mlp") && names.contains("reduction"))
      let document = try Tool.document("bench --json", in: folder)
      for name in names { #expect(document["benchmarks"]?[String(name)] != nil, "\(name)") }
      let help = try Tool.succeed("bench --help", in: folder)
      #expect(help.contains(text.trimmingCharacters(in: .newlines)))
    }
  }

  @Test func reductionTimesEveryPath() throws {
    try withTemporaryFolder { folder in
      let report = try Tool.document(
        "bench reduction --parameters 1000,2000 --json", ranks: 2, in: folder)
      #expect(report["benchmark"] == "reduction" && report["ranks"] == 2)
      guard case .array(let results)? = report["results"] else {
        Issue.record("no results in \(report)")
        return
      }
      #expect(results.map { $0["parameters"] } == [1000, 2000])
      for result in results {
        guard case .array(let paths)? = result["paths"] else {
          Issue.record("no paths in \(result)")
          return
        }
        #expect(paths.count == 5)
        for path in paths { #expect(try #require(path["median_us"]?.number) > 0, "\(path)") }
      }
    }
  }

  @Test func convolutionsAreTimedInEveryWay() throws {
    try withTemporaryFolder { folder in
      let report = try Tool.document("bench convolutions --batches 1 --json --quiet", in: folder)
      guard case .array(let results)? = report["results"] else {
        Issue.record("no results in \(report)")
        return
      }
      #expect(results.filter { $0["chosen"] == true }.count == 4, "\(report)")
    }
  }

  @Test func featuresOfInceptionAreTimed() throws {
    try withTemporaryFolder { folder in
      let report = try Tool.document(
        "bench inception --batch 3 --steps 1 --sides 28,40 --json --quiet", ranks: 2, in: folder)
      #expect(report["ranks"] == 2 && report["threads"] == 1 && report["batch"] == 3)
      guard case .array(let results)? = report["results"] else {
        Issue.record("no results in \(report)")
        return
      }
      #expect(results.map { $0["side"] } == [28, 40])
      for result in results {
        #expect(try #require(result["images_per_second"]?.number) > 0, "\(result)")
      }
    }
  }

  @Test func checkpointFilesAreRemoved() throws {
    try withTemporaryFolder { folder in
      let report = try Tool.document(
        "bench checkpoint --rows 21 --rounds 2 --json --quiet", ranks: 2, in: folder)
      #expect(report["rows"] == 21 && report["bytes"] == .integer(21 * 12_288 * 3))
      guard case .array(let rounds)? = report["rounds"] else {
        Issue.record("no rounds in \(report)")
        return
      }
      #expect(rounds.count == 2)
      #expect(try contents(of: folder).isEmpty)
    }
  }

  @Test func aWorkloadHasTheNamesThatScriptsRelyOn() throws {
    try withTemporaryFolder { folder in
      let result = try Tool.document("bench rvae-mlp --steps 2 --json", ranks: 2, in: folder)
      #expect(result["workload"] == "rvae-mlp" && result["ranks"] == 2 && result["threads"] == 1)
      #expect(result["batch"] == 200 && result["steps"] == 2)
      for name in ["images_per_second", "ms_per_step", "gflops"] {
        #expect(try #require(result[name]?.number) > 0)
      }
      guard case .array(let memory)? = result["peak_rss_mib"] else {
        Issue.record("no memory in \(result)")
        return
      }
      #expect(memory.count == 2)
    }
  }
}
