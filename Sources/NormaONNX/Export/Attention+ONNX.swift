import NormaGraph
import NormaTensor

extension CausalMaskOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsLast(try call.value(0))
    let (queries, keys) = (x.shape[x.shape.rank - 2], x.shape.channelCount)
    let mask = (0..<queries * keys).map { index -> Float in
      index % keys < Self.seenCount(index / keys, queries: queries, keys: keys) ? 0 : -.infinity
    }
    let name = exporter.add(constant: Tensor(mask, shape: [queries, keys]), named: call.name("mask"))
    return exporter.add("Add", [x], constants: [name], for: call)
  }
}
