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
  /// What its elements are; nil for what is no tensor, or one of elements that are not supported.
  public var elementType: ONNXElementType?
  /// The lengths of its axes; nil where the model does not say how many there are.
  public var lengths: [Length]?
  /// What it is in words where ``elementType`` is nil, such as `sequence` or `float16`.
  var kind: String

  /// A tensor with axes of the given lengths.
  init(_ name: String, _ elementType: ONNXElementType, _ lengths: [Length]) {
    self.name = name
    self.elementType = elementType
    self.lengths = lengths
    kind = elementType.description
  }

  /// Whether a tensor of these lengths may stand for it.
  func admits(_ shape: some Collection<Int>) -> Bool {
    guard let lengths else { return true }
    return lengths.count == shape.count
      && zip(lengths, shape).allSatisfy { if case .fixed(let length) = $0 { length == $1 } else { true } }
  }
}

extension ONNXValue {
  init(_ message: ProtoValue) {
    name = message.name
    switch message.type.kind {
    case .tensor(let tensor):
      elementType = ONNXElementType(rawValue: tensor.elementType)
      kind = ONNXElementType.name(of: tensor.elementType)
      guard tensor.hasShape else { return }
      lengths = tensor.shape.axes.map { axis in
        switch axis.length {
        case .value(let length): .fixed(Int(length))
        case .symbol(let name): name.isEmpty ? .unknown : .named(name)
        case nil: .unknown
        }
      }
    case .sequence: kind = "sequence"
    case .map: kind = "map"
    case .sparse: kind = "sparse tensor"
    case .optionalType: kind = "optional"
    case nil: kind = "value of unknown type"
    }
  }

  var message: ProtoValue {
    .with { value in
      value.name = name
      value.type = .with { type in
        type.tensor = .with { tensor in
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
      }
    }
  }
}
