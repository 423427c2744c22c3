import NormaTensor

extension Variable {
  /// The result of an operation on this variable and further ones.
  ///
  /// - Throws: what the operation's forward pass throws.
  public func applying<Applied: TensorOperation>(
    _ operation: Applied, _ others: Variable...
  ) throws(Applied.Failure) -> Variable where Applied.Element == Element {
    try Graph.apply(operation, to: [self] + others).output
  }
}
