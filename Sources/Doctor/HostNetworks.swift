import Foundation

/// The networks a host is on, as Open MPI wants them named.
///
/// A network has one name everywhere; a device is called differently on each host.
struct HostNetworks {
  /// Networks such as `10.0.0.0/24`, each with its speed in Mbit/s, 0 where that is not known.
  let speeds: [String: Int]

  /// The networks of this host: IPv4, of devices that are up and lead out of it.
  static func here() -> HostNetworks {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return HostNetworks(speeds: [:]) }
    defer { freeifaddrs(first) }
    var speeds: [String: Int] = [:]
    var next = first
    while let entry = next?.pointee {
      next = entry.ifa_next
      let flags = Int(entry.ifa_flags)
      guard flags & IFF_UP != 0, flags & IFF_LOOPBACK == 0,
        let address = ipv4(entry.ifa_addr), let mask = ipv4(entry.ifa_netmask)
      else { continue }
      let device = "/sys/class/net/" + String(cString: entry.ifa_name)
      // Bridges of containers have the same addresses on every host and lead nowhere.
      guard !FileManager.default.fileExists(atPath: device + "/bridge") else { continue }
      let speed = try? String(contentsOfFile: device + "/speed", encoding: .utf8)
      let known = speed.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } ?? 0
      speeds["\(text(of: address & mask))/\(mask.nonzeroBitCount)"] = max(0, known)
    }
    return HostNetworks(speeds: speeds)
  }

  /// Words that another rank reads back by ``init(words:)``.
  var words: String {
    speeds.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }

  /// Reads ``words``.
  init(words: String) {
    var speeds: [String: Int] = [:]
    for word in words.split(separator: " ") {
      let parts = word.split(separator: "=")
      speeds[String(parts[0])] = parts.last.flatMap { Int($0) } ?? 0
    }
    self.speeds = speeds
  }

  private init(speeds: [String: Int]) { self.speeds = speeds }

  /// The networks that all of several hosts are on, fastest first.
  static func common(to hosts: [HostNetworks]) -> [String] {
    guard let first = hosts.first else { return [] }
    let shared = first.speeds.filter { network in
      hosts.allSatisfy { $0.speeds[network.key] != nil }
    }
    return shared.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map(\.key)
  }

  /// An IPv4 address as a number; nil for others.
  private static func ipv4(_ address: UnsafeMutablePointer<sockaddr>?) -> UInt32? {
    guard let address, Int32(address.pointee.sa_family) == AF_INET else { return nil }
    return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
      UInt32(bigEndian: $0.pointee.sin_addr.s_addr)
    }
  }

  private static func text(of address: UInt32) -> String {
    stride(from: 24, through: 0, by: -8).map { String(address >> UInt32($0) & 255) }
      .joined(separator: ".")
  }
}
