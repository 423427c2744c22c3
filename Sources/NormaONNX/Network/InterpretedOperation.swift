import NormaGraph
import NormaTensor

/// An operator of ONNX's as it runs on tensors, for which there is no operation of a network's: whole numbers and truth values stand
/// in numbers of single precision.
struct InterpretedOperation: TensorOperation {
  typealias Element = Float

  /// Where an input comes from.
  enum Source: Sendable {
    case absent
    case constant(ONNXTensor)
    /// The operation's input of a place, taken for elements of a type.
    case input(Int, ONNXElementType)
  }

  let node: ONNXNode
  let version: Int
  let maximumElementCount: Int
  let sources: [Source]
  /// Which of its results this is.
  let output: Int

  var name: String { node.operation }

  /// The result as ONNX has it.
  func run(_ inputs: [Tensor<Float>]) throws(ONNXError) -> ONNXTensor {
    let tensors = sources.map { source -> ONNXTensor? in
      switch source {
      case .absent: nil
      case .constant(let tensor): tensor
      case .input(let place, let type): ONNXTensor(inputs[place], takenFor: type)
      }
    }
    return try GraphRunner.run(
      node, tensors, version: version, maximumElementCount: maximumElementCount)[output].widened
  }

  func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    do throws(ONNXError) { return try run(inputs.map { .zeros($0) }).shape } catch {
      throw ShapeError(expected: "something that fits: \(error)", found: inputs.first ?? [])
    }
  }

  func forward(_ inputs: [Tensor<Float>]) throws(ONNXError) -> (output: Tensor<Float>, saved: Void) {
    switch try run(inputs) {
    case .floats(let tensor): return (tensor, ())
    case .doubles(let tensor): return (tensor.converted(), ())
    case .narrow, .strings, .sequence, .nothing:
      throw .unsupported(node.place, "a result that a network, which computes in single precision, does not hold")
    case .integers(let tensor):
      guard tensor.values.allSatisfy({ $0.magnitude <= 1 << 24 }) else {
        throw .unsupported(node.place, "whole numbers beyond 2^24, which single precision does not hold")
      }
      return (Tensor(tensor.values.map { Float($0) }, shape: tensor.shape), ())
    }
  }

  func backward(_ gradient: Tensor<Float>, _ kept: Kept<Float>, saved: Void) -> [Tensor<Float>?] {
    require(false, "the gradient of \(name) is asked for, which is not known")
    return []
  }
}

extension ONNXTensor {
  /// Numbers of single precision that stand for elements of a type.
  init(_ tensor: Tensor<Float>, takenFor type: ONNXElementType) {
    guard type.computed != .float else {
      self = .floats(tensor)
      return
    }
    let values = tensor.elements.map { Int64(exactly: $0.rounded(.towardZero)) ?? 0 }
    self = .integers(ONNXIntegers(values, shape: tensor.shape, type: type))
  }
}
