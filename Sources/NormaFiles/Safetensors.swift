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
  /// One named tensor.
  public enum Entry: Equatable, Sendable {
    /// Stored as `F32`; read from `F32`, `F16` and `BF16`.
    case float(Tensor<Float>)
    /// Stored as `F64`.
    case double(Tensor<Double>)
    /// Stored as `I64`; read from `I64`, `I32`, `I16`, `I8`, `U64` up to the largest `Int64`, `U32`, `U16`, `U8` and `BOOL`,
    /// whose values are 0 and 1. As many numbers as the shape has elements, in row-major order.
    case integers([Int64], shape: Shape)

    /// An entry that keeps a tensor's element type.
    public init<Element: TensorElement>(_ tensor: Tensor<Element>) {
      if let tensor = tensor as? Tensor<Double> { self = .double(tensor) } else { self = .float(tensor.converted()) }
    }

    /// The lengths of the axes.
    public var shape: Shape {
      switch self {
      case .float(let tensor): tensor.shape
      case .double(let tensor): tensor.shape
      case .integers(_, let shape): shape
      }
    }

    /// The numbers as a tensor of another element type, rounded to nearest; nil for integers.
    public func tensor<Element: TensorElement>(of type: Element.Type = Element.self) -> Tensor<Element>? {
      switch self {
      case .float(let tensor): tensor.converted()
      case .double(let tensor): tensor.converted()
      case .integers: nil
      }
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
