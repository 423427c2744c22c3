import NormaGraph
import NormaTensor

extension EmbeddingOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let indices = try exporter.indices(0, of: call)
    let table = try exporter.addConstant(1, of: call)
    let name = exporter.addNode("Gather", at: call.path, [table, indices], ["axis": .integer(0)])
    return ONNXExporter.Value(name: name, shape: call.shape, isChannelsFirst: false)
  }
}

extension ChannelScalingOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsFirst(try call.value(0))
    var factors = try call.value(1)
    if x.shape.rank > 2 {
      // `[N, C]` as `[N, C, 1, …]`; 0 stands for the length there was.
      let lengths = [0, 0] + [Int64](repeating: 1, count: x.shape.rank - 2)
      let name = exporter.add(
        tensor: .integers(ONNXIntegers(lengths, shape: [lengths.count])), named: call.name("factors.shape"))
      factors = exporter.add("Reshape", [factors], constants: [name], for: call)
    }
    return exporter.add("Mul", [x, factors], for: call)
  }
}

extension ChannelDropoutOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    throw .unsupported(call.place, "no operator of ONNX drops whole channels: write the network for inference")
  }
}
