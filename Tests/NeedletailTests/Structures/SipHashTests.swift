import Testing

@testable import Needletail

@Suite struct SipHashTests {
  /// What Python 3.11 answers for `hash(bytes(range(n)))` with PYTHONHASHSEED=0: SipHash-1-3 under a key of zeros.
  @Test(arguments: [
    (1, 0x68a9_1412_8e01_e473), (7, 0x2f09_8ab0_c751_325a), (8, 0xead4_11e6_7ebe_2eea), (9, 0x7592_7f9d_9512_4362),
    (15, 0xf30e_b725_bb91_c9ea), (16, 0x8972_1884_33a5_c5b7), (17, 0x4883_c49a_2c00_9c1d),
    (64, 0x75e0_5fd5_bbc8_70c6),
    (2, 0x010b_ac45_c41e_3669), (3, 0x4d4c_9a4a_8ef6_e0ad), (4, 0x7cc4_3f98_813e_4dbd),
    (5, 0x5abe_2169_dff3_6275), (6, 0xe3c2_5f87_624f_1cdb), (10, 0xaf9f_77a6_5ab5_1a1d),
    (12, 0xa6ba_f4fb_0f9f_e1c2), (13, 0xa0cf_3211_850f_8e0d), (20, 0x639e_355a_e68c_0100),
  ] as [(Int, UInt64)])
  func agreesWithPython(count: Int, hash: UInt64) {
    let bytes = (0..<count).map { UInt8($0) }
    #expect(withView(bytes) { sipHash13($0, HashSeed(k0: 0, k1: 0)) } == hash)
    // Where the bytes lie does not matter.
    #expect(withView([9] + bytes) { sipHash13($0[1..<(count + 1)], HashSeed(k0: 0, k1: 0)) } == hash)
  }

  @Test func seedsMatter() {
    let bytes = Array("key".utf8)
    let hashes = [HashSeed(k0: 0, k1: 0), HashSeed(k0: 1, k1: 0), HashSeed(k0: 0, k1: 1)].map { seed in
      withView(bytes) { sipHash13($0, seed) }
    }
    #expect(Set(hashes).count == 3)
    #expect(withView([]) { sipHash13($0, HashSeed(k0: 0, k1: 0)) } != withView([0]) { sipHash13($0,
      HashSeed(k0: 0, k1: 0)) })
  }
}
