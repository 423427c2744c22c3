import CKernels
import Foundation

/// Keeps the memory of freed tensors for the next ones of about the same size.
///
/// A fresh page costs far more than the arithmetic on it: the first touch runs at a small fraction of the speed of a
/// copy. Buffers are therefore never handed back to the system until ``trim()`` is called.
///
/// AddressSanitizer is told what is kept and what lies beyond the bytes asked for: it would take both for memory in use.
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
    /// The first kept buffer of each size class, 0 if there is none. A kept buffer begins with the address of the next.
    var kept = [UInt](repeating: 0, count: 8 * Int.bitWidth)
    var usage = Usage()
  }

  /// The alignment of every buffer in bytes: a cache line.
  static let alignment = 64
  /// The bytes of a page, and from which size on buffers are staggered.
  private static let page = 4096
  private static let staggeredSize = 16 << 10

  private let state = Guarded(State())

  /// What the pool holds now.
  public var usage: Usage { state.withLock { $0.usage } }

  /// The size of the buffer that serves a request: eight sizes for each power of two, so at most an eighth is unused.
  static func bufferSize(for byteCount: Int) -> Int {
    guard byteCount > 256 else { return 256 }
    let step = 1 << (Int.bitWidth - (byteCount - 1).leadingZeroBitCount - 4)
    return (byteCount + step - 1) / step * step
  }

  /// The place of a buffer size among all of them.
  private static func sizeClass(of size: Int) -> Int {
    let exponent = Int.bitWidth - 1 - size.leadingZeroBitCount
    return 8 * exponent + (size >> (exponent - 3)) % 8
  }

  /// The buffer size at a place.
  private static func size(ofClass place: Int) -> Int { (8 + place % 8) << (place / 8 - 3) }

  /// A buffer of at least `byteCount` bytes, with whatever was in it.
  func take(_ byteCount: Int) -> (UnsafeMutableRawPointer, size: Int) {
    let size = BufferPool.bufferSize(for: byteCount)
    let place = BufferPool.sizeClass(of: size)
    let kept = state.withLock { state -> UnsafeMutableRawPointer? in
      state.usage.inUse += size
      guard let buffer = UnsafeMutableRawPointer(bitPattern: state.kept[place]) else {
        state.usage.systemAllocations += 1
        return nil
      }
      state.kept[place] = buffer.load(as: UInt.self)
      state.usage.kept -= size
      return buffer
    }
    let buffer = kept ?? allocate(size, number: state.withLock { $0.usage.systemAllocations })
    norma_forbid(buffer, size)
    norma_allow(buffer, byteCount)
    return (buffer, size)
  }

  /// Large buffers begin at different places of their pages: where processors compare addresses by their last twelve bits
  /// first, a loop that reads one buffer and writes another at the same place would wait for its own writes.
  private func allocate(_ size: Int, number: Int) -> UnsafeMutableRawPointer {
    let (page, alignment) = (BufferPool.page, BufferPool.alignment)
    guard size >= BufferPool.staggeredSize else { return systemMemory(size, alignment: alignment) }
    let lines = page / alignment
    return systemMemory(size + page, alignment: page) + number * 17 % lines * alignment
  }

  /// The system is asked by C's function, since Swift's own ends the process where there is no memory.
  private func systemMemory(_ size: Int, alignment: Int) -> UnsafeMutableRawPointer {
    var buffer: UnsafeMutableRawPointer?
    if posix_memalign(&buffer, alignment, size) == 0, let buffer { return buffer }
    trim()
    if posix_memalign(&buffer, alignment, size) == 0, let buffer { return buffer }
    exhausted.withLock { $0 }(size)
  }

  private let exhausted = Guarded<@Sendable (Int) -> Never>({ byteCount in
    fatalError("there is no memory for \(byteCount) bytes more")
  })

  /// Says what is done where the system has no more memory, even after all that is kept was handed back: a program can tell its
  /// user before it ends.
  ///
  /// - Parameter body: called with the bytes that could not be had; it does not return.
  public func whenExhausted(_ body: @escaping @Sendable (Int) -> Never) { exhausted.withLock { $0 = body } }

  private static func deallocate(_ buffer: UnsafeMutableRawPointer, size: Int) {
    free(size >= staggeredSize ? buffer - Int(bitPattern: buffer) % page : buffer)
  }

  /// Gives a buffer back.
  func giveBack(_ pointer: UnsafeMutableRawPointer, size: Int) {
    let place = BufferPool.sizeClass(of: size)
    let address = UInt(bitPattern: pointer)
    norma_forbid(pointer, size)
    norma_allow(pointer, MemoryLayout<UInt>.size)
    state.withLock { state in
      state.usage.inUse -= size
      state.usage.kept += size
      let buffer = UnsafeMutableRawPointer(bitPattern: address)!
      buffer.storeBytes(of: state.kept[place], as: UInt.self)
      state.kept[place] = address
    }
  }

  /// Hands all kept memory back to the system.
  public func trim() {
    var kept = state.withLock { state in
      defer {
        state.kept = State().kept
        state.usage.kept = 0
      }
      return state.kept
    }
    for place in kept.indices {
      while let buffer = UnsafeMutableRawPointer(bitPattern: kept[place]) {
        kept[place] = buffer.load(as: UInt.self)
        BufferPool.deallocate(buffer, size: BufferPool.size(ofClass: place))
      }
    }
  }
}
