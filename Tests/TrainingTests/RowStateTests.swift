import Checkpoints
import Tensors
import Testing

@testable import Training

/// Reading, replacing and rounding of the arrays that live with the rows.
struct RowStateTests {
  private let rows = 3..<8
  private let d = 6

  private func values(_ state: RowState, _ name: String) -> [Float] {
    let storage = Storage(count: rows.count * d)
    state.copy(name, rows, to: storage.pointer)
    return (0..<storage.count).map { storage.pointer[$0] }
  }

  /// Fills S with i / 4 - 3 and each further array with its negative, in blocks of two rows.
  private func filled(_ arrays: [RowArray]) -> RowState {
    let state = RowState(rows: rows, dimensions: d, arrays: arrays)
    state.beginUpdate(within: Dictionary(uniqueKeysWithValues: arrays.map { ($0.name, 31.75) }))
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: 2) {
      let some = first..<min(first + 2, rows.upperBound)
      state.update(some) { arrays in
        for i in 0..<some.count * d {
          let value = Float((first - rows.lowerBound) * d + i) / 4 - 3
          for (array, floats) in arrays.enumerated() { floats[i] = array == 0 ? value : -value }
        }
      }
    }
    state.endUpdate()
    return state
  }

  private var expected: [Float] { (0..<30).map { Float($0) / 4 - 3 } }

  @Test func arraysAreZeroUntilTheFirstUpdate() {
    let state = RowState(
      rows: rows, dimensions: d,
      arrays: [RowArray("S", .float16), RowArray("Y"), RowArray("R", .steps)])
    #expect(state.version == 0 && state.rowBytes == d * 7)
    #expect(state.compactCount == 2 && state.needsBounds)
    for name in ["S", "Y", "R"] { #expect(values(state, name).allSatisfy { $0 == 0 }) }
  }

  /// Quarters are multiples of the step 31.75 / 127.
  @Test(arguments: [RowElement.float32, .float16, .steps])
  func anUpdateReplacesEveryArray(element: RowElement) {
    let state = filled([RowArray("S", element), RowArray("Y"), RowArray("R", .steps)])
    #expect(state.version == 1)
    #expect(values(state, "S") == expected)
    #expect(values(state, "Y") == expected.map { -$0 })
    #expect(values(state, "R") == expected.map { -$0 })
    #expect(state.arrays.map(\.step) == [element == .steps ? 0.25 : 1, 1, 0.25])
  }

  @Test(arguments: [RowElement.float32, .float16, .steps])
  func subtractingLeavesL(element: RowElement) {
    let state = filled([RowArray("Y"), RowArray("S", element)])
    let pixels = Storage(count: rows.count * d)
    for i in 0..<pixels.count { pixels.pointer[i] = 1 }
    state.subtract(rows, from: pixels.pointer)
    #expect((0..<30).allSatisfy { pixels.pointer[$0] == 1 + expected[$0] })
    for i in 0..<pixels.count { pixels.pointer[i] = 1 }
    [Int32(7), 3].withUnsafeBufferPointer { state.subtract($0, from: pixels.pointer) }
    #expect((0..<6).allSatisfy { pixels.pointer[$0] == 1 + expected[24 + $0] })
    #expect((0..<6).allSatisfy { pixels.pointer[6 + $0] == 1 + expected[$0] })
  }

  /// A second update reads the floats of the first update, which had another step.
  @Test func anUpdateReadsWhatIsThere() {
    let state = filled([RowArray("S", .float16), RowArray("R", .steps)])
    state.beginUpdate(within: ["R": 127])
    state.update(rows) { arrays in
      for i in 0..<rows.count * d {
        #expect(arrays[0][i] == expected[i] && arrays[1][i] == -expected[i])
        (arrays[0][i], arrays[1][i]) = (2 * arrays[0][i], 4 * arrays[1][i])
      }
    }
    state.endUpdate()
    #expect(values(state, "S") == expected.map { 2 * $0 })
    #expect(values(state, "R") == expected.map { -4 * $0 })
    #expect(state.arrays[1].step == 1 && state.version == 2)
  }
}
