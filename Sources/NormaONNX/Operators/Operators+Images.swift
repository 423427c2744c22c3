import Convolution
import NormaTensor

extension OperatorCall {
  /// `Conv` over one or two axes.
  func convolution() throws(ONNXError) -> [ONNXTensor] {
    let (x, weight) = (try floats(0), try floats(1))
    guard x.rank == weight.rank, x.rank >= 3 else {
      throw malformed("images of \(x.shape) with weights \(weight.shape)")
    }
    guard x.rank <= 4 else { throw unsupported("a convolution over \(x.rank - 2) axes") }
    let sizes = Array(weight.shape.dropFirst(2))
    let (outputs, groups) = (weight.shape[0], try integer("group", or: 1))
    guard try integers("kernel_shape") ?? sizes == sizes, groups > 0, outputs > 0, outputs % groups == 0,
      weight.shape[1] > 0, x.shape[1] / groups == weight.shape[1], x.shape[1] % groups == 0
    else { throw malformed("images of \(x.shape) with weights \(weight.shape) in \(groups) groups") }
    let bias = hasInput(2) ? try floats(2, shape: [outputs]) : nil
    let axes = try window(over: Array(x.shape.dropFirst(2)), sizes: sizes)
    // A row of values is an image one pixel wide.
    let isFlat = x.rank == 3
    let images = isFlat ? x.reshaped(to: Shape(x.shape + [1])) : x
    let (rows, columns) = (axes[0], isFlat ? .one : axes[1])
    _ = try shape([
      x.shape[0], x.shape[1], images.shape[2] + rows.begin + rows.end, images.shape[3] + columns.begin + columns.end,
    ])
    _ = try shape([x.shape[0], outputs, rows.resultCount, columns.resultCount])
    let window = Window(
      Extent2d(height: rows.size, width: columns.size), stride: Extent2d(height: rows.stride, width: columns.stride),
      dilation: Extent2d(height: rows.dilation, width: columns.dilation))
    var padded = images.transposed([0, 2, 3, 1])
    if rows.isPadded || columns.isPadded {
      padded = padded.padded([nil, rows, columns, nil], with: 0)
    }
    let y = Convolution2d.forward(
      padded, weight: isFlat ? weight.reshaped(to: Shape(weight.shape + [1])) : weight, bias: bias, window: window,
      groups: groups
    ).transposed([0, 3, 1, 2])
    return [.floats(isFlat ? y.reshaped(to: Shape(y.shape.dropLast())) : y)]
  }

  /// `MaxPool` and `AveragePool` over any number of axes: a mean over places, and a maximum, can be taken over two axes, and
  /// then over others of what that gives.
  func pooling(isMaximum: Bool) throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    guard x.rank >= 3, let sizes = try integers("kernel_shape"), sizes.count == x.rank - 2 else {
      throw malformed("a pooling of \(x.shape) without a window for each axis after the second")
    }
    guard node.outputs.count <= 1 else { throw unsupported("the places of the largest values") }
    let axes = try window(over: Array(x.shape.dropFirst(2)), sizes: sizes)
    let countsPadding = try integer("count_include_pad", or: 0) != 0
    var y = x
    var axis = x.rank - 1
    while axis >= 2 {
      let first = axis > 2 ? axis - 1 : axis
      y = try pooled(
        y, axes: first...axis, rows: first == axis ? .one : axes[first - 2], columns: axes[axis - 2],
        isMaximum: isMaximum, countsPadding: countsPadding)
      axis = first - 1
    }
    return [.floats(y)]
  }

  /// A pooling over two axes that stand side by side, or one.
  private func pooled(
    _ x: Tensor<Float>, axes: ClosedRange<Int>, rows: ONNXWindowAxis, columns: ONNXWindowAxis, isMaximum: Bool,
    countsPadding: Bool
  ) throws(ONNXError) -> Tensor<Float> {
    // What stands before the axes is a batch, and what stands after them are channels.
    let outer = x.shape[..<axes.lowerBound].reduce(1, *)
    let inner = x.shape[(axes.upperBound + 1)...].reduce(1, *)
    let height = axes.count == 1 ? 1 : x.shape[axes.lowerBound]
    let images = x.reshaped(to: [outer, height, x.shape[axes.upperBound], inner])
    _ = try shape([outer, height + rows.begin + rows.end + rows.overhang, columns.padded(images.shape[2]), inner])
    let window = Window(
      Extent2d(height: rows.size, width: columns.size), stride: Extent2d(height: rows.stride, width: columns.stride),
      dilation: Extent2d(height: rows.dilation, width: columns.dilation))
    let padded = images.padded([nil, rows, columns, nil], with: isMaximum ? -.infinity : 0)
    var result: Tensor<Float>
    if isMaximum {
      result = Pooling2d.maximum(padded, window: window)
    } else {
      result = Pooling2d.average(padded, window: window)
    }
    if !isMaximum && padded.shape != images.shape {
      // The share of each window that counts: the image itself, and the padding if it is to.
      var (all, other) = (rows, columns)
      var counted: Shape = [1, height, images.shape[2], 1]
      if countsPadding {
        counted = [1, height + rows.begin + rows.end, images.shape[2] + columns.begin + columns.end, 1]
        (all.begin, all.end, other.begin, other.end) = (0, 0, 0, 0)
      }
      let shares = Pooling2d.average(
        Tensor.ones(counted).padded([nil, all, other, nil], with: 0), window: window)
      if case .floats(let shares) = ONNXTensor.floats(shares).broadcast(to: result.shape) { result = result / shares }
    }
    var lengths = Array(x.shape)
    if axes.count == 2 { lengths[axes.lowerBound] = result.shape[1] }
    lengths[axes.upperBound] = result.shape[2]
    return result.reshaped(to: Shape(lengths))
  }

  /// `GlobalAveragePool`.
  func globalAverage() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    guard x.rank >= 2 else { throw malformed("an average of \(x.shape), which is not [N, C, …]") }
    let means = Pooling2d.globalAverage(x.transposed([0] + Array(2..<x.rank) + [1]))
    return [.floats(means.reshaped(to: Shape(means.shape + [Int](repeating: 1, count: x.rank - 2))))]
  }
}

extension ONNXWindowAxis {
  /// The window along an axis that is not there.
  fileprivate static let one = ONNXWindowAxis(
    size: 1, stride: 1, dilation: 1, begin: 0, end: 0, resultCount: 1, overhang: 0)

  fileprivate var isPadded: Bool { begin > 0 || end > 0 }

  fileprivate func padded(_ length: Int) -> Int { begin + length + end + overhang }
}

extension Tensor<Float> {
  /// More values at the ends of the axes that have a window.
  fileprivate func padded(_ windows: [ONNXWindowAxis?], with value: Float) -> Tensor<Float> {
    guard windows.contains(where: { $0.map { $0.isPadded || $0.overhang > 0 } ?? false }) else { return self }
    let sources = zip(windows, shape).map { window, length -> AxisSources in
      guard let window else { return (0..<length).map { $0 } }
      return (-window.begin..<length + window.end + window.overhang).map { (0..<length).contains($0) ? $0 : nil }
    }
    guard case .floats(let result) = ONNXTensor.floats(self).picking(sources, fill: .floats(.scalar(value))) else {
      return self
    }
    return result
  }
}
