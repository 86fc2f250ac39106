import Foundation
import HDF5
import MPI
import Testing

@testable import Checkpoints

/// Numbers that no run saves are refused when they are read, whatever the checksums say.
struct NonFiniteStates {
  let run: SampleRun

  init() throws { run = try SampleRun() }

  private func save(_ change: (inout CheckpointContents) -> Void) throws -> Checkpoint {
    var contents = run.contents(step: 1)
    change(&contents)
    return try run.store.save(
      contents, keeping: Retention(last: 9, best: false), on: .alone()
    ).checkpoint
  }

  private func message(_ checkpoint: Checkpoint) -> String {
    do {
      _ = try checkpoint.contents()
      return "read"
    } catch { return "\(error)" }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func weights(value: Float) throws {
    let checkpoint = try save {
      $0.model[1] = NamedArray(name: "encoder.0.bias", shape: [2], values: [1, value])
    }
    #expect(checkpoint.problems(.contents).isEmpty)  // the checksum holds
    #expect(checkpoint.problems() == [message(checkpoint)])
    #expect(
      message(checkpoint)
        == "\(checkpoint.contentsPath): /model/encoder.0.bias: found \(value), expected finite "
        + "numbers; no run saves others")
    #expect(throws: HDF5Error.self) { try checkpoint.digests() }
  }

  /// The square of a gradient may overflow; its weight then stays, and training goes on.
  @Test(arguments: [
    ("exp_avg", Float.infinity, false), ("exp_avg_sq", .infinity, true),
    ("square_avg", .infinity, true), ("exp_avg_sq", .nan, false), ("square_avg", -.infinity, false),
    ("exp_avg_sq", -1e-12, false), ("exp_avg", -1, true),
  ])
  func moments(key: String, value: Float, isRead: Bool) throws {
    let entry = OptimizerEntry(
      parameter: "encoder.0.bias", key: key, shape: [2], values: [value, 1])
    let checkpoint = try save {
      $0.optimizer = [OptimizerGroup(name: "all", step: 1, entries: [entry])]
    }
    let message = message(checkpoint)
    let words = key.contains("sq") ? "squares" : "finite numbers"
    let expected = "/optimizer/all/encoder.0.bias/\(key): found \(value), expected \(words)"
    #expect(isRead ? message == "read" : message.contains(expected), "\(message)")
  }

  @Test(arguments: [RowElement.float32, .float16]) func rows(element: RowElement) throws {
    let layout = RowLayout(rows: 5, rowShape: [2, 3, 1], arrays: [RowArray("S", element)])
    var bytes: [UInt8] = []
    for value in 0..<30 {
      let value = value == 17 ? Float.nan : Float(value)
      if element == .float32 {
        withUnsafeBytes(of: value) { bytes += $0 }
      } else {
        withUnsafeBytes(of: Float16(value)) { bytes += $0 }
      }
    }
    let checkpoint = try bytes.withUnsafeBytes {
      try run.store.save(
        run.contents(step: 1), rows: RowPart(rows: 0..<5, of: layout, arrays: [$0]),
        keeping: Retention(last: 9, best: false), on: .alone()
      ).checkpoint
    }
    let expected = CheckpointError(
      path: checkpoint.path(of: "rows-00000.h5"),
      message: "/S: found nan, expected finite numbers; no run saves others")
    #expect(try checkpoint.read("S", rows: 0..<2) == (0..<12).map { Float($0) })
    #expect(throws: expected) { try checkpoint.read("S", rows: 1..<5) }
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
    defer { memory.deallocate() }
    #expect(throws: expected) {
      try checkpoint.load(RowTarget(rows: 0..<5, of: layout, arrays: [memory]))
    }
  }
}
