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
  mutating func add<Element: TensorElement>(contentsOf numbers: UnsafeBufferPointer<Element>) {
    // Their sum of squares, which is quickly found, is a number only if all of them are.
    if !isVariance, let first = numbers.baseAddress, sumOfSquares(first, numbers.count).isFinite {
      count += numbers.count
    } else {
      for number in numbers { add(Double(number)) }
    }
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
