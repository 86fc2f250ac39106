import Datasets
import Distributed
import MPI
import Models
import Planning
import Support
import Tensors
import Training

/// `cleave plan`: the needs of a run, before it starts.
struct PlanCommand: Subcommand {
  static let name = "plan"
  static let summary = "tell the memory, traffic and time a run will need"
  static let details = """
    Sizes follow from the configuration and the data. Workspace, operations and times are
    measured: one process makes a few steps of one rank's share of the batch, on the first images.
    Times suppose that the other ranks are as fast beside it, and leave out checkpoints. Between
    nodes gradients cross the network, whose speed --network gives; started on several hosts, plan
    measures it.

    Without a data set, --rows and --shape describe images that are still to come: 8-bit, in a file
    of import, without clean ones.
    """
  static let operands = [
    Operand("PRESET|CONFIG", "a preset or a configuration file, as for cleave train")
  ]
  static let options =
    [
      Option.data,
      Option.value("rows", "N", "without --data: so many images, of the sides --shape HxWxC"),
      Option.value("n", "P", "number of ranks (default 1)"),
      Option.value("per-node", "K", "ranks of a node (default all)"),
      Option.value("network", "GBITS", "Gbit/s between nodes, each way"),
      Option.value("set", "KEY=VALUE", "override a setting; may be repeated", repeatable: true),
      Option.flag("exact", "the same as --set exact=true"), Option.json,
    ] + Option.layout

  private let source: ConfigurationSource
  private let assignments: [String]
  private let data: DataOptions
  private let supposed: (rows: Int, shape: ImageShape)?
  private let ranks: Int
  private let ranksPerNode: Int?
  private let network: HostNetwork?
  private let isJSON: Bool

  init(_ arguments: Arguments) throws {
    source = try ConfigurationSource(arguments.operands[0])
    data = try DataOptions(arguments, isOptional: true)
    supposed = try Self.supposed(arguments, data)
    if data.path == nil, supposed == nil, case .preset = source { throw Self.missingData }
    assignments = arguments.all("set") + (arguments.has("exact") ? ["exact=true"] : [])
    ranks = try arguments.integer("n", in: 1...4096) ?? 1
    ranksPerNode = try arguments.integer("per-node", in: 1...4096)
    network = try Self.network(arguments.value("network"))
    isJSON = arguments.has("json")
    var probe = Configuration()
    for assignment in assignments { try probe.set(assignment) }
  }

  private static let missingData = UsageError(
    "missing --data, or --rows N and --shape HxWxC of images to come")

  /// The images that the options describe where there is no data set.
  private static func supposed(
    _ arguments: Arguments, _ data: DataOptions
  ) throws(UsageError) -> (rows: Int, shape: ImageShape)? {
    let rows = try arguments.integer("rows", in: 1...1_000_000_000)
    guard data.path == nil else {
      if rows == nil { return nil }
      throw UsageError("--rows goes without --data; --set rows=N takes the first N of its images")
    }
    guard rows != nil || data.shape != nil else { return nil }
    guard let rows, let sides = data.shape else {
      throw UsageError("--rows N and --shape HxWxC go together, found one of them")
    }
    return (
      rows, ImageShape(height: sides[0], width: sides[1], channels: sides.count > 2 ? sides[2] : 1)
    )
  }

  private static func network(_ text: String?) throws -> HostNetwork? {
    guard let text else { return nil }
    guard let speed = Double(text), speed >= 1e-6, speed <= 1e6 else {
      throw UsageError("--network: found \(text), expected Gbit/s from 1e-6 to 1e6")
    }
    return HostNetwork(bytesPerSecond: speed * 1e9 / 8)
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    Workers.start(1)
    var configuration = try source.configuration(on: world, console)
    try world.agree {
      for assignment in assignments { try configuration.set(assignment) }
      data.store(in: &configuration)
      if configuration.common.data.data.isEmpty && supposed == nil { throw Self.missingData }
    }
    let images =
      try supposed.map { supposed in
        try world.agree { try Planner.supposed(supposed.rows, of: supposed.shape, configuration) }
      }
      ?? data.open(for: configuration, on: world, console)
    let network = try network ?? HostNetwork(on: world)
    return try world.onRoot {
      func planner(_ configuration: Configuration) throws -> Planner {
        try Planner(
          configuration, on: images, isSupposed: supposed != nil, ranks: ranks,
          ranksPerNode: ranksPerNode, network: network)
      }
      let (first, last) = (
        try configuration.firstStage(rows: images.count, of: images.shape).map(planner),
        try planner(configuration)
      )
      for line in configuration.unread(assignments) { console.warning(line) }
      console.progress("measuring a few steps")
      let plans = StagedPlan(first: try first?.plan(), last: try last.plan())
      console.closeLine()
      console.result(isJSON ? Self.document(plans).document : Self.text(plans))
      return 0
    }
  }

  private static func document(_ plans: StagedPlan) -> JSONValue {
    guard let first = plans.first, case .object(let last) = document(plans.last) else {
      return document(plans.last)
    }
    let totals: [JSONValue.Member] = [
      .init("rank_bytes", .integer(plans.rankBytes)),
      .init("node_bytes", .integer(plans.nodeBytes)),
      .init("total_bytes", .integer(plans.totalBytes)),
      .init("seconds_total", .real(plans.secondsInAll)),
      .init("core_hours", .real(plans.coreHours)),
    ]
    return .object(
      last.map { member in totals.first { $0.name == member.name } ?? member } + [
        .init("stages", .array([document(first), .object(last)])),
        .init("first_bytes", .integer(plans.handedOverBytes)),
      ])
  }

  private static func text(_ plans: StagedPlan) -> String {
    guard let first = plans.first else { return text(plans.last) }
    return """
      stage 1 of 2
      \(text(first))

      stage 2 of 2
      \(text(plans.last))

      both stages
      memory of rank 0     \(Quantity.bytes(plans.rankBytes)), of all ranks \
      \(Quantity.bytes(plans.totalBytes)): those of the larger stage
      L of stage 1         \(Quantity.bytes(plans.handedOverBytes)) in first.h5
      in all               \(Quantity.clock(plans.secondsInAll)) at most; \
      \(Quantity.significant(plans.coreHours, 3)) core hours
      """
  }

  /// The kinds of memory by their names in JSON.
  private static func kinds(_ memory: Plan.Memory) -> [(name: String, bytes: Int)] {
    [
      ("images", memory.images), ("split", memory.rowState), ("parameters", memory.parameters),
      ("optimizer", memory.optimizer), ("workspace", memory.workspace),
      ("process", memory.process),
    ]
  }

  private static func document(_ plan: Plan) -> JSONValue {
    [
      "ranks": .integer(plan.ranks), "ranks_per_node": .integer(plan.ranksPerNode),
      "lanes": .integer(plan.lanes), "batch": .integer(plan.batch), "rows": .integer(plan.rows),
      "images": .integer(plan.images),
      "per_rank_bytes": .object(
        kinds(plan.memory).map { JSONValue.Member($0.name, .integer($0.bytes)) }),
      "rank_bytes": .integer(plan.memory.total), "node_bytes": .integer(plan.nodeBytes),
      "total_bytes": .integer(plan.totalBytes), "images_mapped": .boolean(plan.isMapped),
      "parameters": .integer(plan.parameterCount), "flops_per_image": .real(plan.flopsPerImage),
      "wire_bytes_per_step": .integer(plan.wireBytesPerStep),
      "host_bytes_per_step": .integer(plan.hostBytesPerStep),
      "network_gbits": plan.network.map { .real(8e-9 * $0.bytesPerSecond) } ?? .null,
      "checkpoint_bytes": .integer(plan.checkpointBytes),
      "checkpoint_shared_bytes": .integer(plan.sharedCheckpointBytes),
      "steps_per_epoch": .integer(plan.stepsPerEpoch),
      "seconds_per_step": .real(plan.secondsPerStep),
      "seconds_of_computing": .real(plan.secondsOfComputing),
      "seconds_of_messages": .real(plan.secondsOfMessages),
      "seconds_per_step_on_one_node": .real(plan.secondsOnOneNode),
      "seconds_per_epoch": .real(plan.secondsPerEpoch),
      "seconds_per_projection": plan.secondsPerProjection.map { .real($0) } ?? .null,
      "epochs": .integer(plan.epochs), "projections": .integer(plan.projections),
      "seconds_total": .real(plan.secondsInAll), "core_hours": .real(plan.coreHours),
      "steps_measured": .integer(plan.stepsMeasured),
    ]
  }

  /// What the network between nodes costs, and whether it is worth it.
  private static func networkLines(_ plan: Plan) -> [String] {
    guard plan.hostBytesPerStep > 0 else { return [] }
    let bytes = "\(Quantity.bytes(plan.hostBytesPerStep)) a step from each node"
    guard let network = plan.network else {
      return ["network              \(bytes), not in the times: give its speed by --network GBITS"]
    }
    var lines = [
      "network              \(bytes): \(Quantity.seconds(plan.secondsOfMessages)) at "
        + "\(Quantity.significant(8e-9 * network.bytesPerSecond, 3)) Gbit/s, beside "
        + "\(Quantity.seconds(plan.secondsOfComputing)) of computing"
    ]
    if plan.secondsPerStep > plan.secondsOnOneNode {
      lines.append(
        "More nodes do not pay: one alone takes \(Quantity.seconds(plan.secondsOnOneNode)) a step.")
    }
    return lines
  }

  private static func text(_ plan: Plan) -> String {
    let explanations = [
      "images": plan.isMapped
        ? "its rows of the mapped file; can be dropped and read again" : "read into memory",
      "split": "the arrays that live with its rows", "parameters": "weights and gradients",
      "optimizer": "its part of the state", "workspace": "a step; passes, grids, checkpoints",
      "process": "program and libraries",
    ]
    let rows = kinds(plan.memory).map {
      [$0.name, Quantity.bytes($0.bytes), explanations[$0.name] ?? ""]
    }
    var lines = [
      "\(plan.extent), batch \(plan.batch), "
        + "\(Quantity.count(plan.lanes, "lane")) on \(Quantity.count(plan.ranks, "rank"))", "",
      Columns.text(["memory of rank 0", "", ""], rows), "",
      "memory of rank 0     \(Quantity.bytes(plan.memory.total))",
      "of all ranks         \(Quantity.bytes(plan.totalBytes)), as top shows it",
      "of a node            \(Quantity.bytes(plan.nodeBytes)), pages shared by its "
        + "\(Quantity.count(plan.ranksPerNode, "rank")) counted once",
      "products             \(Quantity.significant(plan.flopsPerImage / 1e6)) MFLOP \(plan.isOfPatches ? "a patch" : "an image"), "
        + "\(Quantity.grouped(plan.parameterCount)) parameters",
      "between ranks        \(Quantity.bytes(plan.wireBytesPerStep)) a step"
        + (plan.ranks > 1 && plan.ranksPerNode == plan.ranks ? ", in shared memory" : ""),
      "checkpoint           \(Quantity.bytes(plan.checkpointBytes))"
        + (plan.sharedCheckpointBytes > 0
          ? ", of which \(Quantity.bytes(plan.sharedCheckpointBytes)) once an outer iteration"
          : ""),
      "epoch                \(Quantity.clock(plan.secondsPerEpoch)): "
        + "\(Quantity.grouped(plan.stepsPerEpoch)) steps of "
        + "\(Quantity.seconds(plan.secondsPerStep))",
    ]
    if let projection = plan.secondsPerProjection {
      lines.append("projection           \(Quantity.clock(projection))")
    }
    let projections = plan.projections > 0 ? Quantity.count(plan.projections, "projection") : nil
    let parts = [Quantity.count(plan.epochs, "epoch"), projections].compactMap { $0 }
    lines.append(
      "in all               \(Quantity.clock(plan.secondsInAll)) at most: "
        + "\(parts.joined(separator: ", ")); \(Quantity.significant(plan.coreHours, 3)) core hours")
    lines += networkLines(plan)
    lines.append(
      "Times are from \(Quantity.count(plan.stepsMeasured, "step")) of one rank's share of the "
        + "batch, made alone here and now.")
    return lines.joined(separator: "\n")
  }
}
