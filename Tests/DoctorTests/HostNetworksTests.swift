import Testing

@testable import Doctor

/// Networks that Open MPI is told to use.
@Suite struct HostNetworksTests {
  @Test func wordsAreReadBack() {
    let networks = HostNetworks(words: "10.0.0.0/24=1000 192.168.0.0/16=0")
    #expect(networks.speeds == ["10.0.0.0/24": 1000, "192.168.0.0/16": 0])
    #expect(HostNetworks(words: networks.words).speeds == networks.speeds)
    #expect(HostNetworks(words: "").speeds.isEmpty)
  }

  @Test func theFastestCommonNetworkComesFirst() {
    let hosts = [
      HostNetworks(words: "10.0.0.0/24=1000 10.1.0.0/24=10000 10.2.0.0/24=1000"),
      HostNetworks(words: "10.2.0.0/24=1000 10.1.0.0/24=10000 10.9.0.0/24=40000 10.0.0.0/24=1000"),
    ]
    #expect(HostNetworks.common(to: hosts) == ["10.1.0.0/24", "10.0.0.0/24", "10.2.0.0/24"])
    #expect(HostNetworks.common(to: []).isEmpty)
  }
}
