import NormaTensor

/// Numbers that the script of the fixtures makes as well, to the bit, so that they need not be stored: number i of the
/// stream of a name is a hash of i and the name, of 32 bits. `Tests/Fixtures/parity_topics/hashed_numbers.py` has the same.
public struct HashedNumbers {
  private let key: UInt32

  /// The stream of a name.
  public init(_ name: String) {
    // FNV-1a.
    key = name.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }

  /// Number i, mixed by shifts and products that are one to one.
  private func bits(_ index: Int) -> UInt32 {
    var bits = UInt32(truncatingIfNeeded: index) &+ key
    bits ^= bits >> 16
    bits &*= 0x7FEB_352D
    bits ^= bits >> 15
    bits &*= 0x846C_A68B
    bits ^= bits >> 16
    return bits
  }

  /// Even over ±`bound`: multiples of 2⁻¹⁵ below 1, times the bound in single precision.
  public func values(_ shape: Shape, bound: Double = 1) -> Tensor<Float> {
    Tensor((0..<shape.elementCount).map { (Float(bits($0) >> 16) / 0x1p15 - 1) * Float(bound) }, shape: shape)
  }

  /// Class numbers.
  public func labels(_ count: Int, classes: Int) -> [Int] {
    (0..<count).map { Int(bits($0) % UInt32(classes)) }
  }
}
