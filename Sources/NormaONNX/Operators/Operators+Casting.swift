import Foundation
import NormaTensor

extension OperatorCall {
  /// `Cast`: elements as those of another type. Fractions are cut off; what is not 0 is true.
  func cast() throws(ONNXError) -> [ONNXTensor] { [try cast(try input(0), to: try elementType("to"))] }

  /// `CastLike`: as those of another input.
  func castLike() throws(ONNXError) -> [ONNXTensor] { [try cast(try input(0), to: try input(1).elementType)] }

  /// `BitCast`: the bits of elements taken for those of a type that has as many.
  func castBits() throws(ONNXError) -> [ONNXTensor] {
    let (x, type) = (try input(0), try elementType("to"))
    guard x.elementType != .string, type.bitCount == x.elementType.bitCount else {
      throw malformed("bits of type \(x.elementType) taken for those of \(type)")
    }
    switch type {
    case .float: return [.floats(Tensor(x.bits.map { Float(bitPattern: UInt32($0)) }, shape: x.shape))]
    case .double: return [.doubles(Tensor(x.bits.map { Double(bitPattern: $0) }, shape: x.shape))]
    default: return [ONNXTensor(bits: x.bits, shape: x.shape, type: type)]
    }
  }

  /// The element type that an attribute names.
  func elementType(_ name: String, or standard: ONNXElementType? = nil) throws(ONNXError) -> ONNXElementType {
    let code = try integer(name, or: standard.map { Int($0.rawValue) } ?? 0)
    guard let code = Int32(exactly: code), let type = ONNXElementType(rawValue: code) else {
      throw unsupported("elements of type \(ONNXElementType.name(of: Int32(truncatingIfNeeded: code)))")
    }
    return type
  }

  /// A tensor of a type, of numbers of another.
  func made(_ numbers: Tensor<Float>, as type: ONNXElementType) throws(ONNXError) -> ONNXTensor {
    try cast(.floats(numbers), to: type)
  }

  private func cast(_ x: ONNXTensor, to type: ONNXElementType) throws(ONNXError) -> ONNXTensor {
    if x.elementType == type { return x }
    switch x {
    case .floats(let tensor): return try cast(tensor, to: type)
    case .narrow(let tensor): return try cast(tensor.values, to: type)
    case .doubles(let tensor): return try cast(tensor, to: type)
    case .integers(let tensor):
      if type == .string {
        let isUnsigned = tensor.type == .uint64
        let texts = tensor.values.map { isUnsigned ? "\(UInt64(bitPattern: $0))" : "\($0)" }
        return .strings(ONNXStrings(texts, shape: tensor.shape))
      }
      guard !type.isWhole else {
        return .integers(ONNXIntegers(tensor.values.map(type.wrapping), shape: tensor.shape, type: type))
      }
      if type == .double { return .doubles(tensor.numbers()) }
      return try cast(tensor.numbers() as Tensor<Float>, to: type)
    case .strings(let tensor):
      var numbers: [Double] = []
      for text in tensor.values {
        if type.isWhole, let whole = Int64(text) {
          guard abs(whole) <= 1 << 53 else { return try castExactly(tensor, to: type) }
          numbers.append(Double(whole))
          continue
        }
        guard let number = Self.number(text) else { throw malformed("'\(text)' is no number") }
        numbers.append(number)
      }
      let parsed = Tensor<Double>(numbers, shape: tensor.shape)
      if type == .double { return .doubles(parsed) }
      return try cast(parsed, to: type)
    case .sequence, .nothing: throw malformed("a cast of what is no tensor")
    }
  }

  /// The number that a text writes, with ONNX's words for what is not finite.
  private static func number(_ text: String) -> Double? {
    switch text.lowercased() {
    case "nan": .nan
    case "inf", "+inf", "infinity", "+infinity": .infinity
    case "-inf", "-infinity": -.infinity
    default: Double(text)
    }
  }

  private func castExactly(_ texts: ONNXStrings, to type: ONNXElementType) throws(ONNXError) -> ONNXTensor {
    var values: [Int64] = []
    for text in texts.values {
      guard let value = Int64(text) else { throw malformed("'\(text)' is no whole number") }
      values.append(type.wrapping(value))
    }
    return .integers(ONNXIntegers(values, shape: texts.shape, type: type))
  }

  private func cast<Number: TensorElement>(
    _ tensor: Tensor<Number>, to type: ONNXElementType
  ) throws(ONNXError) -> ONNXTensor {
    if type == .double { return .doubles(tensor.converted()) }
    if let narrow = type.narrowFloat {
      let saturates = try integer("saturate", or: 1) != 0
      let name = try string("round_mode", or: "up")
      guard let rounding = NarrowFloat.Rounding(rawValue: name) else { throw malformed("'round_mode' is '\(name)'") }
      let rounded = (tensor.converted() as Tensor<Float>).rounded(to: narrow, saturates: saturates, rounding: rounding)
      return .narrow(ONNXNarrowFloats(exactly: rounded, type: type))
    }
    if type == .float { return .floats(tensor.converted()) }
    if type == .string {
      let texts = tensor.elements.map { value -> String in
        value.isNaN ? "NaN" : value.isInfinite ? value < 0 ? "-INF" : "INF" : "\(Self.decimal(value))"
      }
      return .strings(ONNXStrings(texts, shape: tensor.shape))
    }
    let values = tensor.elements.map { value -> Int64 in
      if type == .bool { return value == 0 ? 0 : 1 }
      if type == .uint64 {
        return Int64(bitPattern: value.isNaN || value <= 0 ? 0 : value >= 0x1p64 ? .max : UInt64(value))
      }
      // What no whole number of 64 bits is near to is the outermost one.
      let whole: Int64 = value.isNaN ? 0 : value >= 0x1p63 ? .max : value < -0x1p63 ? .min : Int64(value)
      return type.wrapping(whole)
    }
    return .integers(ONNXIntegers(values, shape: tensor.shape, type: type))
  }

  /// A number as NumPy writes it in eight digits, without a point where there is nothing behind it.
  private static func decimal<Number: TensorElement>(_ value: Number) -> String {
    String(format: "%.8g", Double(value))
  }
}

extension ONNXIntegers {
  /// The same in a precision.
  func numbers<Element: TensorElement>() -> Tensor<Element> {
    let isUnsigned = type == .uint64
    return Tensor(values.map { isUnsigned ? Element(UInt64(bitPattern: $0)) : Element($0) }, shape: shape)
  }
}
