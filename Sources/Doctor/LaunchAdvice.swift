import Foundation
import MPI
import Support

/// The line that starts ranks: on this machine, on the hosts of this job, or in an allocation.
struct LaunchAdvice {
  /// A host and how many ranks belong on it.
  typealias Host = (name: String, ranks: Int)

  /// Every host, in rank order.
  private let hosts: [Host]
  /// Networks all hosts are on, fastest first.
  private let networks: [String]
  private let environment: [String: String]

  /// Asks every rank for its host's cores and networks.
  ///
  /// **Collective.**
  init(on world: Communicator, environment: [String: String] = ProcessInfo.processInfo.environment)
    throws
  {
    let names = try world.allGather(world.hostName)
    let cores = try world.allGather([Int64(PhysicalCores.count)])
    let networks = try world.allGather(HostNetworks.here().words).map { HostNetworks(words: $0) }
    var hosts: [Host] = []
    for (rank, name) in names.enumerated() where !hosts.contains(where: { $0.name == name }) {
      hosts.append((name, Int(cores[rank])))
    }
    self.hosts = hosts
    self.networks = HostNetworks.common(to: networks)
    self.environment = environment
  }

  /// The check that carries the line as its advice.
  func check() -> Check {
    let (hosts, source) = place()
    let ranks = hosts.reduce(0) { $0 + $1.ranks }
    var found =
      "\(source): \(Quantity.count(ranks, "core")) on \(Quantity.count(hosts.count, "host"))"
    if hosts.count > 1 {
      found +=
        networks.isEmpty
        ? "; no IPv4 network that all of them are on"
        : "; networks of all of them, fastest first: \(networks.joined(separator: ", "))"
    }
    return Check(
      order: 9, name: "launch", isFine: hosts.count < 2 || !networks.isEmpty, found: found,
      advice: line(hosts))
  }

  /// The hosts to use, and who says so.
  private func place() -> ([Host], source: String) {
    if let file = environment["PBS_NODEFILE"],
      let lines = try? String(contentsOfFile: file, encoding: .utf8)
    {
      var hosts: [Host] = []
      for line in lines.split(separator: "\n").map(String.init) {
        if let index = hosts.firstIndex(where: { $0.name == line }) {
          hosts[index].ranks += 1
        } else {
          hosts.append((line, 1))
        }
      }
      return (hosts, "this PBS job")
    }
    if let tasks = environment["SLURM_NTASKS"].flatMap({ Int($0) }) {
      let nodes = environment["SLURM_JOB_NUM_NODES"].flatMap { Int($0) } ?? 1
      let (least, more) = tasks.quotientAndRemainder(dividingBy: max(1, nodes))
      return ((0..<nodes).map { ("", least + ($0 < more ? 1 : 0)) }, "this Slurm job")
    }
    return (hosts, hosts.count > 1 ? "the hosts of this run" : "this machine")
  }

  private func line(_ hosts: [Host]) -> String {
    let ranks = hosts.reduce(0) { $0 + $1.ranks }
    if environment["SLURM_JOB_ID"] != nil {
      return "srun --mpi=pmix --cpu-bind=cores -n \(ranks) cleave …"
    }
    var words = ["mpirun"]
    if geteuid() == 0 { words.append("--allow-run-as-root") }
    if hosts.count > 1 {
      words.append("-H " + hosts.map { "\($0.name):\($0.ranks)" }.joined(separator: ","))
      if let network = networks.first {
        words.append("--mca btl_tcp_if_include \(network) --mca oob_tcp_if_include \(network)")
      }
    }
    words.append("-n \(ranks) --map-by slot --bind-to core -x OPENBLAS_NUM_THREADS=1")
    for name in ["OPENBLAS_CORETYPE", "HDF5_USE_FILE_LOCKING"] where environment[name] != nil {
      words.append("-x \(name)")
    }
    return (words + ["cleave …"]).joined(separator: " ")
  }
}

/// The cores of this machine, hyperthreads of one core counted once.
enum PhysicalCores {
  /// How many are online.
  static var count: Int {
    let online = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let folder = "/sys/devices/system/cpu"
    var cores: Set<String> = []
    for processor in 0..<sysconf(Int32(_SC_NPROCESSORS_CONF)) {
      let path = "\(folder)/cpu\(processor)/topology/thread_siblings_list"
      // A processor that is off has no topology.
      if let core = try? String(contentsOfFile: path, encoding: .utf8) { cores.insert(core) }
    }
    return cores.isEmpty ? online : cores.count
  }
}
