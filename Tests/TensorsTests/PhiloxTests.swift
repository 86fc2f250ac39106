import Tensors
import Testing

@Suite struct PhiloxTests {
  /// The known answers of the Random123 library for philox4x32, 10 rounds.
  @Test(
    arguments: [
      (
        SIMD4<UInt32>(repeating: 0), SIMD2<UInt32>(repeating: 0),
        SIMD4<UInt32>(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)
      ),
      (
        SIMD4(repeating: UInt32.max), SIMD2(repeating: UInt32.max),
        SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
      ),
      (
        SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
        SIMD2(0xa409_3822, 0x299f_31d0),
        SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
      ),
    ])
  func knownAnswers(
    counter: SIMD4<UInt32>, key: SIMD2<UInt32>, answer: SIMD4<UInt32>
  ) {
    #expect(Philox.block(key: key, counter: counter) == answer)
  }

  @Test(arguments: [(UInt64(0), 0, 0), (595, 7, 3), (.max, 202_598, 164_999)])
  func kernelEqualsTheDefinition(seed: UInt64, row: Int, time: Int) {
    let draws = Draws(seed: seed, purpose: .latent, time: time, repetition: 5)
    var words = [UInt32](repeating: 0, count: 1003)
    draws.words(row: row, into: &words, count: words.count)
    for (element, word) in words.enumerated() {
      let block = Philox.block(
        seed: seed, block: UInt32(element / 4), row: UInt32(row), time: UInt32(time),
        purpose: Purpose.latent.rawValue | 5 << 8)
      #expect(word == block[element % 4])
      #expect(word == draws.word(row: row, element: element))
    }
  }
}
