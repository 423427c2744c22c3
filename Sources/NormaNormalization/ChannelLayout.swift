import NormaTensor

/// Which axis of a tensor holds the channels.
public enum ChannelLayout: String, Sendable, Codable, CaseIterable {
  /// `[N, …, C]`, Norma's own: every tensor is rows by channels.
  case channelsLast
  /// `[N, C, …]`, called `NCHW` for images: PyTorch's and ONNX's.
  case channelsFirst

  /// How a tensor of this layout is read: its element (outer, channel, inner) stands at
  /// `(outer · channels + channel) · inner + inner index`.
  func extent(of shape: Shape) -> ChannelExtent {
    require(shape.rank >= 2, "a tensor of shape \(shape) has no batch and channel axes")
    switch self {
    case .channelsLast: return ChannelExtent(outer: shape.rowCount, channels: shape.channelCount, inner: 1)
    case .channelsFirst:
      return ChannelExtent(outer: shape[0], channels: shape[1], inner: shape.dropFirst(2).reduce(1, *))
    }
  }
}

/// The three lengths that batch normalization needs to know of a tensor.
struct ChannelExtent: Equatable {
  var outer: Int
  var channels: Int
  var inner: Int

  /// How many values each channel has.
  var valuesPerChannel: Int { outer * inner }

  /// How many outer indices make one block. Blocks are added up one by one and combined in order, whoever computes
  /// them: the order of every sum depends on the shape alone.
  var outerPerBlock: Int

  init(outer: Int, channels: Int, inner: Int, outerPerBlock: Int? = nil) {
    self.outer = outer
    self.channels = channels
    self.inner = inner
    self.outerPerBlock = outerPerBlock ?? max(1, 16_384 / max(1, channels * inner))
  }

  var blockCount: Int { (outer + outerPerBlock - 1) / outerPerBlock }

  func block(_ index: Int) -> Range<Int> { index * outerPerBlock..<min(outer, (index + 1) * outerPerBlock) }
}
