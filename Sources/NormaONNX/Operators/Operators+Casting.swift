import NormaTensor

extension OperatorCall {
  /// `Cast`: elements as those of another type. Fractions are cut off; what is not 0 is true.
  func cast() throws(ONNXError) -> [ONNXTensor] { [try cast(try input(0), to: try elementType("to"))] }

  /// `CastLike`: as those of another input.
  func castLike() throws(ONNXError) -> [ONNXTensor] { [try cast(try input(0), to: try input(1).elementType)] }

  /// The element type that an attribute names.
  func elementType(_ name: String, or standard: ONNXElementType? = nil) throws(ONNXError) -> ONNXElementType {
    let code = try integer(name, or: standard.map { Int($0.rawValue) } ?? 0)
    guard let code = Int32(exactly: code), let type = ONNXElementType(rawValue: code) else {
      throw unsupported("elements of type \(ONNXElementType.name(of: Int32(truncatingIfNeeded: code)))")
    }
    return type
  }

  private func cast(_ x: ONNXTensor, to type: ONNXElementType) throws(ONNXError) -> ONNXTensor {
    switch x {
    case .floats(let tensor):
      if let precision = type.halfPrecision { return .floats(tensor.rounded(to: precision).widened()) }
      guard type != .float else { return x }
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
    case .integers(let tensor):
      guard type.computed != .float else {
        let isUnsigned = tensor.type == .uint64
        let values = tensor.values.map { isUnsigned ? Float(UInt64(bitPattern: $0)) : Float($0) }
        return try cast(.floats(Tensor(values, shape: tensor.shape)), to: type)
      }
      return .integers(ONNXIntegers(tensor.values.map(type.wrapping), shape: tensor.shape, type: type))
    }
  }
}
