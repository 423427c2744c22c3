import NormaConvolution
import NormaGraph
import NormaTensor

extension MatrixProductOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    var names: [String] = []
    for (index, isTransposed) in [transposesLeft, transposesRight].enumerated() {
      switch call.operands[index] {
      case .value(let value):
        let value = exporter.channelsLast(value)
        guard value.shape.rank > 2 || index == 0 && !isTransposed else {
          throw .unsupported(call.place, "a product in which samples meet samples")
        }
        names.append(isTransposed ? exporter.addTransposedMatrices(value, at: call.path) : value.name)
      case .constant(let name, let value):
        let rank = value.rank
        let turned = isTransposed ? value.transposed(Array(0..<rank - 2) + [rank - 1, rank - 2]) : value
        names.append(exporter.add(constant: turned, named: name))
      }
    }
    let name = exporter.addNode("MatMul", at: call.path, names)
    return ONNXExporter.Value(name: name, shape: call.shape, isChannelsFirst: false)
  }
}

extension ONNXExporter {
  /// The name of the matrices in the last two axes of a value, transposed.
  fileprivate mutating func addTransposedMatrices(_ value: Value, at path: String) -> String {
    let rank = value.shape.rank
    return addNode(
      "Transpose", at: path, [value.name], ["perm": .integers(Array(0..<rank - 2) + [rank - 1, rank - 2])])
  }
}

extension LinearOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsLast(try call.value(0))
    let bias = hasBias ? [try exporter.addConstant(2, of: call)] : []
    var y: ONNXExporter.Value
    if x.shape.rank == 2 {
      let weight = try exporter.addConstant(1, of: call)
      y = exporter.add("Gemm", [x], constants: [weight] + bias, ["transB": .integer(1)], for: call)
    } else {
      let weight = try call.constant(1)
      let name = exporter.add(constant: weight.value.transposed([1, 0]), named: weight.name)
      y = exporter.add("MatMul", [x], constants: [name], for: call)
      if hasBias { y = exporter.add("Add", [y], constants: bias, for: call) }
    }
    return rectifies ? exporter.add("Relu", [y], for: call) : y
  }
}

extension ConvolutionOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsFirst(try call.value(0))
    var constants: [String] = []
    for index in hasBias ? [1, 2] : [1] { constants.append(try exporter.addConstant(index, of: call)) }
    var y = exporter.add(
      "Conv", [x], constants: constants,
      window.attributes(isOfSignals: x.shape.rank == 3).merging(["group": .integer(groups)]) { $1 }, for: call)
    if addsResidual {
      y = exporter.add("Add", [y, exporter.channelsFirst(try call.value(call.count - 1))], for: call)
    }
    return rectifies ? exporter.add("Relu", [y], for: call) : y
  }
}

extension TransposedConvolutionOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsFirst(try call.value(0))
    var constants: [String] = []
    for index in hasBias ? [1, 2] : [1] { constants.append(try exporter.addConstant(index, of: call)) }
    var attributes = window.attributes()
    attributes["group"] = .integer(groups)
    if outputPadding != 0 { attributes["output_padding"] = .integers([outputPadding.height, outputPadding.width]) }
    let y = exporter.add("ConvTranspose", [x], constants: constants, attributes, for: call)
    return rectifies ? exporter.add("Relu", [y], for: call) : y
  }
}

extension Window {
  /// What the window is called in ONNX; of one along signals, along their one axis.
  fileprivate func attributes(isOfSignals: Bool = false) -> [String: ONNXExporter.Attribute] {
    func lengths(_ extent: Extent2d) -> [Int] { isOfSignals ? [extent.width] : [extent.height, extent.width] }
    var attributes: [String: ONNXExporter.Attribute] = [
      "kernel_shape": .integers(lengths(size)), "strides": .integers(lengths(stride)),
      "pads": .integers(lengths(padding) + lengths(padding)),
    ]
    if dilation != 1 { attributes["dilations"] = .integers(lengths(dilation)) }
    return attributes
  }
}

extension MaxPoolingOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    var attributes = window.attributes(isOfSignals: isOfSignals)
    if countsPartialWindows { attributes["ceil_mode"] = .integer(1) }
    return exporter.add("MaxPool", [exporter.channelsFirst(try call.value(0))], attributes, for: call)
  }
}

extension AveragePoolingOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    var attributes = window.attributes(isOfSignals: isOfSignals)
    attributes["count_include_pad"] = .integer(countsPadding ? 1 : 0)
    if countsPartialWindows { attributes["ceil_mode"] = .integer(1) }
    return exporter.add(
      "AveragePool", [exporter.channelsFirst(try call.value(0))], attributes,
      since: window.dilation == 1 && !countsPartialWindows ? 17 : 21, for: call)
  }
}

extension GlobalAverageOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = try call.value(0)
    guard x.shape.rank > 2 else { return x }
    let average = exporter.add("GlobalAveragePool", [exporter.channelsFirst(x)], for: call)
    var y = exporter.add("Flatten", [average], ["axis": .integer(1)], for: call)
    y.isChannelsFirst = false
    return y
  }
}

extension FlattenOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = try call.value(0)
    // One position, or one channel, is in the same order either way.
    let isSame = x.positions.allSatisfy { $0 == 1 } || x.shape.channelCount == 1
    var y = exporter.add("Flatten", [isSame ? x : exporter.channelsLast(x)], ["axis": .integer(1)], for: call)
    y.isChannelsFirst = false
    return y
  }
}

extension ReshapeOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsLast(try call.value(0))
    guard x.shape.first == 1, shape.first == 1 else {
      throw .unsupported(call.place, "a reshape of \(x.shape) to \(shape), which does not keep the samples apart")
    }
    // 0 stands for the length there was.
    let lengths = [0] + shape.dropFirst().map(Int64.init)
    let name = exporter.add(
      tensor: .integers(ONNXIntegers(lengths, shape: [lengths.count])), named: call.name("shape"))
    return exporter.add("Reshape", [x], constants: [name], for: call)
  }
}

extension ChannelPaddingOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsFirst(try call.value(0))
    let rank = x.shape.rank
    var pads = [Int64](repeating: 0, count: 2 * rank)
    pads[rank + (x.isChannelsFirst ? 1 : rank - 1)] = Int64(channels - x.shape.channelCount)
    let name = exporter.add(
      tensor: .integers(ONNXIntegers(pads, shape: [pads.count])),
      named: call.name("pads"))
    return exporter.add("Pad", [x], constants: [name], for: call)
  }
}
