import CKernels
import Tensors

/// Records the operations of one step and runs them backwards.
///
/// A tape is used again for every step: `reset` takes its memory and its list of nodes back without freeing them, so a
/// step allocates nothing once the first one has run. Parameters belong to groups (bits of a mask); a backward pass
/// reaches the groups asked for and skips every product that only others need. Values stay on the tape until
/// `reset`, so several losses can share what was computed before (the phases of an adversarial step).
public final class Tape {
  /// A node's part of the backward pass: reads its gradient, adds to those of its inputs.
  ///
  /// A function without captures.
  typealias Backward = (Tape, Int) -> Void

  struct Node {
    var shape: Shape
    var value: UnsafeMutablePointer<Float>
    var gradient: UnsafeMutablePointer<Float>?
    /// Groups of the parameters that the value depends on.
    var groups: UInt64 = 0
    var backward: Backward?
    var inputs: (Int, Int, Int) = (-1, -1, -1)
    /// What the forward pass keeps for the backward pass.
    var saved: (UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?) = (nil, nil)
    var scalar: Float = 0
    var activation = Activation.identity
    var convolution: ConvolutionPlan?
    /// Place of the parameter in its model, for a leaf; -1 otherwise.
    var parameter = -1
    var offset = 0
    /// Of a weight, the last use whose product was put off; of a use, the one put off before it; -1 for none.
    var uses = -1, nextUse = -1
    /// Whether the running backward pass comes here.
    var reached = false
  }

  var nodes: [Node] = []
  let arena = Arena()
  private(set) var work = Storage(count: 0)
  private var leaves: [Int] = []
  private var pending: [Int] = []
  private var written: [Bool] = []
  private var mask: UInt64 = 0
  private var gradients: UnsafeMutablePointer<Float>?
  /// What the forward passes measured for parameters that are statistics and no update has used yet.
  private var observed: [Observation] = []

  private struct Observation {
    let parameter: Int
    var sum: UnsafeMutablePointer<Float>
    var uses: Float
    var isOfEarlierPhase = false
  }

  /// How a training pass is made of lanes; nil for a pass that reads running averages.
  public var training: LanePass?

  /// An empty tape.
  public init() {}

  /// Forgets all nodes and takes their memory back.
  ///
  /// Variables of before must not be used again.
  public func reset() {
    nodes.removeAll(keepingCapacity: true)
    arena.reset()
    newPhase()
    observed.removeAll(keepingCapacity: true)
  }

  /// Parameters may have changed since they were last used: later uses are new leaves.
  public func newPhase() {
    for i in leaves.indices { leaves[i] = -1 }
    for i in observed.indices { observed[i].isOfEarlierPhase = true }
  }

  func allocate(_ count: Int) -> UnsafeMutablePointer<Float> { arena.allocate(count) }

  /// Memory for the course of one operation, at least `count` floats of undefined content.
  func workspace(_ count: Int) -> UnsafeMutablePointer<Float> {
    if work.count < count { work = Storage(count: count) }
    return work.pointer
  }

  /// A value without gradient, of undefined content, for the caller to fill through `pointer`.
  public func constant(_ shape: Shape) -> Variable {
    record(Node(shape: shape, value: arena.allocate(shape.count)))
  }

  /// A value without gradient: a copy of `tensor`.
  public func constant(_ tensor: Tensor) -> Variable {
    let variable = constant(tensor.shape)
    variable.pointer.update(from: tensor.pointer, count: tensor.shape.count)
    return variable
  }

  /// A parameter as a leaf; the same leaf within a phase.
  public func leaf(_ parameter: Parameter) -> Variable {
    precondition(parameter.index >= 0, "parameter \(parameter.shape) was not collected")
    while leaves.count <= parameter.index { leaves.append(-1) }
    if leaves[parameter.index] >= 0 { return Variable(self, leaves[parameter.index]) }
    var node = Node(shape: parameter.shape, value: parameter.value)
    node.groups = 1 << UInt64(parameter.group)
    node.parameter = parameter.index
    node.offset = parameter.offset
    leaves[parameter.index] = nodes.count
    return record(node)
  }

  /// Takes note of a batch's measurement of a statistic; `values` stay as they are until `reset`.
  ///
  /// Of several uses in one phase the mean counts. A phase that updates the statistic without measuring it, since it goes
  /// on from values of an earlier one, takes over what was measured then.
  func observe(_ parameter: Parameter, _ values: UnsafeMutablePointer<Float>) {
    let new = Observation(parameter: parameter.index, sum: values, uses: 1)
    guard let known = observed.firstIndex(where: { $0.parameter == parameter.index }) else {
      return observed.append(new)
    }
    if observed[known].isOfEarlierPhase {
      observed[known] = new
      return
    }
    ck_add(observed[known].sum, observed[known].sum, values, parameter.shape.count)
    observed[known].uses += 1
  }

  func record(_ node: Node) -> Variable {
    nodes.append(node)
    return Variable(self, nodes.count - 1)
  }

  // MARK: - Backward

  /// Gradients of `sum(loss) * scale` with respect to the parameters of `groups`.
  ///
  /// - Parameters:
  ///   - loss: one value an example, `[B]`.
  ///   - scale: 1 / (global batch), so that sums over ranks and lanes are means over the batch.
  ///   - gradients: flat memory in which each parameter's gradient lies at its offset. The first contribution stores,
  ///     later ones add, so it needs no clearing.
  ///   - parameters: all parameters of the model, in their order.
  ///   - ready: called once for each parameter of the groups when its gradient is whole and its value will not be read
  ///     again by this pass.
  public func backward(
    from loss: Variable, scale: Float, groups: UInt64, into gradients: UnsafeMutablePointer<Float>,
    parameters: [Parameter], ready: (Int) -> Void
  ) {
    precondition(loss.tape === self, "the loss is on another tape")
    self.mask = groups
    self.gradients = gradients
    reach(from: loss.index, parameters: parameters.count)
    for parameter in parameters
    where groups >> UInt64(parameter.group) & 1 == 1 && pending[parameter.index] == 0 {
      let target = gradients + parameter.offset
      if let known = observed.firstIndex(where: { $0.parameter == parameter.index }) {
        let found = observed.remove(at: known)
        ck_copy(target, found.sum, parameter.shape.count)
        ck_scale(target, (training?.share ?? 1) / found.uses, parameter.shape.count)
      } else {
        precondition(parameter.role == .trained, "a statistic of the phase was not measured")
        target.update(repeating: 0, count: parameter.shape.count)
      }
      ready(parameter.index)
    }
    let seed = gradient(of: loss.index).pointer
    seed.update(repeating: scale, count: loss.shape.count)
    var index = loss.index
    while index >= 0 {
      defer { index -= 1 }
      guard nodes[index].reached else { continue }
      makeProducts(of: index)
      let parameter = nodes[index].parameter
      if parameter >= 0 {
        pending[parameter] -= 1
        if pending[parameter] == 0 { ready(parameter) }
      } else if nodes[index].gradient != nil, let backward = nodes[index].backward {
        backward(self, index)
      }
    }
  }

  /// Marks the nodes between the loss and the parameters of the mask, and counts each parameter's leaves.
  private func reach(from last: Int, parameters: Int) {
    if pending.count != parameters {
      pending = Array(repeating: 0, count: parameters)
      written = Array(repeating: false, count: parameters)
    }
    for i in 0..<parameters {
      pending[i] = 0
      written[i] = false
    }
    for i in nodes.indices {
      nodes[i].reached = false
      nodes[i].gradient = nil
      nodes[i].uses = -1
    }
    nodes[last].reached = nodes[last].groups & mask != 0
    var index = last
    while index >= 0 {
      defer { index -= 1 }
      guard nodes[index].reached else { continue }
      if nodes[index].parameter >= 0 { pending[nodes[index].parameter] += 1 }
      let inputs = nodes[index].inputs
      if needs(inputs.0) { nodes[inputs.0].reached = true }
      if needs(inputs.1) { nodes[inputs.1].reached = true }
      if needs(inputs.2) { nodes[inputs.2].reached = true }
    }
  }

  /// Whether the running backward pass wants a gradient for this node.
  func needs(_ index: Int) -> Bool { index >= 0 && nodes[index].groups & mask != 0 }

  /// Where an operation puts its contribution to a node's gradient, and whether it adds to others or is the first.
  func gradient(of index: Int) -> (pointer: UnsafeMutablePointer<Float>, adds: Bool) {
    let parameter = nodes[index].parameter
    if parameter >= 0 {
      guard let gradients else { preconditionFailure("no backward pass is running") }
      defer { written[parameter] = true }
      return (gradients + nodes[index].offset, written[parameter])
    }
    if let gradient = nodes[index].gradient { return (gradient, true) }
    let gradient = arena.allocate(nodes[index].shape.count)
    nodes[index].gradient = gradient
    return (gradient, false)
  }

  /// The gradient that has come together for a node whose backward function is running.
  func incoming(_ index: Int) -> UnsafeMutablePointer<Float> {
    guard let gradient = nodes[index].gradient else { preconditionFailure("node without gradient") }
    return gradient
  }
}

/// How the batch of a training pass is made of lanes.
///
/// Batch statistics are taken of each lane by itself, so they do not depend on the number of ranks.
public struct LanePass: Equatable, Sendable {
  /// Examples of each lane; the lanes lie one after the other.
  public let rows: Int
  /// What a lane's measurement counts for: 1 / (lanes of the run).
  public let share: Float

  /// `rows` examples of each of the run's `lanes` lanes.
  public init(rows: Int, lanes: Int) {
    self.rows = rows
    share = 1 / Float(lanes)
  }
}

/// A value on a tape: a tensor, and how its gradient finds the parameters it came from.
public struct Variable {
  /// The tape it lives on.
  public let tape: Tape
  let index: Int

  init(_ tape: Tape, _ index: Int) {
    self.tape = tape
    self.index = index
  }

  /// Its extents.
  public var shape: Shape { tape.nodes[index].shape }
  /// The elements, row-major; valid until the tape is reset.
  public var pointer: UnsafeMutablePointer<Float> { tape.nodes[index].value }
  /// A copy of the elements.
  public var values: [Float] {
    Array(UnsafeBufferPointer(start: pointer, count: shape.count))
  }
  /// The sum of all elements, in double precision.
  public var sum: Double { ck_sum(pointer, shape.count) }

  /// The same value, as data: no gradient flows through it.
  public func detached() -> Variable {
    tape.record(Tape.Node(shape: shape, value: pointer))
  }

  /// A node made of this one and up to two more; `backward` runs if any of them leads to a parameter.
  func node(
    _ shape: Shape, value: UnsafeMutablePointer<Float>? = nil, _ second: Variable? = nil,
    _ third: Variable? = nil, backward: @escaping Tape.Backward
  ) -> Tape.Node {
    var node = Tape.Node(shape: shape, value: value ?? tape.allocate(shape.count))
    node.inputs = (index, second?.index ?? -1, third?.index ?? -1)
    node.groups = tape.nodes[index].groups
    if let second { node.groups |= tape.nodes[second.index].groups }
    if let third { node.groups |= tape.nodes[third.index].groups }
    node.backward = backward
    return node
  }
}

extension Variable {
  /// A parameter as a leaf of this variable's tape.
  public func parameter(_ parameter: Parameter) -> Variable { tape.leaf(parameter) }
}
