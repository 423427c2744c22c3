import NormaConvolution
import NormaTensor

// Signals `[N, L, C]` are images of height 1, which is how they are convolved and pooled.

extension Shape {
  /// `[N, L, C]` as `[N, 1, L, C]`; images as they are.
  var ofImages: Shape { rank == 3 ? [self[0], 1, self[1], self[2]] : self }

  /// A convolution's weights `[outputs, inputs, size]` as `[outputs, inputs, 1, size]`; those for images as they are.
  var ofImageWeights: Shape { rank == 3 ? [self[0], self[1], 1, self[2]] : self }

  /// The shape of a result for images, if it is of signals: `[N, 1, L, C]` as `[N, L, C]`.
  func ofSignals(_ isOfSignals: Bool) -> Shape { isOfSignals ? [self[0], self[2], self[3]] : self }
}

extension Tensor {
  /// Signals as images of height 1; images as they are.
  var asImages: Tensor { rank == 3 ? reshaped(to: shape.ofImages) : self }
  /// A convolution's weights for signals as those for images; those for images as they are.
  var asImageWeights: Tensor { rank == 3 ? reshaped(to: shape.ofImageWeights) : self }
  /// What was computed of images as signals, if it is of signals.
  func asSignals(_ isOfSignals: Bool) -> Tensor { isOfSignals ? reshaped(to: shape.ofSignals(true)) : self }
}

extension Window {
  /// Whether it is one along signals: of height 1 in every respect.
  package var isAlongSignals: Bool {
    size.height == 1 && stride.height == 1 && padding.height == 0 && dilation.height == 1
  }
}
