import NormaConvolution
import NormaTensor

extension OperatorCall {
  /// `Conv` over one or two axes.
  func convolution() throws(ONNXError) -> [ONNXTensor] {
    let (x, weight) = (try floats(0), try floats(1))
    guard x.rank == weight.rank, x.rank >= 3 else {
      throw malformed("images of \(x.shape) with weights \(weight.shape)")
    }
    guard x.rank <= 5 else { throw unsupported("a convolution over \(x.rank - 2) axes") }
    let sizes = Array(weight.shape.dropFirst(2))
    let (outputs, groups) = (weight.shape[0], try integer("group", or: 1))
    guard try integers("kernel_shape") ?? sizes == sizes, groups > 0, outputs > 0, outputs % groups == 0,
      weight.shape[1] > 0, x.shape[1] / groups == weight.shape[1], x.shape[1] % groups == 0
    else { throw malformed("images of \(x.shape) with weights \(weight.shape) in \(groups) groups") }
    let bias = hasInput(2) ? try floats(2, shape: [outputs]) : nil
    let axes = try window(over: Array(x.shape.dropFirst(2)), sizes: sizes)
    guard x.rank < 5 else { return [.floats(try convolution(ofVolumes: x, weight, bias, axes, groups: groups))] }
    // A row of values is an image one pixel wide.
    let isFlat = x.rank == 3
    let images = isFlat ? x.reshaped(to: Shape(x.shape + [1])) : x
    let (rows, columns) = (axes[0], isFlat ? .one : axes[1])
    let isEven = rows.begin == rows.end && columns.begin == columns.end
    let lengths =
      isEven ? [images.shape[2] + 2 * rows.begin, images.shape[3] + 2 * columns.begin] : axes.map(\.span.count)
    _ = try shape([x.shape[0], x.shape[1]] + lengths)
    _ = try shape([x.shape[0], outputs, rows.resultCount, columns.resultCount])
    var window = Window(rows, columns)
    var taken = images.transposed([0, 2, 3, 1])
    if isEven {
      window.padding = Extent2d(height: rows.begin, width: columns.begin)
    } else {
      taken = taken.spanned(by: rows, columns, padding: 0)
    }
    let y = Convolution2d.forward(
      taken, weight: isFlat ? weight.reshaped(to: Shape(weight.shape + [1])) : weight, bias: bias, window: window,
      groups: groups
    ).transposed([0, 3, 1, 2])
    return [.floats(isFlat ? y.reshaped(to: Shape(y.shape.dropLast())) : y)]
  }

  /// A convolution of volumes `[N, C, D, H, W]`: for each slice of the result the sum of those of the slices that the window takes in.
  private func convolution(
    ofVolumes x: Tensor<Float>, _ weight: Tensor<Float>, _ bias: Tensor<Float>?, _ axes: [ONNXWindowAxis], groups: Int
  ) throws(ONNXError) -> Tensor<Float> {
    let (depth, rows, columns) = (axes[0], axes[1], axes[2])
    let outputs = weight.shape[0]
    _ = try shape([x.shape[0], x.shape[1], rows.span.count, columns.span.count])
    _ = try shape([x.shape[0], outputs] + axes.map(\.resultCount))
    func slice(_ tensor: Tensor<Float>, _ place: Int) -> Tensor<Float> {
      let part = tensor.sliced(place..<place + 1, axis: 2)
      return part.reshaped(to: [part.shape[0], part.shape[1], part.shape[3], part.shape[4]])
    }
    let window = Window(rows, columns)
    let empty = Tensor<Float>.zeros([x.shape[0], rows.resultCount, columns.resultCount, outputs])
    var slices: [Tensor<Float>] = []
    for result in 0..<depth.resultCount {
      var sum = empty
      for tap in 0..<depth.size {
        let place = result * depth.stride + tap * depth.dilation - depth.begin
        guard (0..<x.shape[2]).contains(place) else { continue }
        let image = slice(x, place).transposed([0, 2, 3, 1]).spanned(by: rows, columns, padding: 0)
        sum = sum + Convolution2d.forward(image, weight: slice(weight, tap), window: window, groups: groups)
      }
      if let bias { sum = sum.applying(.add, bias, broadcast: .perChannel) }
      let moved = sum.transposed([0, 3, 1, 2])
      slices.append(moved.reshaped(to: Shape(moved.shape.prefix(2) + [1] + moved.shape.dropFirst(2))))
    }
    return slices.count == 1 ? slices[0] : Tensor.concatenating(slices, axis: 2)
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
    let (height, width) = (axes.count == 1 ? 1 : x.shape[axes.lowerBound], x.shape[axes.upperBound])
    _ = try shape([outer, rows.span.count, columns.span.count, inner])
    let images = x.reshaped(to: [outer, height, width, inner])
      .spanned(by: rows, columns, padding: isMaximum ? -.infinity : 0)
    let window = Window(rows, columns)
    var result: Tensor<Float>
    if isMaximum {
      result = Pooling2d.maximum(images, window: window)
    } else {
      result = Pooling2d.average(images, window: window)
      // Of what a window takes in, the image counts, and the padding if it is to.
      let (more, wider) = countsPadding ? (rows, columns) : (.one, .one)
      let down = rows.shares(in: -more.begin..<height + more.end)
      let across = columns.shares(in: -wider.begin..<width + wider.end)
      if !(down + across).allSatisfy({ $0 == 1 }) {
        let shares = Tensor(
          down.flatMap { share in across.map { share * $0 } }, shape: [1, down.count, across.count, 1])
        guard case .floats(let all) = ONNXTensor.floats(shares).broadcast(to: result.shape) else { return result }
        result = result / all
      }
    }
    var lengths = Array(x.shape)
    if axes.count == 2 { lengths[axes.lowerBound] = rows.resultCount }
    lengths[axes.upperBound] = columns.resultCount
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

extension Window {
  /// A window along two axes, without padding.
  fileprivate init(_ rows: ONNXWindowAxis, _ columns: ONNXWindowAxis) {
    self.init(
      Extent2d(height: rows.size, width: columns.size), stride: Extent2d(height: rows.stride, width: columns.stride),
      dilation: Extent2d(height: rows.dilation, width: columns.dilation))
  }
}

extension Tensor<Float> {
  /// What windows take in of images `[N, H, W, C]`: padded where they reach over the ends, cut where they do not reach them.
  fileprivate func spanned(by rows: ONNXWindowAxis, _ columns: ONNXWindowAxis, padding: Float) -> Tensor<Float> {
    guard rows.span != 0..<shape[1] || columns.span != 0..<shape[2] else { return self }
    let spans = [0..<shape[0], rows.span, columns.span, 0..<shape[3]]
    let sources = zip(spans, shape).map { span, length in span.map { (0..<length).contains($0) ? $0 : nil } }
    let picked = ONNXTensor.floats(self).picking(sources, fill: .floats(.scalar(padding)))
    guard case .floats(let result) = picked else { return self }
    return result
  }
}
