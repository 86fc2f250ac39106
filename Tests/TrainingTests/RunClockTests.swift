import Foundation
import Support
import TestSupport
import Testing

@testable import Training

/// When a run had made its steps, by files as a run leaves them.
@Suite struct RunClockTests {
  private func session(_ started: String) -> JSONValue {
    [
      "started": .string("2026-01-01T\(started)Z"), "ranks": 1, "command": "cleave train",
      "hosts": ["here"],
    ]
  }

  private func write(_ folder: URL, first: String, last: String, _ steps: [(Int, String)]) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let mark: JSONValue = [
      "format": "cleave-run", "version": 1, "id": "0", "first": session(first),
      "last": session(last), "sessions": 1, "seconds_before_last": 0,
    ]
    try Data(mark.document.utf8).write(to: folder.appending(path: "run.json"))
    let lines = steps.map {
      "{\"kind\": \"step\", \"step\": \($0), \"time\": \"2026-01-01T\($1)Z\"}\n"
    }
    try Data(lines.joined().utf8).write(to: folder.appending(path: "metrics.jsonl"))
  }

  @Test func secondsCountFromTheBegin() throws {
    try withTemporaryFolder { folder in
      try write(
        folder, first: "00:00:00", last: "00:00:00", [(1, "00:00:05"), (4, "00:01:00")])
      let clock = try RunClock(RunDirectory(folder.path))
      #expect(clock.seconds(at: 1) == 5 && clock.seconds(at: 3) == 60)
      #expect(clock.seconds(at: 5) == nil)
    }
  }

  /// A second stage begins when the first has been trained.
  @Test func theFirstStageCounts() throws {
    try withTemporaryFolder { folder in
      try write(
        folder.appending(path: "first"), first: "00:00:00", last: "00:00:00", [(7, "00:09:30")])
      try Data().write(to: folder.appending(path: "first.h5"))
      try write(folder, first: "00:00:00", last: "00:10:00", [(3, "00:10:20")])
      #expect(try RunClock(RunDirectory(folder.path)).seconds(at: 3) == 570 + 20)
    }
  }
}
