extension Float: TensorElement {
  @inlinable public func addingTerm(_ x: Float, _ y: Float) -> Float { addingProduct(x, y) }

  public static var kernels: KernelSet<Float>? { .selected }
}
