import NormaTensor

/// The tensors and metadata of a safetensors file (<https://github.com/huggingface/safetensors>).
///
/// ```swift
/// var file = Safetensors()
/// file.entries["weight"] = .float(weight)
/// file.metadata["epochs"] = "10"
/// try file.write(to: "model.safetensors")
/// ```
///
/// The bytes depend on the contents alone and are those that the format's own library writes, if there is at most one
/// piece of metadata: that library leaves the order of the metadata to chance, here they are sorted.
public struct Safetensors: Sendable {
  /// One named tensor. It keeps the type of its numbers: what was read is written with the same bits.
  public enum Entry: Equatable, Sendable {
    /// Numbers of `F32`.
    case float(Tensor<Float>)
    /// Numbers of `F64`.
    case double(Tensor<Double>)
    /// Numbers of `I64`: as many as the shape has elements, in row-major order.
    case integers([Int64], shape: Shape)
    /// Numbers of any other type, as they lie in the file.
    case other(StoredTensor)

    /// An entry that keeps a tensor's element type.
    public init<Element: TensorElement>(_ tensor: Tensor<Element>) {
      if let tensor = tensor as? Tensor<Double> { self = .double(tensor) } else { self = .float(tensor.converted()) }
    }

    /// Numbers of half width, of `F16` or `BF16`, with their bits.
    public init(_ tensor: HalfTensor) { self = .other(StoredTensor(tensor)) }

    /// Numbers of `F16` or `BF16` with their bits; nil for others.
    public var halfWidth: HalfTensor? { if case .other(let tensor) = self { tensor.halfWidth } else { nil } }

    /// The type of the numbers.
    public var elementType: StoredNumber {
      switch self {
      case .float: .float32
      case .double: .float64
      case .integers: .int64
      case .other(let tensor): tensor.elementType
      }
    }

    /// The lengths of the axes.
    public var shape: Shape {
      switch self {
      case .float(let tensor): tensor.shape
      case .double(let tensor): tensor.shape
      case .integers(_, let shape): shape
      case .other(let tensor): tensor.shape
      }
    }

    /// Numbers with fractions, of any width, as a tensor, rounded to nearest; nil for whole numbers.
    public func tensor<Element: TensorElement>(of type: Element.Type = Element.self) -> Tensor<Element>? {
      switch self {
      case .float(let tensor): tensor.converted()
      case .double(let tensor): tensor.converted()
      case .integers: nil
      case .other(let tensor): tensor.elementType.isFloatingPoint ? tensor.values() : nil
      }
    }

    /// The numbers of whatever type as a tensor, rounded to nearest.
    public func values<Element: TensorElement>(of type: Element.Type = Element.self) -> Tensor<Element> {
      switch self {
      case .float(let tensor): tensor.converted()
      case .double(let tensor): tensor.converted()
      case .integers(let numbers, let shape): Tensor(numbers.lazy.map { Element($0) }, shape: shape)
      case .other(let tensor): tensor.values()
      }
    }

    /// Whole numbers of any width, in row-major order; `BOOL` has 0 and 1. Nil for numbers with fractions, and where one is
    /// more than `Int64` holds.
    public var wholeNumbers: [Int64]? {
      switch self {
      case .float, .double: nil
      case .integers(let numbers, _): numbers
      case .other(let tensor): tensor.elementType.isFloatingPoint ? nil : tensor.wholeNumbers
      }
    }

    /// A single number, not negative and without a fraction, whatever its type: of shape `[]` or `[1]`, and no more than
    /// 2⁵³. Nil for anything else.
    public var count: Int? {
      guard shape == [] || shape == [1] else { return nil }
      let number: Double? =
        if let numbers = wholeNumbers { numbers.first.flatMap { Double(exactly: $0) } } else {
          tensor(of: Double.self)?.elements.first
        }
      guard let number, (0...0x1p53).contains(number) else { return nil }
      return Int(exactly: number)
    }
  }

  /// The tensors by name.
  public var entries: [String: Entry]
  /// Text about them.
  public var metadata: [String: String]

  /// A file with the given tensors and metadata.
  public init(entries: [String: Entry] = [:], metadata: [String: String] = [:]) {
    self.entries = entries
    self.metadata = metadata
  }

  /// The name in the header under which the metadata stand; no tensor can have it.
  static let metadataName = "__metadata__"
  /// The longest header that the format's own library reads, in bytes.
  static let maximumHeaderLength = 100_000_000
}
