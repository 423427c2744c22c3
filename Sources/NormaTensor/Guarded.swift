import Foundation

/// A value that one thread at a time may touch.
///
/// The standard library's `Mutex` does the same; ThreadSanitizer sees only the C library's locks, and would take what
/// `Mutex` guards for races.
///
/// Unchecked: the value is reached with the lock held alone.
package final class Guarded<Value>: @unchecked Sendable {
  private var value: Value
  private let lock: UnsafeMutablePointer<pthread_mutex_t>

  /// A value to be guarded.
  package init(_ value: Value) {
    self.value = value
    lock = .allocate(capacity: 1)
    lock.initialize(to: pthread_mutex_t())
    let status = pthread_mutex_init(lock, nil)
    require(status == 0, "no lock could be made: error \(status)")
  }

  deinit {
    pthread_mutex_destroy(lock)
    lock.deinitialize(count: 1)
    lock.deallocate()
  }

  /// Lends the value for the length of a call, which must not ask for it again.
  @inline(__always) package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return try body(&value)
  }
}
