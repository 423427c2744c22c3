import NormaGraph
import NormaTensor

extension MeanVarianceNormalizationOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = try call.value(0)
    let places = axes.map(x.place).sorted()
    return exporter.add("MeanVarianceNormalization", [x], ["axes": .integers(places)], for: call)
  }
}

extension LpNormalizationOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = try call.value(0)
    return exporter.add(
      "LpNormalization", [x], ["axis": .integer(x.place(ofAxis: axis)), "p": .integer(norm.rawValue)], for: call)
  }
}

extension LocalResponseNormalizationOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let size = normalization.size
    guard normalization.window == -((size - 1) / 2)...size / 2 else {
      throw .unsupported(
        call.place, "local response normalization over \(size) channels, of which ONNX has the middle elsewhere")
    }
    let attributes: [String: ONNXExporter.Attribute] = [
      "size": .integer(size), "alpha": .number(Float(normalization.alpha)),
      "beta": .number(Float(normalization.beta)), "bias": .number(Float(normalization.k)),
    ]
    let x = exporter.channelsFirst(try call.value(0))
    guard x.shape.rank != 4 else { return exporter.add("LRN", [x], attributes, for: call) }
    // Runtimes take images alone.
    let channels = x.shape.channelCount
    let images = exporter.add(integers: [0, channels, -1, 1], named: call.name("images"))
    let shape = exporter.add(integers: [0, channels] + x.positions, named: call.name("shape"))
    let y = exporter.add(
      "LRN", [exporter.add("Reshape", [x], constants: [images], for: call)], attributes, for: call)
    return exporter.add("Reshape", [y], constants: [shape], for: call)
  }
}
