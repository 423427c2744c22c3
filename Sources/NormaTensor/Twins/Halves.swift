// The twins of CKernels/loops/halves.h: floats to numbers of half width, and back.

func narrowFloat16Twin(
  _ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<UInt16>!, _ count: Int, _ streams: Bool
) {
  for index in 0..<count { y[index] = HalfPrecision.float16.bits(of: x[index]) }
}

func narrowBFloat16Twin(
  _ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<UInt16>!, _ count: Int, _ streams: Bool
) {
  for index in 0..<count { y[index] = HalfPrecision.bfloat16.bits(of: x[index]) }
}

func widenFloat16Twin(_ x: UnsafePointer<UInt16>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int) {
  for index in 0..<count { y[index] = HalfPrecision.float16.value(of: x[index]) }
}

func widenBFloat16Twin(_ x: UnsafePointer<UInt16>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int) {
  for index in 0..<count { y[index] = HalfPrecision.bfloat16.value(of: x[index]) }
}
