import Support
import Testing

/// Numbers for people.
@Suite struct QuantityTests {
  @Test func unitsLeaveUpToThreeDigits() {
    let bytes = [0, 1023, 1024, 1 << 30].map(Quantity.bytes)
    #expect(bytes == ["0 B", "1023 B", "1 KiB", "1 GiB"])
    let seconds = [8.2e-5, 0.0026, 1.25].map(Quantity.seconds)
    #expect(seconds == ["82 us", "2.6 ms", "1.25 s"])
    let times = [7, 750, 3723, .infinity].map(Quantity.clock)
    #expect(times == ["0:07", "12:30", "1:02:03", "?"])
  }

  @Test func countsHaveCommasAndAPlural() {
    #expect(Quantity.count(1, "rank") == "1 rank")
    #expect(Quantity.count(202_599, "image") == "202,599 images")
    #expect(Quantity.grouped(-1000) == "-1,000")
  }
}
