/// How a window moves along one axis of a convolution or a pooling in ONNX: by how much the two ends are padded, and what
/// places it has.
struct ONNXWindowAxis {
  /// How many values it takes in, how far it moves, and how far it is from one value to the next.
  var size, stride, dilation: Int
  /// By how much the ends are padded. The last window may reach over the padding at the end, or leave some of it over.
  var begin, end: Int
  /// How many places it has.
  var resultCount: Int

  /// The window along an axis that is not there.
  static let one = ONNXWindowAxis(size: 1, stride: 1, dilation: 1, begin: 0, end: 0, resultCount: 1)

  /// What the places take in together, counted from the first value of the axis.
  var span: Range<Int> { -begin..<(resultCount - 1) * stride + (size - 1) * dilation + 1 - begin }

  /// Which share of what each place takes in lies in a range of the axis.
  func shares(in range: Range<Int>) -> [Float] {
    (0..<resultCount).map { place in
      let start = place * stride - begin
      return Float((0..<size).count { range.contains(start + $0 * dilation) }) / Float(size)
    }
  }
}

extension OperatorCall {
  /// The window along each of the last axes of an input.
  ///
  /// - Parameters:
  ///   - lengths: of those axes.
  ///   - sizes: of the window along them.
  func window(over lengths: [Int], sizes: [Int]) throws(ONNXError) -> [ONNXWindowAxis] {
    let count = lengths.count
    func attribute(_ name: String, count: Int, or standard: Int, in range: ClosedRange<Int>) throws(ONNXError) -> [Int]
    {
      let values = try integers(name) ?? [Int](repeating: standard, count: count)
      guard values.count == count, values.allSatisfy(range.contains) else {
        throw malformed("'\(name)' is \(values), for \(lengths.count) axes")
      }
      return values
    }
    let largest = 1 << 30
    let strides = try attribute("strides", count: count, or: 1, in: 1...largest)
    let dilations = try attribute("dilations", count: count, or: 1, in: 1...largest)
    let pads = try attribute("pads", count: 2 * count, or: 0, in: 0...largest)
    let roundsUp = try integer("ceil_mode", or: 0) != 0
    let padding = try string("auto_pad", or: "NOTSET")
    guard sizes.allSatisfy((1...largest).contains) else { throw malformed("a window of \(sizes)") }
    var axes: [ONNXWindowAxis] = []
    for axis in 0..<count {
      let (length, stride) = (lengths[axis], strides[axis])
      let reach = (sizes[axis] - 1) * dilations[axis] + 1
      var (begin, end) = (pads[axis], pads[axis + count])
      switch padding {
      case "NOTSET": break
      case "VALID": (begin, end) = (0, 0)
      case "SAME_UPPER", "SAME_LOWER":
        let total = max(0, ((length + stride - 1) / stride - 1) * stride + reach - length)
        (begin, end) = padding == "SAME_UPPER" ? (total / 2, total - total / 2) : (total - total / 2, total / 2)
      default: throw malformed("'auto_pad' is '\(padding)'")
      }
      let free = begin + length + end - reach
      guard free >= 0 || roundsUp && free > -stride else {
        throw malformed("a window of \(sizes) is larger than the padded lengths \(lengths)")
      }
      var results = max(0, roundsUp ? (free + stride - 1) / stride : free / stride) + 1
      // A last window that would begin in the padding at the end is left out.
      if roundsUp && (results - 1) * stride >= begin + length { results -= 1 }
      guard results > 0 else { throw malformed("a window of \(sizes) has no place along the lengths \(lengths)") }
      axes.append(
        ONNXWindowAxis(
          size: sizes[axis], stride: stride, dilation: dilations[axis], begin: begin, end: end, resultCount: results))
    }
    return axes
  }
}
