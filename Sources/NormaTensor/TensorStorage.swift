/// The memory behind one or more tensors.
///
/// Unchecked: the elements are only written while exactly one tensor refers to the storage (`Tensor` checks with
/// `isKnownUniquelyReferenced` before it writes), or before the storage has been handed to a tensor at all.
@usableFromInline final class TensorStorage<Element: BitwiseCopyable>: @unchecked Sendable {
  @usableFromInline let elements: UnsafeMutablePointer<Element>
  let count: Int
  private let size: Int

  init(count: Int) {
    let (pointer, size) = BufferPool.shared.take(count * MemoryLayout<Element>.stride)
    elements = pointer.bindMemory(to: Element.self, capacity: Swift.max(count, 1))
    self.count = count
    self.size = size
  }

  deinit { BufferPool.shared.giveBack(UnsafeMutableRawPointer(elements), size: size) }
}
