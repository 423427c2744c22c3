import NormaTensor

/// Something that a layer keeps beside its parameters, and that nothing differentiates: running statistics, a count of
/// batches, the vector of a spectral norm. It is saved, restored and resumed with them.
///
/// ```swift
/// var buffers: [Buffer<Float>] { [Buffer("weight_u", of: self, \.direction)] }
/// ```
public struct Buffer<Element: TensorElement> {
  /// What a buffer holds.
  public enum Value: Equatable, Sendable {
    /// Numbers of a shape that never changes.
    case tensor(Tensor<Element>)
    /// A count.
    case count(Int)
  }

  /// Its name within its layer, in files; those of Norma's layers are PyTorch's.
  public let name: String
  /// Reads what it holds.
  public let read: () -> Value
  /// Replaces a tensor by one of the same shape, or a count by a count.
  public let write: (Value) -> Void

  /// A buffer that is a tensor among its layer's properties.
  public init<Owner: AnyObject>(
    _ name: String, of owner: Owner, _ place: ReferenceWritableKeyPath<Owner, Tensor<Element>>
  ) {
    self.name = name
    read = { .tensor(owner[keyPath: place]) }
    write = { if case .tensor(let tensor) = $0 { owner[keyPath: place] = tensor } }
  }

  /// A buffer that is a count among its layer's properties.
  public init<Owner: AnyObject>(_ name: String, of owner: Owner, _ place: ReferenceWritableKeyPath<Owner, Int>) {
    self.name = name
    read = { .count(owner[keyPath: place]) }
    write = { if case .count(let count) = $0 { owner[keyPath: place] = count } }
  }
}
