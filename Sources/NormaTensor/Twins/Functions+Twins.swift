// The twins of CKernels/loops/functions.h: ``Functions``, element by element.

/// `y = f(x)`; y may be x.
@inline(__always)
private func apply(
  _ function: (Float) -> Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int
) {
  for index in 0..<count { y[index] = function(x[index]) }
}

func exponentialTwin(_ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int) {
  apply(Functions.exponential, x, y, count)
}

func logarithmTwin(_ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int) {
  apply(Functions.logarithm, x, y, count)
}

func sigmoidTwin(_ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int) {
  apply(Functions.sigmoid, x, y, count)
}

func hyperbolicTangentTwin(_ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int) {
  apply(Functions.hyperbolicTangent, x, y, count)
}

func errorFunctionTwin(_ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int) {
  apply(Functions.errorFunction, x, y, count)
}

func geluTwin(_ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int) {
  apply(Functions.gaussianErrorLinearUnit, x, y, count)
}

func siluTwin(_ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int) {
  apply(Functions.sigmoidLinearUnit, x, y, count)
}
