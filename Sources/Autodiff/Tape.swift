import CKernels
import Tensors

/// Records the operations of one step and runs them backwards.
///
/// Every step uses the same tape again: `reset` takes memory and nodes back without freeing them.
/// So only the first step allocates.
///
/// Parameters belong to groups (bits of a mask). A backward pass reaches the requested groups and
/// skips every product that only other groups need. Values stay on the tape until `reset`, so
/// several losses can share earlier values (the phases of an adversarial step).
public final class Tape {
  /// A node's part of the backward pass: reads the node's gradient, adds to the gradients of its
  /// inputs.
  ///
  /// A function without captures.
  typealias Backward = (Tape, Int) -> Void

  struct Node {
    var shape: Shape
    var value: UnsafeMutablePointer<Float>
    var gradient: UnsafeMutablePointer<Float>?
    /// The groups of all parameters on which the value depends.
    var groups: UInt64 = 0
    var backward: Backward?
    var inputs: (Int, Int, Int) = (-1, -1, -1)
    /// Values that the forward pass keeps for the backward pass.
    var saved: (UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?) = (nil, nil)
    var scalar: Float = 0
    var activation = Activation.identity
    var convolution: ConvolutionPlan?
    /// Place of the parameter in its model, for a leaf; -1 otherwise.
    var parameter = -1
    var offset = 0
    /// Links of the products put off; -1 for none.
    ///
    /// `uses`, of a weight: the last use put off. `nextUse`, of a use: the use put off before it.
    var uses = -1, nextUse = -1
    /// Whether the running backward pass reaches this node.
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
  /// Measurements of statistics by forward passes, not yet used by an update.
  private var observed: [Observation] = []

  private struct Observation {
    let parameter: Int
    var sum: UnsafeMutablePointer<Float>
    var uses: Float
    var isOfEarlierPhase = false
  }

  /// The lanes of a training batch; nil where running averages are read.
  public var training: MicrobatchLanes?

  /// Called every few milliseconds of long passes, for work that must not wait long.
  public var whileComputing: (() -> Void)?

  /// An empty tape.
  public init() {}

  /// Forgets all nodes and takes their memory back.
  ///
  /// Earlier variables must not be used again.
  public func reset() {
    nodes.removeAll(keepingCapacity: true)
    arena.reset()
    newPhase()
    observed.removeAll(keepingCapacity: true)
  }

  /// Starts a phase: parameters may have changed, so later uses make new leaves.
  public func newPhase() {
    for i in leaves.indices { leaves[i] = -1 }
    for i in observed.indices { observed[i].isOfEarlierPhase = true }
  }

  func allocate(_ count: Int) -> UnsafeMutablePointer<Float> { arena.allocate(count) }

  /// Memory for one operation: at least `count` floats with undefined content.
  func workspace(_ count: Int) -> UnsafeMutablePointer<Float> {
    if work.count < count { work = Storage(count: count) }
    return work.pointer
  }

  /// A value without gradient and with undefined content; the caller fills it through `pointer`.
  public func constant(_ shape: Shape) -> Variable {
    record(Node(shape: shape, value: arena.allocate(shape.count)))
  }

  /// A value without gradient: a copy of `tensor`.
  public func constant(_ tensor: Tensor) -> Variable {
    let variable = constant(tensor.shape)
    variable.pointer.update(from: tensor.pointer, count: tensor.shape.count)
    return variable
  }

  /// A parameter as a leaf; each phase has one leaf for a parameter.
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

  /// Notes a batch's measurement of a statistic; `values` must not change before `reset`.
  ///
  /// Several measurements in one phase count with their mean. A phase may update a statistic
  /// without measuring it, because it continues from values of an earlier phase. It then takes over
  /// the measurement of the earlier phase.
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
  ///   - loss: one value for each example, `[B]`.
  ///   - scale: 1 / (global batch), so that sums over ranks and lanes are means over the batch.
  ///   - gradients: flat memory with each parameter's gradient at its offset. The first
  ///     contribution overwrites, later contributions add; so nobody clears the memory.
  ///   - parameters: all parameters of the model, in order.
  ///   - ready: called once for each parameter of the groups, when its gradient is complete. The
  ///     backward pass does not read the parameter's value after that.
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
        whileComputing?()
      }
    }
  }

  /// Marks the nodes between the loss and the parameters of the mask; counts each parameter's
  /// leaves.
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

  /// Whether the running backward pass needs a gradient for this node.
  func needs(_ index: Int) -> Bool { index >= 0 && nodes[index].groups & mask != 0 }

  /// Where an operation puts its contribution to a node's gradient.
  ///
  /// - Returns: the place, and whether the contribution adds to earlier contributions or is the
  ///   first.
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

  /// The complete gradient of a node whose backward function is running.
  func incoming(_ index: Int) -> UnsafeMutablePointer<Float> {
    guard let gradient = nodes[index].gradient else { preconditionFailure("node without gradient") }
    return gradient
  }
}

/// The lanes in a training batch.
///
/// Batch statistics are taken for each lane separately, so they do not depend on the number of
/// ranks.
public struct MicrobatchLanes: Equatable, Sendable {
  /// Examples of each lane; the lanes lie one below another.
  public let rows: Int
  /// The weight of a lane's measurement: 1 / (lanes of the run).
  public let share: Float

  /// A batch with `rows` examples of each lane; the run has `lanes` lanes.
  public init(rows: Int, lanes: Int) {
    self.rows = rows
    share = 1 / Float(lanes)
  }
}

/// A value on a tape: a tensor with the way of its gradient to the parameters.
public struct Variable {
  /// The tape that holds the value.
  public let tape: Tape
  let index: Int

  init(_ tape: Tape, _ index: Int) {
    self.tape = tape
    self.index = index
  }

  /// The extents of the value.
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

  /// A node that depends on this variable and on up to two more.
  ///
  /// `backward` runs if a parameter stands behind any of them.
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
