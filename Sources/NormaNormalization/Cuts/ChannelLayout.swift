import CKernels
import NormaTensor

/// Which axis of a tensor holds the channels.
public enum ChannelLayout: String, Sendable, Codable, CaseIterable {
  /// `[N, …, C]`, Norma's own: every tensor is rows by channels.
  case channelsLast
  /// `[N, C, …]`, called `NCHW` for images: PyTorch's and ONNX's.
  case channelsFirst

  /// How a tensor of this layout is read.
  func extent(of shape: Shape) -> ChannelExtent {
    require(shape.rank >= 2, "a tensor of shape \(shape) has no batch and channel axes")
    switch self {
    case .channelsLast: return ChannelExtent(outers: shape.rowCount, channels: shape.channelCount, inner: 1)
    case .channelsFirst:
      return ChannelExtent(outers: shape[0], channels: shape[1], inner: shape.dropFirst(2).reduce(1, *))
    }
  }
}

/// Neighbouring channels of a tensor, as passes read them: the value (outer, channel, index) stands at
/// `outer · stride + channel · inner + index`.
struct ChannelExtent: Equatable {
  var outers: Int
  var channels: Int
  /// The values of one channel that stand side by side: 1 with channels last.
  var inner: Int
  /// The distance between outers.
  var stride: Int
  /// How many outers the kernels read as one, so that few channels fill the vectors; the vectors of the channels are then
  /// written side by side as often.
  var fold = 1

  init(outers: Int, channels: Int, inner: Int, stride: Int? = nil) {
    self.outers = outers
    self.channels = channels
    self.inner = inner
    self.stride = stride ?? channels * inner
  }

  /// Values of a row that the kernels read at a time; shorter rows are read as planes of one value.
  static let lanes = 16

  /// How many values each channel has.
  var valuesPerChannel: Int { outers * inner }
  /// The length of vectors over the channels.
  var width: Int { fold * channels }
  var readsRows: Bool { inner == 1 && channels >= Self.lanes }

  /// Outers that are read as one, as rows with as many channels: they fill them, and stand side by side.
  var wide: ChannelExtent { ChannelExtent(outers: outers / fold, channels: width, inner: inner, stride: fold * stride) }

  /// Some of the outers, beginning with the place that is returned beside it.
  func slice(outers range: Range<Int>) -> (extent: ChannelExtent, start: Int) {
    var slice = self
    slice.outers = range.count
    return (slice, range.lowerBound * stride)
  }

  /// Some of the channels, beginning with the place that is returned beside it.
  func slice(channels range: Range<Int>) -> (extent: ChannelExtent, start: Int) {
    var slice = self
    slice.channels = range.count
    return (slice, range.lowerBound * inner)
  }

  /// The same rows as the kernels read them, with as many side by side as are folded.
  var unfolded: ChannelExtent {
    ChannelExtent(outers: outers / fold, channels: width, inner: inner, stride: fold * stride)
  }

  /// The most values of a block.
  var valuesPerBlock: Int { min(outers, fold * Int(NORMA_BLOCK)) * channels }

  /// Calls `body` for the outers of each block whose sums the kernels form in single precision; of whole wide rows alone.
  func forEachBlock(_ body: (Range<Int>) -> Void) {
    let (length, end) = (fold * Int(NORMA_BLOCK), outers / fold * fold)
    for first in Swift.stride(from: 0, to: end, by: length) { body(first..<min(end, first + length)) }
  }

  /// Calls `body` for what the kernels read as wide rows, and for what does not fill one; both are unfolded.
  func forEachPart(_ body: (_ part: ChannelExtent, _ start: Int) -> Void) {
    let rows = outers / fold
    if rows > 0 { body(unfolded, 0) }
    if rows * fold < outers {
      body(
        ChannelExtent(outers: outers - rows * fold, channels: channels, inner: inner, stride: stride),
        rows * fold * stride)
    }
  }
}
