import TestSupport
import Testing

@Suite struct StopSignalsTests {
  @Test func signalsInProductsHarmNothing() throws {
    let run = try Run.product("rank-checks", ["signals-in-products"], limit: 60)
    #expect(run.status == 0, "\(run)")
  }
}
