import Foundation

/// The hashes by which a page's policy allows a script or a style sheet (Content Security Policy, level 3).
package enum ContentHash {
  /// `sha256-` and the base64 of the text's SHA-256 (FIPS 180-4).
  package static func sha256(_ text: String) -> String {
    "sha256-" + Data(digest(Array(text.utf8))).base64EncodedString()
  }

  /// The first 32 bits of the fractional parts of roots of the first primes, as the standard has it: of cube roots for the rounds.
  private static let constants = primes(64).map { fraction($0, cubic: true) }
  private static let start = primes(8).map { fraction($0, cubic: false) }

  package static func digest(_ bytes: [UInt8]) -> [UInt8] {
    var message = bytes + [0x80]
    message += [UInt8](repeating: 0, count: (120 - message.count % 64) % 64)
    message += (0..<8).map { UInt8(truncatingIfNeeded: (bytes.count * 8) >> (56 - 8 * $0)) }
    var state = start
    for block in stride(from: 0, to: message.count, by: 64) {
      var words = (0..<16).map { word in
        (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(message[block + 4 * word + $1]) }
      }
      for round in 16..<64 {
        let (late, early) = (words[round - 2], words[round - 15])
        words.append(
          words[round - 16] &+ words[round - 7] &+ (rotated(early, 7) ^ rotated(early, 18) ^ early >> 3)
            &+ (rotated(late, 17) ^ rotated(late, 19) ^ late >> 10))
      }
      var (a, b, c, d, e, f, g, h) = (
        state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]
      )
      for round in 0..<64 {
        let chosen = h &+ (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) &+ (e & f ^ ~e & g)
        let first = chosen &+ constants[round] &+ words[round]
        let second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) &+ (a & b ^ a & c ^ b & c)
        (a, b, c, d, e, f, g, h) = (first &+ second, a, b, c, d &+ first, e, f, g)
      }
      state = zip(state, [a, b, c, d, e, f, g, h]).map { $0 &+ $1 }
    }
    return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
  }

  private static func rotated(_ word: UInt32, _ places: UInt32) -> UInt32 { word >> places | word << (32 - places) }

  private static func primes(_ count: Int) -> [UInt128] {
    let numbers: ClosedRange<UInt128> = 2...311
    return Array(numbers.filter { number in !(2..<number).contains { number.isMultiple(of: $0) } }.prefix(count))
  }

  /// The first 32 bits behind the point of a root: the last ones of the largest r with r² ≤ prime · 2⁶⁴, or r³ ≤ prime · 2⁹⁶.
  private static func fraction(_ prime: UInt128, cubic: Bool) -> UInt32 {
    var root: UInt128 = 0
    for bit in (0..<36).reversed() {
      let larger = root | 1 << UInt128(bit)
      if cubic ? larger * larger * larger <= prime << 96 : larger * larger <= prime << 64 { root = larger }
    }
    return UInt32(truncatingIfNeeded: root)
  }
}
