import CKernels
import NormaTensor

/// Vectors over neighbouring channels: their statistics, gamma and beta, and what the kernels make of them.
///
/// `y = gamma · (x − mean) / s + beta` is computed as `(x − pivot) · scale + shift`, where `mean = pivot + rest`, the pivot
/// being an element, `scale = gamma / s` and `shift = beta − rest · scale`: a large mean costs no digits. The gradient of x,
/// `(h − mean(h) − x̂ · mean(h · x̂)) / s` with `h = g · gamma`, is `g · scale − (x − pivot) · slope − offset`.
struct ChannelVectors<Element: TensorElement> {
  var mean, secondMoment, reciprocalDeviation: UnsafeMutablePointer<Double>
  var gamma, beta: UnsafePointer<Element>?
  /// Side by side as often as the extent is folded. Where the scale is NaN, the channel is left to the definition.
  var pivot, scale, shift: UnsafeMutablePointer<Element>

  /// The vectors from a channel on.
  func from(_ first: Int) -> ChannelVectors {
    ChannelVectors(
      mean: mean + first, secondMoment: secondMoment + first, reciprocalDeviation: reciprocalDeviation + first,
      gamma: gamma.map { $0 + first }, beta: beta.map { $0 + first }, pivot: pivot + first, scale: scale + first,
      shift: shift + first)
  }

  /// gamma of a channel.
  @inline(__always) func gamma(_ channel: Int) -> Double {
    guard let gamma else { return 1 }
    return Double(gamma[channel])
  }
  /// beta of a channel.
  @inline(__always) func beta(_ channel: Int) -> Double {
    guard let beta else { return 0 }
    return Double(beta[channel])
  }

  /// What rounding the mean to the pivot left over; 0 where the definition is used, which needs no pivot.
  func rest(_ channel: Int) -> Double { isExact(channel) ? 0 : mean[channel] - Double(pivot[channel]) }

  /// Sets the reciprocal deviation by the centred second moment.
  func setReciprocal(_ channel: Int, share: Double, epsilon: Double) {
    reciprocalDeviation[channel] = NormaNormalization.reciprocalDeviation(secondMoment[channel] * share, epsilon)
  }

  /// Whether a channel is left to the definition.
  func isExact(_ channel: Int) -> Bool { scale[channel].isNaN }

  /// Pivot, scale and shift of channels that have statistics in common; false where some are left to the definition: without
  /// kernels, and where single precision does not hold what they compute.
  @inline(__always)
  func setTransform(
    _ channels: Range<Int>, mean: Double, reciprocalDeviation reciprocal: Double, hasKernels: Bool
  ) -> Bool {
    let center = Element(mean)
    let rest = mean - Double(center)
    var largest = 0.0
    for channel in channels {
      let factor = gamma(channel) * reciprocal
      pivot[channel] = center
      scale[channel] = Element(factor)
      shift[channel] = Element(beta(channel) - rest * factor)
      // Not a number if one is not.
      largest = largest >= abs(factor) ? largest : abs(factor)
    }
    if hasKernels && isOrdinary(reciprocal, scale: largest) { return true }
    for channel in channels where !hasKernels || !isOrdinary(reciprocal, scale: gamma(channel) * reciprocal) {
      scale[channel] = .nan
    }
    return false
  }

  /// The vectors of given means and variances, of which the mean is the pivot and leaves no rest; false where channels are left
  /// to the definition. A forward pass on kernels takes no more than pivot, scale and shift.
  func setConstants(
    _ means: UnsafePointer<Element>, _ variances: UnsafePointer<Element>, _ extent: ChannelExtent, epsilon: Double,
    _ kernels: KernelSet<Element>?, isForward: Bool
  ) -> Bool {
    let channels = extent.channels
    if pivot != means { pivot.update(from: means, count: channels) }
    if beta == nil { shift.update(repeating: 0, count: channels) }
    if let beta, shift != beta { shift.update(from: beta, count: channels) }
    let isOrdinary =
      kernels.map {
        $0.table.pointee.channel_scales($0(means), $0(variances), $0(ifAny: gamma), channels, epsilon, $0(scale))
      } ?? false
    if isOrdinary && isForward {
      repeatTransform(extent)
      return true
    }
    for channel in 0..<channels {
      mean[channel] = Double(means[channel])
      secondMoment[channel] = Double(variances[channel])
      setReciprocal(channel, share: 1, epsilon: epsilon)
      let holds =
        NormaNormalization.isOrdinary(
          reciprocalDeviation[channel], scale: gamma(channel) * reciprocalDeviation[channel])
        && abs(mean[channel]) <= Double(NORMA_NEAR)
      if !holds || kernels == nil { scale[channel] = .nan }
    }
    repeatTransform(extent)
    return isOrdinary
  }

  /// Writes pivot, scale and shift side by side as often as the extent is folded.
  func repeatTransform(_ extent: ChannelExtent) {
    repeatVector(pivot, extent)
    repeatVector(scale, extent)
    repeatVector(shift, extent)
  }
}

/// `1 / √(variance + epsilon)`.
func reciprocalDeviation(_ variance: Double, _ epsilon: Double) -> Double { 1 / (variance + epsilon).squareRoot() }

/// Whether the kernels can normalize with 1 / s and gamma / s in single precision: see `NORMA_STEEPEST`.
func isOrdinary(_ reciprocal: Double, scale: Double) -> Bool {
  1 / NORMA_STEEPEST <= reciprocal && reciprocal <= NORMA_STEEPEST && abs(scale) <= Double(NORMA_LARGEST_SCALE)
}

/// The distance between vectors of a width that are read at once: not a power of two, of which caches hold few.
func spaced(_ width: Int) -> Int { width + 3 * ChannelExtent.lanes }

/// Writes a vector over the channels side by side as often as the extent is folded, its own place included.
func repeatVector<Element>(_ vector: UnsafeMutablePointer<Element>, _ extent: ChannelExtent) {
  for copy in 1..<max(1, extent.fold) {
    (vector + copy * extent.channels).update(from: vector, count: extent.channels)
  }
}

/// The slope and offset of an input's gradient, see ``ChannelVectors``, from the sums over the values that have a mean in common, of
/// some weight, which is their number where all count the same: of `h = g · gamma`, and of `h · x̂`.
///
/// They are of distances from the mean; from a pivot, `rest · slope` is taken from the offset.
func gradientLine(
  sum: Double, product: Double, weight: Double, reciprocalDeviation: Double
) -> (slope: Double, offset: Double) {
  let share = 1 / weight
  return (reciprocalDeviation * reciprocalDeviation * product * share, reciprocalDeviation * sum * share)
}
