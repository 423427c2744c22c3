import Norma
import NormaONNX
import Testing

/// What elements may be: of double width, narrower than single precision, whole and exact.
struct TypeTests {
  private typealias Bytes = ModelBytes

  @Test func whatIsOfDoubleWidthIsComputedInDoublePrecision() throws {
    // 1 + 10⁻¹², of which single precision leaves 1.
    let weights: [Double] = [1 + 1e-12, 2, -3, 4, 5 - 1e-12, 6]
    let tensor =
      Bytes.field(1, 3) + Bytes.field(1, 2) + Bytes.field(2, 11) + Bytes.field(8, "w")
      + Bytes.field(9, weights.withUnsafeBytes { Array($0) })
    let nodes = [
      Bytes.node("MatMul", ["x", "w"], ["a"]), Bytes.node("Relu", ["a"], ["b"]), Bytes.node("Exp", ["b"], ["c"]),
      Bytes.node("Log", ["c"], ["y"]),
    ]
    let model = try ONNXModel(bytes: Bytes.model(nodes, type: 11, tensors: [tensor]))
    let x: [Double] = [1, 1e-3, 2, -1, 0.5, 0.25]
    let y = try model([.doubles(Tensor(x, shape: [2, 3]))])
    guard case .doubles(let found) = y[0] else {
      Issue.record("\(y[0].elementType)")
      return
    }
    for row in 0..<2 {
      for column in 0..<2 {
        let sum = (0..<3).reduce(0.0) { $0 + x[row * 3 + $1] * weights[$1 * 2 + column] }
        // A few roundings of numbers of some tens.
        #expect(abs(found.elements[row * 2 + column] - max(sum, 0)) < 64 * 0x1p-52)
      }
    }
    #expect(throws: ONNXError.self) { try model([.floats(Tensor(x.map { Float($0) }, shape: [2, 3]))]) }
    // A network computes in single precision, and says so.
    let network = try ONNXNetwork(model)
    #expect(network.roundsDoubles)
    let singles = try network(Variable(Tensor(x.map { Float($0) }, shape: [2, 3])), in: .inference).value
    for (single, double) in zip(singles.elements, found.elements) {
      // A few roundings of numbers of some tens, of which an exponential makes relative ones.
      #expect(abs(Double(single) - double) < 64 * 0x1p-23)
    }
    #expect(try ONNXModel(bytes: model.encoded()) == model)
  }

  /// All numbers of a format, by its definition.
  private func numbers(exponentBits: Int, fractionBits: Int, bias: Int, largest: Float) -> [Float] {
    var numbers: [Float] = []
    for exponent in 0..<1 << exponentBits {
      for fraction in 0..<1 << fractionBits {
        let part = Float(fraction) / Float(1 << fractionBits)
        let scale = Float(sign: .plus, exponent: max(exponent, 1) - bias, significand: 1)
        let value = (exponent == 0 ? part : 1 + part) * scale
        if value <= largest { numbers.append(value) }
      }
    }
    return numbers
  }

  @Test func narrowNumbersAreTheNearestOfTheirFormat() {
    let formats: [(ONNXElementType, [Float])] = [
      (.float8e4m3fn, numbers(exponentBits: 4, fractionBits: 3, bias: 7, largest: 448)),
      (.float8e4m3fnuz, numbers(exponentBits: 4, fractionBits: 3, bias: 8, largest: 240)),
      (.float8e5m2, numbers(exponentBits: 5, fractionBits: 2, bias: 15, largest: 57_344)),
      (.float8e5m2fnuz, numbers(exponentBits: 5, fractionBits: 2, bias: 16, largest: 57_344)),
      (.float4e2m1, numbers(exponentBits: 2, fractionBits: 1, bias: 1, largest: 6)),
    ]
    var random = RandomGenerator(seed: 5)
    for (type, known) in formats {
      let asked = known + (0..<2000).map { _ in Float.random(in: 0..<1.2, using: &random) * known.max()! }
      let found = ONNXNarrowFloats(Tensor(asked + asked.map { -$0 }), type: type).values.elements
      for (index, value) in asked.enumerated() {
        let distance = known.reduce(Float.infinity) { min($0, abs($1 - value)) }
        #expect(abs(found[index] - value) == distance, "\(value) as \(type) is \(found[index])")
        #expect(found[asked.count + index] == -found[index])
      }
    }
    // Exponents alone are rounded up.
    let powers = ONNXNarrowFloats(Tensor([0.75, 1, 1.5, 2, 3, 0x1p127]), type: .float8e8m0).values.elements
    #expect(powers == [1, 1, 2, 2, 4, 0x1p127])
  }

  @Test func everyTypeIsWrittenAndReadAgain() throws {
    let types: [ONNXElementType] = [
      .float, .double, .float16, .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float4e2m1,
      .float8e8m0, .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64, .uint4, .int4, .uint2,
      .int2,
      .string,
    ]
    for type in types {
      // 0, 1, 1, 0, 1 as they are, by a cast from what can be written by hand.
      let nodes = [
        Bytes.node("Cast", ["w"], ["v"], Bytes.attribute("to", [Int(type.rawValue)], isList: false)),
        Bytes.node("Shape", ["x"], ["s"]), Bytes.node("Expand", ["v", "s"], ["y"]),
      ]
      let model = try ONNXModel(
        bytes: Bytes.model(
          nodes, x: [5], type: 1,
          tensors: [Bytes.floats("w", [5], type == .float8e8m0 ? [1, 2, 4, 2, 1] : [0, 1, 1, 0, 1])],
          version: 24))
      let fixed = try model.fixing(["x": .floats(.zeros([5]))])
      #expect(try ONNXModel(bytes: fixed.encoded()) == fixed)
      // Odd counts of numbers of a few bits leave room in their last byte.
      let constant = try ONNXModel(
        bytes: Bytes.model([Bytes.node("Identity", ["x"], ["y"])], x: [5], type: Int(type.rawValue)))
      let value = try #require(Self.example(of: type))
      let holding = try constant.fixing(["x": value])
      #expect(try ONNXModel(bytes: holding.encoded()).tensors[0].tensor == value, "\(type)")
    }
  }

  private static func example(of type: ONNXElementType) -> ONNXTensor? {
    let values: [Float] = type == .float8e8m0 ? [1, 2, 4, 0.5, 1] : [0, 1, 1, 0, 1]
    switch type {
    case .float: return .floats(Tensor(values))
    case .double: return .doubles(Tensor(values.map(Double.init)))
    case .string: return .strings(ONNXStrings(["", "ä", "two words", "\n", "e"], shape: [5]))
    case .float16, .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float4e2m1, .float8e8m0:
      return .narrow(ONNXNarrowFloats(Tensor(values), type: type))
    default: return .integers(ONNXIntegers(values.map { Int64($0) }, shape: [5], type: type))
    }
  }

  @Test func wholeNumbersAreExact() throws {
    // Beyond what single and double precision hold.
    let large = Int64.max - 1
    let tensor = Bytes.field(1, 1) + Bytes.field(2, 7) + Bytes.field(7, Int(large)) + Bytes.field(8, "w")
    let model = try ONNXModel(
      bytes: Bytes.model([Bytes.node("Add", ["x", "w"], ["y"])], x: [2], type: 7, tensors: [tensor]))
    let y = try model([.integers(ONNXIntegers([1, -3], shape: [2]))])
    #expect(y == [.integers(ONNXIntegers([.max, .max - 4], shape: [2]))])
  }
}
