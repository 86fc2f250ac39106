import CKernels

/// Adds vectors in a fixed order, one cache-sized piece at a time.
///
/// The order is a program in postfix notation. So one loop serves a tree over lanes and a plain sum
/// over ranks.
final class SliceSum {
  /// A step of a program.
  enum Step: Equatable, Sendable {
    /// Pushes an input on the stack.
    case push(Int)
    /// Replaces the two top vectors by their sum; the lower vector is the left term.
    case add
  }

  private static let pieceFloats = 2048
  private let steps: [Step]
  private let scratch: UnsafeMutablePointer<Float>
  private let stack: UnsafeMutablePointer<UnsafePointer<Float>>

  /// The number of inputs.
  let inputCount: Int

  /// Prepares a program; the program must leave one vector on the stack.
  init(_ steps: [Step]) {
    var (depth, deepest, inputs) = (0, 0, 0)
    for step in steps {
      switch step {
      case .push:
        depth += 1
        inputs += 1
      case .add:
        precondition(depth >= 2, "an addition without two operands")
        depth -= 1
      }
      deepest = Swift.max(deepest, depth)
    }
    precondition(depth == 1, "the program leaves \(depth) vectors")
    self.steps = steps
    inputCount = inputs
    scratch = allocateFloats(deepest * Self.pieceFloats)
    stack = .allocate(capacity: deepest)
  }

  /// The sum over ranks in rank order: ((g0 + g1) + g2) + g3.
  static func inOrder(_ count: Int) -> [Step] {
    (0..<count).flatMap { $0 == 0 ? [.push(0)] : [.push($0), .add] }
  }

  /// The sum from the right: g0 + (g1 + (g2 + g3)).
  static func fromTheRight(_ count: Int) -> [Step] {
    (0..<count).map { .push($0) } + Array(repeating: .add, count: count - 1)
  }

  /// Writes the sum of `count` floats of each input to `output`; `output` may be an input.
  ///
  /// A single input is not copied.
  func sum(
    _ inputs: UnsafePointer<UnsafePointer<Float>>, count: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    eachPiece(of: count) { add(inputs, $0, into: output + $0.lowerBound) }
  }

  /// Hands on `count` summed floats in pieces; each piece is still in the nearest cache.
  ///
  /// The program must contain an addition.
  func sum(
    _ inputs: UnsafePointer<UnsafePointer<Float>>, count: Int,
    each body: (UnsafeMutablePointer<Float>, Range<Int>) -> Void
  ) {
    eachPiece(of: count) {
      add(inputs, $0, into: scratch)
      body(scratch, $0)
    }
  }

  private func eachPiece(of count: Int, _ body: (Range<Int>) -> Void) {
    var start = 0
    while start < count {
      let end = Swift.min(start + Self.pieceFloats, count)
      body(start..<end)
      start = end
    }
  }

  /// Runs the program on one piece.
  private func add(
    _ inputs: UnsafePointer<UnsafePointer<Float>>, _ piece: Range<Int>,
    into output: UnsafeMutablePointer<Float>
  ) {
    var depth = 0
    for (index, step) in steps.enumerated() {
      switch step {
      case .push(let input):
        stack[depth] = inputs[input] + piece.lowerBound
        depth += 1
      case .add:
        depth -= 1
        let isLast = index == steps.count - 1
        let target = isLast ? output : scratch + (depth - 1) * Self.pieceFloats
        ck_add(target, stack[depth - 1], stack[depth], piece.count)
        stack[depth - 1] = UnsafePointer(target)
      }
    }
  }

  deinit {
    scratch.deallocate()
    stack.deallocate()
  }
}

/// Zeroed floats; the first float starts a cache line.
func allocateFloats(_ count: Int) -> UnsafeMutablePointer<Float> {
  let memory = UnsafeMutableRawPointer.allocate(byteCount: Swift.max(count, 1) * 4, alignment: 64)
  return memory.initializeMemory(as: Float.self, repeating: 0, count: count)
}
