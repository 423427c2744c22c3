import NormaTensor

/// Numbers of a tensor that no network can compute with.
public struct UnusableNumbers: Hashable, Sendable, Codable, CustomStringConvertible {
  /// How many are no numbers (NaN).
  public private(set) var notNumbers = 0
  /// How many are infinite.
  public private(set) var infinite = 0
  /// How many are below zero where that cannot be: among running variances.
  public private(set) var negative = 0
  private var count = 0
  private let isVariance: Bool

  /// Nothing so far of a tensor, whose name says whether it holds variances.
  public init(name: String) { isVariance = name == "running_var" || name.hasSuffix(".running_var") }

  /// Looks at one more number.
  public mutating func add(_ number: Double) {
    count += 1
    if number.isNaN { notNumbers += 1 }
    if number.isInfinite { infinite += 1 }
    if isVariance && number < 0 && number.isFinite { negative += 1 }
  }

  /// Looks at many more.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  mutating func add<Element: TensorElement>(contentsOf numbers: UnsafeBufferPointer<Element>) {
    // Counted without a branch, so that eight and more are compared at once.
    var (notNumbers, infinite, negative) = (0, 0, 0)
    for number in numbers {
      notNumbers &+= number != number ? 1 : 0
      infinite &+= number.magnitude == .infinity ? 1 : 0
      negative &+= number < 0 && number > -.infinity ? 1 : 0
    }
    count += numbers.count
    self.notNumbers += notNumbers
    self.infinite += infinite
    if isVariance { self.negative += negative }
  }

  /// Whether there are none.
  public var isEmpty: Bool { notNumbers + infinite + negative == 0 }

  /// As in "2 of 6 numbers are NaN".
  public var description: String {
    let parts = [(notNumbers, "NaN"), (infinite, "infinite"), (negative, "a negative variance")].filter { $0.0 > 0 }
      .map { "\($0.0) of \(count) number\(count == 1 ? "" : "s") \($0.0 == 1 ? "is" : "are") \($0.1)" }
    return parts.joined(separator: ", ")
  }
}

extension ModelState {
  /// The tensors with numbers that no network can compute with, in the order of their names.
  public var unusableNumbers: [(name: String, numbers: UnusableNumbers)] {
    tensors.sorted { $0.key < $1.key }.compactMap { name, tensor in
      var numbers = UnusableNumbers(name: name)
      tensor.withUnsafeElements { numbers.add(contentsOf: $0) }
      return numbers.isEmpty ? nil : (name, numbers)
    }
  }
}
