import NormaTensor

extension InferenceModel {
  /// The outputs for a batch of half width: to the bit those for the same numbers in full width, in which all is computed.
  ///
  /// - Throws: `LayerError` for a batch whose samples do not fit the model; what an operation throws.
  public func callAsFunction(_ x: HalfTensor) throws -> Tensor<Element> { try self(x.widened()) }
}
