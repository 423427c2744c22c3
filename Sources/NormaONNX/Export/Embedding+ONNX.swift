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
