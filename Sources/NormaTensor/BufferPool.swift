import Synchronization

/// Keeps the memory of freed tensors for the next ones of about the same size.
///
/// A fresh page costs far more than the arithmetic on it: the first touch runs at a small fraction of the speed of a
/// copy. Buffers are therefore never handed back to the system until ``trim()`` is called.
public final class BufferPool: Sendable {
  /// The pool all tensors share.
  public static let shared = BufferPool()

  /// What the pool has done so far, in bytes and calls.
  public struct Usage: Sendable {
    /// Bytes held by living tensors.
    public var inUse = 0
    /// Bytes kept for the next tensors.
    public var kept = 0
    /// How often memory had to be asked of the system.
    public var systemAllocations = 0
  }

  private struct State {
    var free: [Int: [UInt]] = [:]
    var usage = Usage()
  }

  /// The alignment of every buffer in bytes: a cache line.
  static let alignment = 64

  private let state = Mutex(State())

  /// What the pool holds now.
  public var usage: Usage { state.withLock { $0.usage } }

  /// The size of the buffer that serves a request: four sizes for each power of two, so at most a quarter is unused.
  static func bufferSize(for byteCount: Int) -> Int {
    guard byteCount > 256 else { return 256 }
    let step = 1 << (Int.bitWidth - (byteCount - 1).leadingZeroBitCount - 3)
    return (byteCount + step - 1) / step * step
  }

  /// A buffer of at least `byteCount` bytes, with whatever was in it.
  func take(_ byteCount: Int) -> (UnsafeMutableRawPointer, size: Int) {
    let size = BufferPool.bufferSize(for: byteCount)
    let kept: UInt? = state.withLock {
      $0.usage.inUse += size
      guard let address = $0.free[size]?.popLast() else {
        $0.usage.systemAllocations += 1
        return nil
      }
      $0.usage.kept -= size
      return address
    }
    if let kept, let pointer = UnsafeMutableRawPointer(bitPattern: kept) { return (pointer, size) }
    return (.allocate(byteCount: size, alignment: BufferPool.alignment), size)
  }

  /// Gives a buffer back.
  func giveBack(_ pointer: UnsafeMutableRawPointer, size: Int) {
    state.withLock {
      $0.usage.inUse -= size
      $0.usage.kept += size
      $0.free[size, default: []].append(UInt(bitPattern: pointer))
    }
  }

  /// Hands all kept memory back to the system.
  public func trim() {
    let kept = state.withLock { state in
      defer {
        state.free = [:]
        state.usage.kept = 0
      }
      return state.free.values.flatMap { $0 }
    }
    for address in kept { UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
  }
}
