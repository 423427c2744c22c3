/// Philox4x32-10 word by word as the paper states it (Salmon, Moraes, Dror and Shaw 2011, section 3.3), to hold the
/// generator against: two multiplications a round, the key raised by two constants between rounds.
func philoxReference(counter: [UInt32], key: [UInt32]) -> [UInt32] {
  var (x, k) = (counter, key)
  for round in 0..<10 {
    if round > 0 {
      k[0] = k[0] &+ 0x9E37_79B9
      k[1] = k[1] &+ 0xBB67_AE85
    }
    let even = x[0].multipliedFullWidth(by: 0xD251_1F53)
    let odd = x[2].multipliedFullWidth(by: 0xCD9E_8D57)
    x = [odd.high ^ x[1] ^ k[0], odd.low, even.high ^ x[3] ^ k[1], even.low]
  }
  return x
}
