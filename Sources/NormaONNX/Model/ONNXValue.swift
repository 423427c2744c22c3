internal import SwiftProtobuf

/// An input or an output of a model.
public struct ONNXValue: Hashable, Sendable {
  /// The length of an axis.
  public enum Length: Hashable, Sendable, CustomStringConvertible {
    /// Known.
    case fixed(Int)
    /// Known when the model runs; the same name stands for the same length.
    case named(String)
    /// Anything.
    case unknown

    public var description: String {
      switch self {
      case .fixed(let length): "\(length)"
      case .named(let name): name
      case .unknown: "?"
      }
    }
  }

  /// What it is called.
  public var name: String
  /// Whether a value is a tensor.
  public enum Form: Hashable, Sendable {
    /// One tensor.
    case tensor
    /// Several, one after the other.
    case sequence
    /// A tensor or a sequence that may be missing.
    case optional
  }

  /// Whether it is a tensor.
  public var form = Form.tensor
  /// What its elements are, those of each tensor of a sequence; nil for what is of no kind that is supported.
  public var elementType: ONNXElementType?
  /// The lengths of its axes; nil where the model does not say how many there are.
  public var lengths: [Length]?
  /// What it is in words, such as `sequence of float`.
  var kind: String

  /// A tensor with axes of the given lengths.
  init(_ name: String, _ elementType: ONNXElementType, _ lengths: [Length]) {
    self.name = name
    self.elementType = elementType
    self.lengths = lengths
    kind = elementType.description
  }

  /// Whether a value may stand for it.
  func admits(_ tensor: ONNXTensor) -> Bool {
    switch form {
    case .optional: return true
    case .sequence:
      guard case .sequence(let tensors) = tensor else { return false }
      return tensors.allSatisfy { $0.isTensor && $0.elementType.computed == elementType?.computed }
    case .tensor:
      guard tensor.isTensor, tensor.elementType.computed == elementType?.computed else { return false }
      guard let lengths else { return true }
      return lengths.count == tensor.shape.count
        && zip(lengths, tensor.shape).allSatisfy { if case .fixed(let length) = $0 { length == $1 } else { true } }
    }
  }
}

extension ONNXValue {
  init(_ message: ProtoValue) {
    name = message.name
    guard message.hasType else {
      kind = "value of unknown type"
      return
    }
    kind = Self.kind(of: message.type)
    var type = message.type
    if case .optionalType(let wrapped)? = type.kind {
      form = .optional
      type = wrapped.element
    }
    if case .sequence(let wrapped)? = type.kind {
      if form == .tensor { form = .sequence }
      type = wrapped.element
    }
    guard case .tensor(let tensor)? = type.kind else { return }
    elementType = ONNXElementType(rawValue: tensor.elementType)
    guard form == .tensor, tensor.hasShape else { return }
    lengths = tensor.shape.axes.map { axis in
      switch axis.length {
      case .value(let length): .fixed(Int(length))
      case .symbol(let name): name.isEmpty ? .unknown : .named(name)
      case nil: .unknown
      }
    }
  }

  private static func kind(of type: ProtoType) -> String {
    switch type.kind {
    case .tensor(let tensor): ONNXElementType.name(of: tensor.elementType)
    case .sequence(let wrapped): "sequence of \(kind(of: wrapped.element))"
    case .map: "map"
    case .sparse: "sparse tensor"
    case .optionalType(let wrapped): "optional \(kind(of: wrapped.element))"
    case nil: "value of unknown type"
    }
  }

  var message: ProtoValue {
    .with { value in
      value.name = name
      let tensor = ProtoTensorType.with { tensor in
        tensor.elementType = elementType?.rawValue ?? 0
        guard let lengths else { return }
        tensor.shape = .with { shape in
          shape.axes = lengths.map { length in
            .with {
              switch length {
              case .fixed(let length): $0.value = Int64(length)
              case .named(let name): $0.symbol = name
              case .unknown: break
              }
            }
          }
        }
      }
      let plain = ProtoType.with { $0.tensor = tensor }
      switch form {
      case .tensor: value.type = plain
      case .sequence: value.type = .with { $0.sequence = .with { $0.element = plain } }
      case .optional: value.type = .with { $0.optionalType = .with { $0.element = plain } }
      }
    }
  }
}
