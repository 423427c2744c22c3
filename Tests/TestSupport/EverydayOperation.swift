import Norma

/// An operation on images `[N, H, W, C]`, of at least `[N, 3, 4, 4]`, for tests that ask the same of each: the gradient, PyTorch's results,
/// memory, inference, ONNX, bits. Those that take two operands make both of the images. `parity_topics/operations.py` has the same.
public enum EverydayOperation: String, CaseIterable, Sendable {
  case negated, added, addedTo, subtracted, subtractedFrom, multiplied, multipliedBy, divided, dividing
  case absolute, cubed, inverseSquare, rootedPower, clamped
  case gelu, silu, softplus, logarithmicSigmoid, mish, elu, steepELU, hardSigmoid, hardSwish
  case product, productTransposingLeft, productTransposingRight, productTransposingBoth
  case transposed, slicedChannels, slicedRows, gatheredChannels, gatheredColumns, concatenatedChannels, concatenatedRows
  case paddedChannels, paddedRows, reflected, replicated, circular, pixelShuffled, pixelUnshuffled, splitChannels
  case sumOverRows, meanOverPositions, sumOverChannels, sumOverRowsAndChannels
  case softmax, logSoftmax, logSumExp, cumulativeRows, cumulativeChannels
  case addedPerSample, subtractedPerSample, multipliedPerSample, dividedPerSample

  /// A shape of samples that it takes, of about the given lengths.
  public func sampleShape(height: Int, width: Int, channels: Int) -> Shape {
    switch self {
    case .pixelShuffled: [height, width, 4 * channels]
    case .pixelUnshuffled: [2 * height, 2 * width, channels]
    case .splitChannels: [height, width, 2 * channels]
    default: [height, width, channels]
    }
  }

  /// The operation.
  public func callAsFunction<Element: TensorElement>(_ x: Variable<Element>) -> Variable<Element> {
    /// Numbers for each sample and channel, from 1.2 to 1.8.
    var perSample: Variable<Element> { x.mean(over: [1, 2]).sigmoid() + 0.9 }
    var turned: Variable<Element> { x.transposed([0, 1, 3, 2]) }
    return switch self {
    case .negated: -x
    case .added: x + 1.5
    case .addedTo: 1.5 + x
    case .subtracted: x - 1.5
    case .subtractedFrom: 1.5 - x
    case .multiplied: x * 3
    case .multipliedBy: 3 * x
    case .divided: x / 3
    case .dividing: 3 / (x.squared() + 0.5)
    case .absolute: x.absoluteValue()
    case .cubed: x.raised(to: 3)
    case .inverseSquare: (x.absoluteValue() + 0.5).raised(to: -2)
    case .rootedPower: (x.absoluteValue() + 0.5).raised(to: 1.7)
    case .clamped: x.clamped(to: -0.75...1.25)
    case .gelu: x.gelu()
    case .silu: x.silu()
    case .softplus: x.softplus()
    case .logarithmicSigmoid: x.logarithmicSigmoid()
    case .mish: x.mish()
    case .elu: x.elu()
    case .steepELU: x.elu(alpha: 1.75)
    case .hardSigmoid: (2 * x).hardSigmoid()
    case .hardSwish: (2 * x).hardSwish()
    case .product: x.matrixProduct(turned)
    case .productTransposingLeft: x.matrixProduct(x, transposingSelf: true)
    case .productTransposingRight: x.matrixProduct(x, transposingOther: true)
    case .productTransposingBoth: x.matrixProduct(turned, transposingSelf: true, transposingOther: true)
    case .transposed: x.transposed([0, 3, 1, 2])
    case .slicedChannels: x.sliced(1..<4, axis: -1)
    case .slicedRows: x.sliced(1..<3, axis: 1)
    case .gatheredChannels: x.gathering([3, 0, 1, 0, 3, 3], axis: -1)
    case .gatheredColumns: x.gathering([2, 2, 1, 3], axis: 2)
    case .concatenatedChannels: .concatenating([x, x.sliced(0..<2, axis: 3), 2 * x], axis: -1)
    case .concatenatedRows: .concatenating([x.sliced(1..<2, axis: 1), x], axis: 1)
    case .paddedChannels: x.padded(axis: -1, before: 2, after: 1, mode: .constant(0.5))
    case .paddedRows: x.padded(axis: 1, before: 0, after: 2)
    case .reflected: x.padded(axis: 1, before: 2, after: 1, mode: .reflect)
    case .replicated: x.padded(axis: 2, before: 1, after: 3, mode: .replicate)
    case .circular: x.padded(axis: 2, before: 2, after: 4, mode: .circular)
    case .pixelShuffled: x.pixelShuffled(by: 2)
    case .pixelUnshuffled: x.pixelUnshuffled(by: 2)
    case .splitChannels: x.channelsSplit(into: 2).transposed([0, 1, 2, 4, 3]).channelsMerged()
    case .sumOverRows: x.sum(over: [1])
    case .meanOverPositions: x.mean(over: [1, 2], keepsAxes: true)
    case .sumOverChannels: x.sum(over: [-1])
    case .sumOverRowsAndChannels: x.sum(over: [3, 1])
    case .softmax: x.softmax()
    case .logSoftmax: x.logSoftmax()
    case .logSumExp: x.logSumExp()
    case .cumulativeRows: x.cumulativeSum(axis: 1)
    case .cumulativeChannels: x.cumulativeSum(axis: -1)
    case .addedPerSample: x.adding(perSample, broadcast: .perSample)
    case .subtractedPerSample: x.subtracting(perSample, broadcast: .perSample)
    case .multipliedPerSample: x.multiplied(by: perSample, broadcast: .perSample)
    case .dividedPerSample: x.divided(by: perSample, broadcast: .perSample)
    }
  }
}

/// An ``EverydayOperation`` after a learned factor for each channel, as a layer.
public final class EverydayLayer<Element: TensorElement>: Layer {
  private let operation: EverydayOperation
  public let gain: Parameter<Element>

  public init(_ operation: EverydayOperation, channels: Int) {
    self.operation = operation
    gain = Parameter(.ones([channels]), name: "weight", kind: .weight)
  }

  public var parameters: [Parameter<Element>] { [gain] }
  public var summary: String { operation.rawValue }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    operation(x.multiplied(by: pass.variable(for: gain), broadcast: .perChannel))
  }
}
