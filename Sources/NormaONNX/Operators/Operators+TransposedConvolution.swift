import NormaConvolution
import NormaTensor

extension OperatorCall {
  /// `ConvTranspose` over one or two axes: all that values are spread over is computed, and what is asked for is cut from it, or
  /// filled up with zeros.
  func transposedConvolution() throws(ONNXError) -> [ONNXTensor] {
    let (x, weight) = (try floats(0), try floats(1))
    guard x.rank == weight.rank, x.rank >= 3 else {
      throw malformed("images of \(x.shape) with weights \(weight.shape)")
    }
    guard x.rank <= 5 else { throw unsupported("a transposed convolution over \(x.rank - 2) axes") }
    let sizes = Array(weight.shape.dropFirst(2))
    let groups = try integer("group", or: 1)
    guard try integers("kernel_shape") ?? sizes == sizes, groups > 0, weight.shape.elementCount > 0,
      x.shape[1] == weight.shape[0], x.shape[1] % groups == 0, groups <= maximumElementCount
    else { throw malformed("images of \(x.shape) with weights \(weight.shape) in \(groups) groups") }
    guard x.shape.dropFirst(2).allSatisfy({ $0 > 0 }) else { throw unsupported("images of shape \(x.shape)") }
    let outputs = try shape([weight.shape[1], groups]).elementCount
    let bias = hasInput(2) ? try floats(2, shape: [outputs]) : nil
    let axes = try spreading(over: Array(x.shape.dropFirst(2)), sizes: sizes)
    _ = try shape([x.shape[0], outputs] + axes.map(\.fullLength))
    _ = try shape([x.shape[0], outputs] + axes.map(\.kept.count))
    // A row of values is an image one pixel high.
    let isFlat = x.rank == 3
    let rows = isFlat ? SpreadAxis.one : axes[axes.count - 2]
    let columns = axes[axes.count - 1]
    func asImages(_ tensor: Tensor<Element>) -> Tensor<Element> {
      isFlat ? tensor.reshaped(to: [tensor.shape[0], tensor.shape[1], 1, tensor.shape[2]]) : tensor
    }
    let window = Window(
      Extent2d(height: isFlat ? 1 : sizes[sizes.count - 2], width: sizes[sizes.count - 1]),
      stride: Extent2d(height: rows.stride, width: columns.stride),
      dilation: Extent2d(height: rows.dilation, width: columns.dilation))
    func spread(_ images: Tensor<Element>, by kernel: Tensor<Element>) -> Tensor<Element> {
      TransposedConvolution2d.forward(
        images.transposed([0, 2, 3, 1]), weight: kernel, window: window, groups: groups)
    }
    func sources(_ axis: SpreadAxis) -> AxisSources { axis.kept.map { (0..<axis.fullLength).contains($0) ? $0 : nil } }
    let all = [Array(0..<x.shape[0]), sources(rows), sources(columns), Array(0..<outputs)]
    func finished(_ images: Tensor<Element>) -> Tensor<Element> {
      var y = images.picking(all)
      if let bias { y = y.applying(.add, bias, broadcast: .perChannel) }
      return y.transposed([0, 3, 1, 2])
    }
    guard x.rank == 5 else {
      let y = finished(spread(asImages(x), by: asImages(weight)))
      return [.numbers(isFlat ? y.reshaped(to: [y.shape[0], y.shape[1], y.shape[3]]) : y)]
    }
    // Of a volume each slice is spread over those that a slice of the window reaches.
    let depth = axes[0]
    func slice(_ tensor: Tensor<Element>, _ place: Int) -> Tensor<Element> {
      let part = tensor.sliced(place..<place + 1, axis: 2)
      return part.reshaped(to: [part.shape[0], part.shape[1], part.shape[3], part.shape[4]])
    }
    var sums: [Int: Tensor<Element>] = [:]
    for place in 0..<x.shape[2] {
      for tap in 0..<sizes[0] {
        let target = place * depth.stride + tap * depth.dilation
        guard depth.kept.contains(target) else { continue }
        let part = spread(slice(x, place), by: slice(weight, tap))
        sums[target] = sums[target].map { $0 + part } ?? part
      }
    }
    let empty = Tensor<Element>.zeros([x.shape[0], rows.fullLength, columns.fullLength, outputs])
    let slices = depth.kept.map { place -> Tensor<Element> in
      let images = finished(sums[place] ?? empty)
      return images.reshaped(to: Shape(Array(images.shape.prefix(2)) + [1] + Array(images.shape.dropFirst(2))))
    }
    guard let first = slices.first else { throw unsupported("a result of no slices") }
    return [.numbers(slices.count == 1 ? first : Tensor.concatenating(slices, axis: 2))]
  }

  /// How values are spread along each of the last axes of an input.
  private func spreading(over lengths: [Int], sizes: [Int]) throws(ONNXError) -> [SpreadAxis] {
    let count = lengths.count
    func attribute(_ name: String, count: Int, in range: ClosedRange<Int>) throws(ONNXError) -> [Int]? {
      guard let values = try integers(name) else { return nil }
      guard values.count == count, values.allSatisfy(range.contains) else {
        throw malformed("'\(name)' is \(values), for \(count) axes")
      }
      return values
    }
    let largest = 1 << 30
    let ones = [Int](repeating: 1, count: count)
    let zeros = [Int](repeating: 0, count: 2 * count)
    let strides = try attribute("strides", count: count, in: 1...largest) ?? ones
    let dilations = try attribute("dilations", count: count, in: 1...largest) ?? ones
    let more = try attribute("output_padding", count: count, in: 0...largest) ?? zeros
    let pads = try attribute("pads", count: 2 * count, in: 0...largest) ?? zeros
    let wanted = try attribute("output_shape", count: count, in: 0...largest)
    let padding = try string("auto_pad", or: "NOTSET")
    guard ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].contains(padding) else {
      throw malformed("'auto_pad' is '\(padding)'")
    }
    var axes: [SpreadAxis] = []
    for axis in 0..<count {
      let full = (lengths[axis] - 1) * strides[axis] + (sizes[axis] - 1) * dilations[axis] + 1
      let length: Int
      var begin = padding == "NOTSET" ? pads[axis] : 0
      if wanted != nil || padding.hasPrefix("SAME") {
        length = wanted?[axis] ?? lengths[axis] * strides[axis]
        let total = max(0, full + more[axis] - length)
        begin = padding == "SAME_UPPER" ? total / 2 : total - total / 2
      } else {
        length = full + more[axis] - begin - (padding == "NOTSET" ? pads[axis + count] : 0)
      }
      guard length >= 0 else { throw malformed("pads of \(pads) leave nothing of the lengths \(lengths)") }
      axes.append(
        SpreadAxis(
          stride: strides[axis], dilation: dilations[axis], fullLength: full, kept: begin..<begin + length))
    }
    return axes
  }
}

/// How a transposed convolution spreads values along one axis.
private struct SpreadAxis {
  let stride, dilation: Int
  /// The places that values are spread over.
  let fullLength: Int
  /// Those that are asked for, which may go beyond.
  let kept: Range<Int>

  /// Along an axis that is not there.
  static let one = SpreadAxis(stride: 1, dilation: 1, fullLength: 1, kept: 0..<1)
}
