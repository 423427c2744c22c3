/// A number a tensor can hold: `Float` for work, `Double` for gradient checks and reference results.
///
/// Each type brings its own routines where they differ; everything else is one generic loop, compiled for both.
public protocol TensorElement: BinaryFloatingPoint, BitwiseCopyable, Sendable {
  /// This sum with the term `x · y` added, as sums of products are defined for the type: for `Float` in one rounding, as fused
  /// multiply-add instructions do it; for others in two, which takes no library where there is no such instruction.
  func addingTerm(_ x: Self, _ y: Self) -> Self

  /// The kernels in use for the type; nil for a type that has none, and runs on generic loops.
  static var kernels: KernelSet<Self>? { get }
}

extension TensorElement {
  @inlinable public func addingTerm(_ x: Self, _ y: Self) -> Self { self + x * y }

  public static var kernels: KernelSet<Self>? { nil }
}
