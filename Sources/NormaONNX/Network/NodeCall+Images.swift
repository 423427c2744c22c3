import NormaConvolution
import NormaGraph
import NormaLayers
import NormaTensor

extension NodeCall {
  /// `Conv` of images and signals.
  func convolution() throws(ONNXError) -> [Translation.Value]? {
    let x = try channelsLast(0)
    let weight = try plain(1)
    let (shape, kernel) = (shape(x), shape(weight))
    guard shape.rank == kernel.rank, shape.rank >= 3 else {
      throw malformed("images of \(shape) with weights \(kernel)")
    }
    guard shape.rank <= 4 else { return nil }
    let sizes = Array(kernel.dropFirst(2))
    let (outputs, groups) = (kernel[0], try first.integer("group", or: 1))
    guard try first.integers("kernel_shape") ?? sizes == sizes, groups > 0, outputs > 0, outputs % groups == 0,
      kernel[1] > 0, shape[1] % groups == 0, shape[1] / groups == kernel[1]
    else { throw malformed("images of \(shape) with weights \(kernel) in \(groups) groups") }
    let bias = has(2) ? try plain(2, .bias) : nil
    if let bias, self.shape(bias) != [outputs] { throw malformed("a bias of shape \(self.shape(bias))") }
    let axes = try first.window(over: Array(shape.dropFirst(2)), sizes: sizes)
    var (padded, padding) = (x, axes.map(\.begin))
    if axes.contains(where: { $0.begin != $0.end }) {
      for (place, axis) in axes.enumerated() where axis.begin + axis.end > 0 {
        padded = try emit(padded) { $0[0].padded(axis: place + 1, before: axis.begin, after: axis.end) }
      }
      padding = axes.map { _ in 0 }
    }
    let window = Window(axes, padding: padding)
    guard let bias else {
      return [
        .computed(try emit(padded, weight) { $0[0].convolved(weight: $0[1], window: window, groups: groups) })
      ]
    }
    return [
      .computed(
        try emit(padded, weight, bias) { $0[0].convolved(weight: $0[1], bias: $0[2], window: window, groups: groups) })
    ]
  }

  /// `ConvTranspose` of images, where what is asked for is the whole but for the same at both ends, or more at the second.
  func transposedConvolution() throws(ONNXError) -> [Translation.Value]? {
    let x = try channelsLast(0)
    let weight = try plain(1)
    let (shape, kernel) = (shape(x), shape(weight))
    let padding = try first.string("auto_pad", or: "NOTSET")
    guard shape.rank == 4, kernel.rank == 4, padding == "NOTSET", node.attributes["output_shape"] == nil else {
      return nil
    }
    func numbers(_ name: String, _ count: Int, or standard: Int, from least: Int) throws(ONNXError) -> [Int] {
      let values = try first.integers(name) ?? [Int](repeating: standard, count: count)
      guard values.count == count, values.allSatisfy({ (least...(1 << 30)).contains($0) }) else {
        throw malformed("'\(name)' is \(values)")
      }
      return values
    }
    let strides = try numbers("strides", 2, or: 1, from: 1)
    let dilations = try numbers("dilations", 2, or: 1, from: 1)
    let pads = try numbers("pads", 4, or: 0, from: 0)
    let more = try numbers("output_padding", 2, or: 0, from: 0)
    let groups = try first.integer("group", or: 1)
    let sizes = [kernel[2], kernel[3]]
    guard try first.integers("kernel_shape") ?? sizes == sizes, groups > 0, kernel.elementCount > 0,
      shape[1] == kernel[0],
      shape[1] % groups == 0
    else { throw malformed("images of \(shape) with weights \(kernel) in \(groups) groups") }
    for axis in 0..<2 {
      let full = (shape[axis + 2] - 1) * strides[axis] + (sizes[axis] - 1) * dilations[axis] + 1
      guard pads[axis] == pads[axis + 2], more[axis] < max(strides[axis], dilations[axis]),
        full + more[axis] > 2 * pads[axis]
      else { return nil }
    }
    let window = Window(
      Extent2d(height: sizes[0], width: sizes[1]), stride: Extent2d(height: strides[0], width: strides[1]),
      padding: Extent2d(height: pads[0], width: pads[1]), dilation: Extent2d(height: dilations[0], width: dilations[1]))
    let outputPadding = Extent2d(height: more[0], width: more[1])
    guard has(2) else {
      return [
        .computed(
          try emit(x, weight) {
            $0[0].transposedConvolved(weight: $0[1], window: window, outputPadding: outputPadding, groups: groups)
          })
      ]
    }
    return [
      .computed(
        try emit(x, weight, try plain(2, .bias)) {
          $0[0].transposedConvolved(
            weight: $0[1], bias: $0[2], window: window, outputPadding: outputPadding, groups: groups)
        })
    ]
  }

  /// `MaxPool` and `AveragePool` of images and signals.
  func pooling(isMaximum: Bool) throws(ONNXError) -> [Translation.Value]? {
    let x = try channelsLast(0)
    let shape = shape(x)
    guard shape.rank >= 3, let sizes = try first.integers("kernel_shape"), sizes.count == shape.rank - 2 else {
      throw malformed("a pooling of \(shape) without a window for each axis after the second")
    }
    guard shape.rank <= 4, isOfFloats(x) else { return nil }
    guard node.outputs.count <= 1 else { throw unsupported("the places of the largest values") }
    let axes = try first.window(over: Array(shape.dropFirst(2)), sizes: sizes)
    let lengths = Array(shape.dropFirst(2))
    let countsPadding = try first.integer("count_include_pad", or: 0) != 0
    let isSignal = axes.count == 1
    // Where partial windows count, the last may reach over the end of what is padded.
    let countsPartial = try first.integer("ceil_mode", or: 0) != 0
    func pooled(
      _ window: Window, _ countsPadding: Bool, _ countsPartial: Bool = false
    ) -> @Sendable ([Variable<Float>]) -> Variable<Float> {
      switch (isMaximum, isSignal) {
      case (true, true): { $0[0].maxPooledAlongSignals(window, countsPartialWindows: countsPartial) }
      case (true, false): { $0[0].maxPooled(window, countsPartialWindows: countsPartial) }
      case (false, true):
        {
          $0[0].averagePooledAlongSignals(window, countsPadding: countsPadding, countsPartialWindows: countsPartial)
        }
      case (false, false):
        { $0[0].averagePooled(window, countsPadding: countsPadding, countsPartialWindows: countsPartial) }
      }
    }
    // Padded alike on both sides, by half a window at most.
    guard !axes.allSatisfy({ $0.begin == $0.end && 2 * $0.begin <= $0.size }) else {
      let window = Window(axes, padding: axes.map(\.begin))
      return [.computed(try emit(x, body: pooled(window, countsPadding, countsPartial)))]
    }
    var padded = x
    for (place, axis) in axes.enumerated() {
      let (before, after) = (axis.begin, max(0, axis.span.upperBound - lengths[place]))
      guard before + after > 0 else { continue }
      let filling = PaddingMode<Float>.constant(isMaximum ? -.infinity : 0)
      padded = try emit(padded) { $0[0].padded(axis: place + 1, before: before, after: after, mode: filling) }
    }
    var result = try emit(padded, body: pooled(Window(axes, padding: axes.map { _ in 0 }), true))
    guard !isMaximum else { return [.computed(result)] }
    // Of what a window takes in, the image counts, and the padding if it is to.
    let shares = zip(axes, lengths).map { axis, length in
      axis.shares(in: countsPadding ? -axis.begin..<length + axis.end : 0..<length)
    }
    let all = isSignal ? shares[0] : shares[0].flatMap { share in shares[1].map { share * $0 } }
    guard all.contains(where: { $0 != 1 }) else { return [.computed(result)] }
    let counted = Tensor(all, shape: Shape([1] + shares.map(\.count) + [1]))
    var divisor = translation.leaf(counted, named: nil, kind: nil)
    divisor.order = result.order
    result = try combined(result, divisor, .divide)
    return [.computed(result)]
  }

  /// `GlobalAveragePool`.
  func globalAverage() throws(ONNXError) -> [Translation.Value]? {
    let x = try channelsLast(0)
    let rank = x.order.count
    guard rank >= 3, isOfFloats(x) else { return nil }
    let means = try emit(x, order: [0, 1]) { $0[0].globallyAveraged() }
    return [.computed(try restored(means, rank: rank))]
  }

  /// A number for each sample and channel as an image of one place.
  private func restored(_ means: Translation.Computed, rank: Int) throws(ONNXError) -> Translation.Computed {
    var result = try translation.reshape(
      means, to: translation.storedShapes(means).map { Shape([$0[0]] + [Int](repeating: 1, count: rank - 2) + [$0[1]]) }
    )
    result.order = Self.channelsLast(rank: rank)
    return result
  }

  /// `ReduceMean` and `ReduceSum`.
  func reduce(isMean: Bool) throws(ONNXError) -> [Translation.Value]? {
    let x = try computed(0)
    guard isOfFloats(x) else { return nil }
    let rank = x.order.count
    if has(1) { _ = try constant(1) }
    let (axes, keeps) = try first.reductionAxes(rank: rank)
    guard !axes.isEmpty else { return [.computed(x)] }
    if isMean, rank >= 3, axes == Array(2..<rank) {
      let means = try emit(try channelsLast(0), order: [0, 1]) { $0[0].globallyAveraged() }
      return [.computed(keeps ? try restored(means, rank: rank) : means)]
    }
    let stored = axes.map { x.order.firstIndex(of: $0)! }.sorted()
    let left = x.order.filter { !axes.contains($0) }
    let order = keeps ? x.order : left.map { axis in axis - axes.count { $0 < axis } }
    return [
      .computed(
        try emit(x, order: order) {
          isMean ? $0[0].mean(over: stored, keepsAxes: keeps) : $0[0].sum(over: stored, keepsAxes: keeps)
        })
    ]
  }

  /// `Resize` of images along their rows and columns.
  func resize() throws(ONNXError) -> [Translation.Value]? {
    let x = try computed(0)
    guard x.order.count == 4, isOfFloats(x) else { return nil }
    let shapes = translation.shapes(x)
    var weights: [[AxisResampling]] = []
    for (lane, shape) in shapes.enumerated() {
      var axes = shape.map { AxisResampling.nearest(from: $0, to: $0) }
      guard shape.elementCount > 0 else { return nil }
      for part in try call(lane).resizing(of: shape) {
        guard part.places.beyond.isEmpty else { return nil }
        axes[part.axis] = part.resampling
      }
      guard [0, 1].allSatisfy({ axes[$0] == .nearest(from: shape[$0], to: shape[$0]) }) else { return nil }
      weights.append(axes)
    }
    let (rows, columns) = (weights[0][2], weights[0][3])
    guard weights.allSatisfy({ $0[2] == rows && $0[3] == columns }) else { return nil }
    let images = try channelsLast(0)
    return [.computed(try emit(images) { $0[0].resampled(by: Resampling2d(rows: rows, columns: columns)) })]
  }
}

extension Window {
  /// The window along two axes, or along one of signals.
  fileprivate init(_ axes: [ONNXWindowAxis], padding: [Int]) {
    guard axes.count == 2 else {
      self.init(length: axes[0].size, stride: axes[0].stride, padding: padding[0], dilation: axes[0].dilation)
      return
    }
    func extent(_ value: (ONNXWindowAxis) -> Int) -> Extent2d {
      Extent2d(height: value(axes[0]), width: value(axes[1]))
    }
    self.init(
      extent(\.size), stride: extent(\.stride), padding: Extent2d(height: padding[0], width: padding[1]),
      dilation: extent(\.dilation))
  }
}
