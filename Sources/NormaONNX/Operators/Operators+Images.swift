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
    guard x.rank < 5 else { return [.numbers(try convolution(ofVolumes: x, weight, bias, axes, groups: groups))] }
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
    return [.numbers(isFlat ? y.reshaped(to: Shape(y.shape.dropLast())) : y)]
  }

  /// A convolution of volumes `[N, C, D, H, W]`: for each slice of the result the sum of those of the slices that the window takes in.
  private func convolution(
    ofVolumes x: Tensor<Element>, _ weight: Tensor<Element>, _ bias: Tensor<Element>?, _ axes: [ONNXWindowAxis],
    groups: Int
  ) throws(ONNXError) -> Tensor<Element> {
    let (depth, rows, columns) = (axes[0], axes[1], axes[2])
    let outputs = weight.shape[0]
    _ = try shape([x.shape[0], x.shape[1], rows.span.count, columns.span.count])
    _ = try shape([x.shape[0], outputs] + axes.map(\.resultCount))
    func slice(_ tensor: Tensor<Element>, _ place: Int) -> Tensor<Element> {
      let part = tensor.sliced(place..<place + 1, axis: 2)
      return part.reshaped(to: [part.shape[0], part.shape[1], part.shape[3], part.shape[4]])
    }
    let window = Window(rows, columns)
    let empty = Tensor<Element>.zeros([x.shape[0], rows.resultCount, columns.resultCount, outputs])
    var slices: [Tensor<Element>] = []
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
    let isWhole = try input(0).elementType.isWhole
    if isMaximum, node.outputs.count > 1 || isWhole { return try largestPlaces() }
    let x = try floats(0)
    guard x.rank >= 3, let sizes = try integers("kernel_shape"), sizes.count == x.rank - 2 else {
      throw malformed("a pooling of \(x.shape) without a window for each axis after the second")
    }
    let axes = try window(over: Array(x.shape.dropFirst(2)), sizes: sizes)
    let kind: Pooling =
      isMaximum ? .maximum : .average(countsPadding: try integer("count_include_pad", or: 0) != 0)
    return [.numbers(try pooled(x, axes, kind))]
  }

  /// What becomes of the values in a window.
  enum Pooling: Hashable {
    case maximum
    case average(countsPadding: Bool)
    case sum
  }

  /// A pooling over all axes after the second.
  private func pooled(
    _ x: Tensor<Element>, _ axes: [ONNXWindowAxis], _ kind: Pooling
  ) throws(ONNXError) -> Tensor<Element> {
    var y = x
    var axis = x.rank - 1
    while axis >= 2 {
      let first = axis > 2 ? axis - 1 : axis
      y = try pooled(
        y, axes: first...axis, rows: first == axis ? .one : axes[first - 2], columns: axes[axis - 2], kind)
      axis = first - 1
    }
    return y
  }

  /// `LpPool`: of each window the p-th root of the sum of p-th powers of magnitudes.
  func powerPooling() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    guard x.rank >= 3, let sizes = try integers("kernel_shape"), sizes.count == x.rank - 2 else {
      throw malformed("a pooling of \(x.shape) without a window for each axis after the second")
    }
    let axes = try window(over: Array(x.shape.dropFirst(2)), sizes: sizes)
    let p = try integer("p", or: 2)
    return [.numbers(try root(pooled(try powers(x, p), axes, .sum), p))]
  }

  /// `GlobalMaxPool` and `GlobalLpPool`: over all axes after the second.
  func globalPooling(isMaximum: Bool) throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    guard x.rank >= 2, x.count > 0 else { throw malformed("a pooling of \(x.shape), which is not [N, C, …]") }
    let rows = x.reshaped(to: [x.shape[0] * x.shape[1], x.count / (x.shape[0] * x.shape[1])])
    let shape = Shape(Array(x.shape.prefix(2)) + [Int](repeating: 1, count: x.rank - 2))
    guard isMaximum else {
      let p = try integer("p", or: 2)
      return [.numbers(try root(try powers(rows, p).sumOverChannels(), p).reshaped(to: shape))]
    }
    let (values, width) = (rows.elements, rows.shape[1])
    let largest = (0..<rows.shape[0]).map { row in
      values[row * width..<(row + 1) * width].reduce(-Element.infinity) { $1 > $0 || $1.isNaN ? $1 : $0 }
    }
    return [.numbers(Tensor(largest, shape: shape))]
  }

  private func powers(_ x: Tensor<Element>, _ p: Int) throws(ONNXError) -> Tensor<Element> {
    guard p > 0, p <= 1 << 10 else { throw malformed("a norm of p \(p)") }
    switch p {
    case 1: return Tensor(x.elements.map(\.magnitude), shape: x.shape)
    case 2: return x * x
    default: return Tensor(x.elements.map { Functions.power($0.magnitude, Element(p)) }, shape: x.shape)
    }
  }

  private func root(_ x: Tensor<Element>, _ p: Int) throws(ONNXError) -> Tensor<Element> {
    switch p {
    case 1: return x
    case 2: return x.applying(.squareRoot)
    default: return Tensor(x.elements.map { Functions.power($0, 1 / Element(p)) }, shape: x.shape)
    }
  }

  /// A pooling over two axes that stand side by side, or one.
  private func pooled(
    _ x: Tensor<Element>, axes: ClosedRange<Int>, rows: ONNXWindowAxis, columns: ONNXWindowAxis, _ kind: Pooling
  ) throws(ONNXError) -> Tensor<Element> {
    // What stands before the axes is a batch, and what stands after them are channels.
    let outer = x.shape[..<axes.lowerBound].reduce(1, *)
    let inner = x.shape[(axes.upperBound + 1)...].reduce(1, *)
    let (height, width) = (axes.count == 1 ? 1 : x.shape[axes.lowerBound], x.shape[axes.upperBound])
    _ = try shape([outer, rows.span.count, columns.span.count, inner])
    let images = x.reshaped(to: [outer, height, width, inner])
      .spanned(by: rows, columns, padding: kind == .maximum ? -.infinity : 0)
    let window = Window(rows, columns)
    var result: Tensor<Element>
    switch kind {
    case .maximum: result = Pooling2d.maximum(images, window: window)
    case .sum: result = Element(rows.size * columns.size) * Pooling2d.average(images, window: window)
    case .average(let countsPadding):
      result = Pooling2d.average(images, window: window)
      // Of what a window takes in, the image counts, and the padding if it is to.
      let (more, wider) = countsPadding ? (rows, columns) : (.one, .one)
      let down = rows.shares(in: -more.begin..<height + more.end)
      let across = columns.shares(in: -wider.begin..<width + wider.end)
      if !(down + across).allSatisfy({ $0 == 1 }) {
        let shares = Tensor<Element>(
          down.flatMap { share in across.map { Element(share * $0) } }, shape: [1, down.count, across.count, 1])
        result = result / shares.broadcast(to: result.shape)
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
    return [.numbers(means.reshaped(to: Shape(means.shape + [Int](repeating: 1, count: x.rank - 2))))]
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

extension Tensor {
  /// What windows take in of images `[N, H, W, C]`: padded where they reach over the ends, cut where they do not reach them.
  fileprivate func spanned(by rows: ONNXWindowAxis, _ columns: ONNXWindowAxis, padding: Element) -> Tensor {
    guard rows.span != 0..<shape[1] || columns.span != 0..<shape[2] else { return self }
    let spans = [0..<shape[0], rows.span, columns.span, 0..<shape[3]]
    let sources = zip(spans, shape).map { span, length in span.map { (0..<length).contains($0) ? $0 : nil } }
    return picking(sources, fill: padding)
  }
}
