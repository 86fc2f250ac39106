import COneDNN
import Tensors

/// oneDNN on this processor; primitives run on the thread that executes them.
final class Engine {
  let id: dnnl_engine_t

  /// The C function is `dnnl_engine_create`.
  init() {
    // Limits oneDNN to the vectors of the BLAS kernel, before its first primitive is made.
    _ = BLAS.libraries
    Self.useOneThread()
    var id: dnnl_engine_t?
    check(dnnl_engine_create(&id, dnnl_cpu, 0), "dnnl_engine_create")
    guard let id else { preconditionFailure("no engine") }
    self.id = id
  }

  deinit { dnnl_engine_destroy(id) }

  /// Keeps primitives that this thread makes or executes on this thread.
  static func useOneThread() { omp_set_num_threads(1) }
}

/// An operation of oneDNN on arrays of fixed shapes and layouts.
///
/// It may run on several threads, each of which brings its own scratchpad: that of the library
/// belongs to the thread that made the primitive.
final class Primitive {
  private let id: dnnl_primitive_t
  private let engine: Engine
  private let description: dnnl_primitive_desc_t

  /// The primitive of an operation: a convolution or a pooling.
  ///
  /// The C functions are `dnnl_primitive_desc_create` and `dnnl_primitive_create`.
  ///
  /// - Parameter rectifies: whether max(0, y) follows the operation.
  convenience init<Operation>(_ operation: Operation, rectifies: Bool, on engine: Engine) {
    var (attributes, after): (dnnl_primitive_attr_t?, dnnl_post_ops_t?)
    check(dnnl_primitive_attr_create(&attributes), "dnnl_primitive_attr_create")
    check(dnnl_post_ops_create(&after), "dnnl_post_ops_create")
    check(
      dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
      "dnnl_primitive_attr_set_scratchpad_mode")
    defer {
      dnnl_post_ops_destroy(after)
      dnnl_primitive_attr_destroy(attributes)
    }
    if rectifies {
      check(
        dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, 0, 0),
        "dnnl_post_ops_append_eltwise")
      check(dnnl_primitive_attr_set_post_ops(attributes, after), "dnnl_primitive_attr_set_post_ops")
    }
    var description: dnnl_primitive_desc_t?
    withUnsafePointer(to: operation) {
      check(
        dnnl_primitive_desc_create(&description, $0, attributes, engine.id, nil),
        "dnnl_primitive_desc_create")
    }
    self.init(description, on: engine)
  }

  /// A copy from one layout into another, which may be a part of a larger array.
  ///
  /// The C function is `dnnl_reorder_primitive_desc_create`.
  convenience init(copying source: ArrayLayout, to target: ArrayLayout, on engine: Engine) {
    var (attributes, description): (dnnl_primitive_attr_t?, dnnl_primitive_desc_t?)
    var (from, to) = (source.description, target.description)
    check(dnnl_primitive_attr_create(&attributes), "dnnl_primitive_attr_create")
    defer { dnnl_primitive_attr_destroy(attributes) }
    check(
      dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
      "dnnl_primitive_attr_set_scratchpad_mode")
    check(
      dnnl_reorder_primitive_desc_create(
        &description, &from, engine.id, &to, engine.id, attributes),
      "dnnl_reorder_primitive_desc_create")
    self.init(description, on: engine)
  }

  private init(_ description: dnnl_primitive_desc_t?, on engine: Engine) {
    var id: dnnl_primitive_t?
    check(dnnl_primitive_create(&id, description), "dnnl_primitive_create")
    guard let id, let description else { preconditionFailure("no primitive") }
    (self.id, self.description, self.engine) = (id, description, engine)
  }

  deinit {
    dnnl_primitive_destroy(id)
    dnnl_primitive_desc_destroy(description)
  }

  /// The layout that the primitive expects or has chosen, `dnnl_query_weights_md` for example.
  func layout(_ what: dnnl_query_t) -> ArrayLayout {
    guard let found = dnnl_primitive_desc_query_md(description, what, 0) else {
      preconditionFailure("a primitive without \(what)")
    }
    return ArrayLayout(found.pointee)
  }

  /// What the primitive works in beside its arguments.
  var scratchpad: ArrayLayout { layout(dnnl_query_scratchpad_md) }

  /// Runs the primitive once, in a scratchpad of its own.
  func run(_ arguments: [dnnl_exec_arg_t]) {
    let layout = scratchpad
    let storage = Storage(count: max(1, layout.floats))
    let scratch = Memory(layout, at: storage.pointer, on: engine)
    let stream = Stream(on: engine)
    execute(arguments + [scratch.argument(DNNL_ARG_SCRATCHPAD)], on: stream)
    stream.wait()
  }

  /// The C function is `dnnl_primitive_execute`.
  ///
  /// - Parameter arguments: one of them is the scratchpad.
  func execute(_ arguments: [dnnl_exec_arg_t], on stream: borrowing Stream) {
    check(
      dnnl_primitive_execute(id, stream.id, Int32(arguments.count), arguments),
      "dnnl_primitive_execute")
  }
}

/// The order of execution of primitives.
struct Stream: ~Copyable {
  fileprivate let id: dnnl_stream_t

  /// The C function is `dnnl_stream_create`.
  init(on engine: Engine) {
    var id: dnnl_stream_t?
    check(
      dnnl_stream_create(&id, engine.id, dnnl_stream_default_flags.rawValue),
      "dnnl_stream_create")
    guard let id else { preconditionFailure("no stream") }
    self.id = id
  }

  deinit { dnnl_stream_destroy(id) }

  /// Returns when all primitives are done.
  func wait() { check(dnnl_stream_wait(id), "dnnl_stream_wait") }
}

/// Shapes and layouts come from this module, so that a refusal of oneDNN is a mistake in it.
func check(_ status: dnnl_status_t, _ call: String) {
  precondition(status == dnnl_success, "\(call): status \(status.rawValue)")
}
