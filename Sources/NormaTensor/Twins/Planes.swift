import CKernels

// The twins of CKernels/loops/planes.h: the values of one channel stand side by side. `channels` neighbouring channels
// of `outers` outer slices, `stride` values apart: for images channels first the outer slices are images, and a plane
// has `inner` values.

/// Calls `body` with every plane: its channel, its outer slice, and where it begins.
@inline(__always)
private func forEachPlane(
  _ outers: Int, _ stride: Int, _ channels: Int, _ inner: Int,
  _ body: (_ channel: Int, _ outer: Int, _ start: Int) -> Void
) {
  for outer in 0..<outers {
    for channel in 0..<channels { body(channel, outer, outer * stride + channel * inner) }
  }
}

/// Adds the sums of `x − base` and of its square over values that stand side by side, in blocks of `NORMA_PLANE_BLOCK`.
/// The base is the pivot of the first block if `isFirst`.
func addRunMoments(
  _ x: UnsafePointer<Float>, _ count: Int, isFirst: Bool, _ base: inout Float, _ sum: inout Double,
  _ square: inout Double
) {
  for start in stride(from: 0, to: count, by: Int(NORMA_PLANE_BLOCK)) {
    let block = PivotedMoments(run: x + start, count: min(Int(NORMA_PLANE_BLOCK), count - start))
    if isFirst && start == 0 { base = block.pivot }
    block.add(around: base, &sum, &square)
  }
}

/// Sums of `x − base` and of its square for each channel. Writes `base`, `sums` and `squares`.
func planeMomentsTwin(
  _ x: UnsafePointer<Float>!, _ outers: Int, _ stride: Int, _ channels: Int, _ inner: Int,
  _ base: UnsafeMutablePointer<Float>!, _ sums: UnsafeMutablePointer<Double>!, _ squares: UnsafeMutablePointer<Double>!
) {
  for channel in 0..<channels { (sums[channel], squares[channel]) = (0, 0) }
  forEachPlane(outers, stride, channels, inner) { channel, outer, start in
    addRunMoments(x + start, inner, isFirst: outer == 0, &base[channel], &sums[channel], &squares[channel])
  }
}

/// `y = (x − pivot) · scale + shift`, and ReLU.
func planeNormalizeTwin(
  _ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ outers: Int, _ stride: Int, _ channels: Int,
  _ inner: Int, _ pivot: UnsafePointer<Float>!, _ scale: UnsafePointer<Float>!, _ shift: UnsafePointer<Float>!,
  _ rectifies: Bool, _ streams: Bool
) {
  forEachPlane(outers, stride, channels, inner) { channel, _, start in
    let line = NormalizingLine(pivot[channel], scale[channel], shift[channel], rectifies)
    for index in start..<start + inner { y[index] = line.output(x[index]) }
  }
}

/// Sums of h and of `h · (x − pivot)` for each channel, h being the gradient where a ReLU that followed was active:
/// blocks of `NORMA_PLANE_BLOCK` values over lanes, added up in double precision.
func planeGradientSumsTwin(
  _ g: UnsafePointer<Float>!, _ x: UnsafePointer<Float>!, _ outers: Int, _ stride: Int, _ channels: Int, _ inner: Int,
  _ pivot: UnsafePointer<Float>!, _ scale: UnsafePointer<Float>!, _ shift: UnsafePointer<Float>!, _ rectifies: Bool,
  _ sums: UnsafeMutablePointer<Double>!, _ products: UnsafeMutablePointer<Double>!
) {
  for channel in 0..<channels { (sums[channel], products[channel]) = (0, 0) }
  forEachPlane(outers, stride, channels, inner) { channel, _, start in
    let line = NormalizingLine(pivot[channel], scale[channel], shift[channel], rectifies)
    for first in Swift.stride(from: 0, to: inner, by: Int(NORMA_PLANE_BLOCK)) {
      let (g, x, count) = (g + (start + first), x + (start + first), min(Int(NORMA_PLANE_BLOCK), inner - first))
      sums[channel] += sumOverLanes(count, groups: 2) { line.active(g[$0], x[$0]) }
      products[channel] += sumOverLanes(count, groups: 2) { line.active(g[$0], x[$0]) * line.distance(x[$0]) }
    }
  }
}

/// `dx = h · scale − (x − pivot) · slope − offset`.
func planeInputGradientTwin(
  _ g: UnsafePointer<Float>!, _ x: UnsafePointer<Float>!, _ dx: UnsafeMutablePointer<Float>!, _ outers: Int,
  _ stride: Int, _ channels: Int, _ inner: Int, _ pivot: UnsafePointer<Float>!, _ scale: UnsafePointer<Float>!,
  _ shift: UnsafePointer<Float>!, _ slope: UnsafePointer<Float>!, _ offset: UnsafePointer<Float>!, _ rectifies: Bool,
  _ streams: Bool
) {
  forEachPlane(outers, stride, channels, inner) { channel, _, start in
    let line = NormalizingLine(pivot[channel], scale[channel], shift[channel], rectifies)
    for index in start..<start + inner {
      dx[index] = line.inputGradient(g[index], x[index], slope[channel], offset[channel])
    }
  }
}
