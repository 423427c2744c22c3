import NormaTensor

/// A hash of numbers' bits, in the order in which they are added: FNV-1a over 64-bit words (Fowler, Noll and Vo).
public struct BitHash {
  private var state: UInt64 = 0xCBF2_9CE4_8422_2325

  public init() {}

  private mutating func add(_ word: UInt64) {
    // A plain product would carry nothing down from the upper bits.
    state = (state ^ word) &* 0x0000_0100_0000_01B3
    state ^= state >> 32
  }

  /// Adds a whole number.
  public mutating func add(_ number: Int) { add(UInt64(bitPattern: Int64(number))) }

  /// Adds a number.
  public mutating func add(_ number: Double) { add(number.bitPattern) }

  /// Adds a number, or that there is none.
  public mutating func add(ifAny number: Double?) { add(number ?? .nan) }

  /// Adds a text.
  public mutating func add(_ text: String) { for byte in text.utf8 { add(UInt64(byte)) } }

  /// Adds a tensor's shape and elements.
  public mutating func add<Element: TensorElement>(_ tensor: Tensor<Element>) {
    for length in tensor.shape { add(length) }
    tensor.withUnsafeElements { elements in
      for element in elements { add(Double(element).bitPattern) }
    }
  }

  /// Sixteen hexadecimal digits.
  public var text: String {
    let digits = String(state, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
