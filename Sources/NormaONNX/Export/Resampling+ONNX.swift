import NormaConvolution
import NormaGraph
import NormaTensor

extension ResamplingOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsFirst(try call.value(0))
    if case .weights(let weights) = target {
      return exporter.add(products: (weights.rows.matrix, weights.columns.matrix), of: x, for: call)
    }
    let sizes = exporter.add(
      tensor: .integers(ONNXIntegers(call.shape[1..<3].map(Int64.init), shape: [2])), named: call.name("sizes"))
    var attributes: [String: ONNXExporter.Attribute] = ["axes": .integers([2, 3])]
    switch interpolation {
    case .nearest:
      attributes["mode"] = .string("nearest")
      attributes["coordinate_transformation_mode"] = .string("asymmetric")
      attributes["nearest_mode"] = .string("floor")
    case .bilinear(let alignsCorners):
      attributes["mode"] = .string("linear")
      attributes["coordinate_transformation_mode"] = .string(alignsCorners ? "align_corners" : "half_pixel")
    }
    // Neither a region nor scales.
    return exporter.add("Resize", [x], constants: ["", "", sizes], attributes, since: 18, for: call)
  }
}

extension AdaptiveMaxPoolingOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    try AdaptivePooling(extent: extent, isMaximum: true).export(call, to: &exporter)
  }
}

extension AdaptiveAveragePoolingOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    try AdaptivePooling(extent: extent, isMaximum: false).export(call, to: &exporter)
  }
}

private struct AdaptivePooling {
  let extent: Extent2d
  let isMaximum: Bool

  func export(_ call: ONNXExporter.Call, to exporter: inout ONNXExporter) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsFirst(try call.value(0))
    let lengths = [x.shape[1], x.shape[2]]
    let results = [extent.height, extent.width]
    if zip(lengths, results).allSatisfy({ $0 % $1 == 0 }) {
      let sizes = zip(lengths, results).map { $0 / $1 }
      return exporter.add(
        isMaximum ? "MaxPool" : "AveragePool", [x],
        ["kernel_shape": .integers(sizes), "strides": .integers(sizes)], for: call)
    }
    return isMaximum
      ? exportMaximum(of: x, lengths, results, call, &exporter)
      : exportAverage(of: x, lengths, results, call, &exporter)
  }

  /// ONNX has no windows of several sizes: smaller ones are filled up with their last value again, and laid side by side.
  private func exportMaximum(
    of x: ONNXExporter.Value, _ lengths: [Int], _ results: [Int], _ call: ONNXExporter.Call,
    _ exporter: inout ONNXExporter
  ) -> ONNXExporter.Value {
    var y = x
    var sizes: [Int] = []
    for (axis, (length, count)) in zip(lengths, results).enumerated() {
      let windows = (0..<count).map { Pooling2d.adaptiveWindow($0, of: count, length: length) }
      let size = windows.map(\.count).max() ?? 1
      let places = windows.flatMap { window in
        (0..<size).map { Int64(min(window.lowerBound + $0, window.upperBound - 1)) }
      }
      let name = exporter.add(
        tensor: .integers(ONNXIntegers(places, shape: [places.count])), named: call.name("places"))
      y = exporter.add("Gather", [y], constants: [name], ["axis": .integer(2 + axis)], for: call)
      sizes.append(size)
    }
    return exporter.add(
      "MaxPool", [y], ["kernel_shape": .integers(sizes), "strides": .integers(sizes)], for: call)
  }

  /// A mean along each axis is a product with a matrix of shares: `rows · x · columnsᵀ`.
  private func exportAverage(
    of x: ONNXExporter.Value, _ lengths: [Int], _ results: [Int], _ call: ONNXExporter.Call,
    _ exporter: inout ONNXExporter
  ) -> ONNXExporter.Value {
    func shares(_ axis: Int) -> Tensor<Float> {
      let (length, count) = (lengths[axis], results[axis])
      let values = (0..<count).flatMap { result in
        let window = Pooling2d.adaptiveWindow(result, of: count, length: length)
        return (0..<length).map { window.contains($0) ? 1 / Float(window.count) : 0 }
      }
      return Tensor(values, shape: [count, length])
    }
    return exporter.add(products: (shares(0), shares(1)), of: x, for: call)
  }
}

extension AxisResampling {
  /// Its weights, a row for each result: what it makes of the unit vectors.
  fileprivate var matrix: Tensor<Float> {
    let ones = (0..<sourceLength * sourceLength).map { Float($0 % (sourceLength + 1) == 0 ? 1 : 0) }
    return Tensor(ones, shape: [sourceLength, sourceLength]).resampled(by: self, outer: 1, inner: sourceLength)
      .reshaped(to: [resultLength, sourceLength])
  }
}

extension ONNXExporter {
  /// A weighted sum along the rows and the columns of images with their channels first: `rows · x · columnsᵀ`.
  fileprivate mutating func add(
    products: (rows: Tensor<Float>, columns: Tensor<Float>), of x: Value, for call: Call
  ) -> Value {
    let rows = add(constant: products.rows, named: call.name("rows"))
    let columns = add(constant: products.columns.transposed([1, 0]), named: call.name("columns"))
    let y = add("MatMul", [x], constants: [columns], for: call)
    let name = addNode("MatMul", at: call.path, [rows, y.name])
    return Value(name: name, shape: call.shape, isChannelsFirst: true)
  }
}
