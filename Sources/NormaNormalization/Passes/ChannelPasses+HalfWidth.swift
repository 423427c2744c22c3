import CKernels
import NormaTensor

/// The passes over rows of half width that kernels read and write as they lie: for channels all of which single precision holds.
extension ChannelPasses {
  typealias Bits = UnsafePointer<UInt16>

  /// The sums of each channel; see ``findMoments(_:_:_:scratch:)``.
  func findMoments(
    _ x: Bits, _ precision: HalfPrecision, _ rows: ChannelExtent, _ found: Sums, scratch: UnsafeMutablePointer<Element>,
    _ kernels: KernelSet<Element>
  ) {
    let k = kernels.table.pointee
    let find = precision == .float16 ? k.row_moments_float16! : k.row_moments_bfloat16!
    find(
      x, rows.stride, rows.outers, rows.channels, kernels(found.base), found.sums, found.squares, kernels(scratch))
  }

  /// `y = (x − pivot) · scale + shift`, and ReLU.
  func normalize(
    _ x: Bits, _ y: UnsafeMutablePointer<UInt16>, _ precision: HalfPrecision, _ rows: ChannelExtent,
    _ vectors: ChannelVectors<Element>, rectifies: Bool, streams: Bool, _ kernels: KernelSet<Element>
  ) {
    let k = kernels.table.pointee
    let apply = precision == .float16 ? k.row_normalize_float16! : k.row_normalize_bfloat16!
    apply(
      x, y, rows.stride, rows.outers, rows.channels, kernels(vectors.pivot), kernels(vectors.scale),
      kernels(vectors.shift), rectifies, streams)
  }

  /// `Σ h` and `Σ h · (x − pivot)` of each channel.
  func findGradientSums(
    _ g: Bits, _ x: Bits, _ precision: HalfPrecision, _ rows: ChannelExtent, _ vectors: ChannelVectors<Element>,
    rectifies: Bool, _ found: Sums, scratch: UnsafeMutablePointer<Element>, _ kernels: KernelSet<Element>
  ) {
    let k = kernels.table.pointee
    let find = precision == .float16 ? k.row_gradient_sums_float16! : k.row_gradient_sums_bfloat16!
    find(
      g, x, rows.stride, rows.outers, rows.channels, kernels(vectors.pivot), kernels(vectors.scale),
      kernels(vectors.shift), rectifies, found.sums, found.squares, kernels(scratch))
  }

  /// `dx = h · scale − (x − pivot) · slope − offset`.
  func findInputGradient(
    _ g: Bits, _ x: Bits, _ dx: UnsafeMutablePointer<UInt16>, _ precision: HalfPrecision, _ rows: ChannelExtent,
    _ vectors: ChannelVectors<Element>, _ line: Line, rectifies: Bool, streams: Bool, _ kernels: KernelSet<Element>
  ) {
    let k = kernels.table.pointee
    let find = precision == .float16 ? k.row_input_gradient_float16! : k.row_input_gradient_bfloat16!
    find(
      g, x, dx, rows.stride, rows.outers, rows.channels, kernels(vectors.pivot), kernels(vectors.scale),
      kernels(vectors.shift), kernels(line.slope), kernels(line.offset), rectifies, streams)
  }
}
