import NormaGraph
import NormaTensor

extension ElementwiseOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = try call.value(0)
    func constant(_ number: Float) -> String {
      exporter.add(constant: .scalar(number), named: call.name("constant"))
    }
    switch function {
    case .leakyReLU(slope: 0): return exporter.add("Relu", [x], for: call)
    case .leakyReLU(let slope): return exporter.add("LeakyRelu", [x], ["alpha": .number(slope)], for: call)
    case .sigmoid: return exporter.add("Sigmoid", [x], for: call)
    case .hyperbolicTangent: return exporter.add("Tanh", [x], for: call)
    case .negate: return exporter.add("Neg", [x], for: call)
    case .square: return exporter.add("Mul", [x, x], for: call)
    case .squareRoot: return exporter.add("Sqrt", [x], for: call)
    case .reciprocal: return exporter.add("Reciprocal", [x], for: call)
    case .exponential: return exporter.add("Exp", [x], for: call)
    case .logarithm: return exporter.add("Log", [x], for: call)
    case .scale(let factor): return exporter.add("Mul", [x], constants: [constant(factor)], for: call)
    case .offset(let term): return exporter.add("Add", [x], constants: [constant(term)], for: call)
    case .subtracted(let number): return exporter.add("Sub", constants: [constant(number)], before: x, for: call)
    case .divided(let divisor): return exporter.add("Div", [x], constants: [constant(divisor)], for: call)
    case .dividing(let number): return exporter.add("Div", constants: [constant(number)], before: x, for: call)
    case .absolute: return exporter.add("Abs", [x], for: call)
    case .power(let exponent): return exporter.add("Pow", [x], constants: [constant(exponent)], for: call)
    case .clamp(let bounds):
      let names = [bounds.lowerBound, bounds.upperBound].map(constant)
      return exporter.add("Clip", [x], constants: names, for: call)
    case .activation(let function): return exporter.add(function, x, call)
    }
  }
}

extension ONNXExporter {
  fileprivate mutating func add(_ function: ActivationFunction<Float>, _ x: Value, _ call: Call) -> Value {
    switch function {
    case .gelu: add("Gelu", [x], since: 20, for: call)
    case .silu: add("Mul", [x, add("Sigmoid", [x], for: call)], for: call)
    case .softplus: add("Softplus", [x], for: call)
    case .mish: add("Mish", [x], since: 18, for: call)
    case .elu(let alpha): add("Elu", [x], ["alpha": .number(alpha)], for: call)
    case .hardSigmoid: add("HardSigmoid", [x], ["alpha": .number(1 / 6), "beta": .number(0.5)], for: call)
    case .hardSwish: add("HardSwish", [x], for: call)
    }
  }

  /// A node whose constants come before a value.
  fileprivate mutating func add(
    _ operation: String, constants: [String], before x: Value, for call: Call
  ) -> Value {
    let name = addNode(operation, at: call.path, constants + [x.name])
    return Value(name: name, shape: call.shape, isChannelsFirst: x.isChannelsFirst)
  }
}

extension ParametricReLUOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let (x, slope) = (try call.value(0), try call.constant(1))
    // ONNX repeats the slope along the axes before its own.
    let shape = x.isChannelsFirst ? [slope.value.count] + x.positions.map { _ in 1 } : [slope.value.count]
    let name = exporter.add(constant: slope.value.reshaped(to: Shape(shape)), named: slope.name)
    return exporter.add("PRelu", [x], constants: [name], for: call)
  }
}

extension AdditionOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let sum = try exporter.addArithmetic("Add", broadcast, call)
    return rectifies ? exporter.add("Relu", [sum], for: call) : sum
  }
}

extension ArithmeticOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let name =
      switch kind {
      case .subtract: "Sub"
      case .multiply: "Mul"
      case .divide: "Div"
      }
    return try exporter.addArithmetic(name, broadcast, call)
  }
}

extension ONNXExporter {
  /// An operation of two operands, either of which may be a constant.
  fileprivate mutating func addArithmetic(
    _ operation: String, _ broadcast: Broadcast, _ call: Call
  ) throws(ONNXError) -> Value {
    if broadcast == .perRow {
      let (x, y) = (channelsLast(try call.value(0)), channelsLast(try call.value(1)))
      guard y.shape.rank < x.shape.rank else { return add(operation, [x, y], for: call) }
      guard y.shape.rank == x.shape.rank - 1 else { throw .unsupported(call.place, "a number for each row") }
      let name = add(integers: y.shape.map { _ in 0 } + [1], named: call.name("shape"))
      return add(operation, [x, add("Reshape", [y], constants: [name], for: call)], for: call)
    }
    if broadcast == .perSample {
      let (x, y) = (try call.value(0), try call.value(1))
      // One place along each axis between samples and channels; 0 stands for the length there was.
      let ones = x.positions.map { _ in Int64(1) }
      let lengths = [0] + (x.isChannelsFirst ? [0] + ones : ones + [Int64(x.shape.channelCount)])
      let name = add(tensor: .integers(ONNXIntegers(lengths, shape: [lengths.count])), named: call.name("shape"))
      var spread = add("Reshape", [y], constants: [name], for: call)
      spread.isChannelsFirst = x.isChannelsFirst
      return add(operation, [x, spread], for: call)
    }
    var values = call.operands.map { operand in if case .value(let value) = operand { value } else { Value?.none } }
    // Vectors of a number for each channel, and constants, are of channels that are last.
    if broadcast == .perChannel || values.contains(where: { $0 == nil })
      || Set(values.map { $0?.isChannelsFirst }).count > 1
    {
      let last = broadcast == .perChannel || values.contains { $0 == nil }
      values = values.map { value in value.map { last ? channelsLast($0) : channelsFirst($0) } }
    }
    var names: [String] = []
    for (index, value) in values.enumerated() {
      if let value {
        names.append(value.name)
      } else {
        names.append(try addConstant(index, of: call))
      }
    }
    let name = addNode(operation, at: call.path, names)
    return Value(
      name: name, shape: call.shape, isChannelsFirst: values.compactMap(\.self).first?.isChannelsFirst ?? false)
  }
}

extension DropoutOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let ratio = exporter.add(constant: .scalar(Float(1 - keepProbability)), named: call.name("ratio"))
    let isTraining = exporter.add(
      tensor: .integers(ONNXIntegers([1], shape: [], type: .bool)), named: call.name("training"))
    return exporter.add("Dropout", [try call.value(0)], constants: [ratio, isTraining], for: call)
  }
}

extension ChannelDropoutOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    throw .unsupported(call.place, "no operator of ONNX drops whole channels: write the network for inference")
  }
}
