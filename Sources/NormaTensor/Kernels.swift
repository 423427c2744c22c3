import CKernels
import Foundation
import Synchronization

/// The instruction set that the hot loops on `Float` are compiled for: the best that the processor has, or what the
/// environment variable `NORMA_KERNELS` names.
///
/// All sets give the same bits. `swift` stands for the twins, plain loops in Swift that define what the C kernels compute.
public enum Kernels {
  /// The place of the set in use among those that this processor can run; beyond the last stand the twins.
  private static let selected = Atomic<Int>(
    ProcessInfo.processInfo.environment["NORMA_KERNELS"].flatMap { availableNames.firstIndex(of: $0) } ?? 0)

  /// The kernels in use. An operation asks once, as another thread may choose others.
  package static var table: UnsafePointer<norma_kernels> {
    norma_kernels_at(Int32(selected.load(ordering: .relaxed))) ?? twins
  }

  /// The tables of all sets, in the order of their names.
  package static var tables: [UnsafePointer<norma_kernels>] {
    availableNames.indices.map { norma_kernels_at(Int32($0)) ?? twins }
  }

  /// The name of the set in use: `avx512`, `avx2`, `neon`, `baseline` or `swift`.
  public static var name: String { availableNames[selected.load(ordering: .relaxed)] }

  /// The names of the sets that this processor can run, the fastest first; `swift` is the last.
  public static let availableNames: [String] = {
    var names: [String] = []
    while let table = norma_kernels_at(Int32(names.count)) { names.append(String(cString: table.pointee.name)) }
    return names + [String(cString: twins.pointee.name)]
  }()

  /// Uses another set from now on. False, and nothing changes, if the processor has no set of that name.
  @discardableResult public static func select(_ name: String) -> Bool {
    guard let place = availableNames.firstIndex(of: name) else { return false }
    selected.store(place, ordering: .relaxed)
    return true
  }
}

/// The kernels for one element type, as an operation found them when it began.
///
/// Only sets for `Float` can be made, since the kernels are for floats alone: so a set for `Element` proves that an `Element` is
/// a `Float`, and generic code that holds one may hand its pointers to the kernels.
public struct KernelSet<Element: TensorElement>: Sendable {
  /// Unchecked: a constant of the program.
  package nonisolated(unsafe) let table: UnsafePointer<norma_kernels>

  /// A pointer as the kernels take it.
  @inlinable package func callAsFunction(_ elements: UnsafePointer<Element>) -> UnsafePointer<Float> {
    UnsafeRawPointer(elements).assumingMemoryBound(to: Float.self)
  }

  /// A pointer as the kernels take it, where there is one.
  @inlinable package func callAsFunction(ifAny elements: UnsafePointer<Element>?) -> UnsafePointer<Float>? {
    guard let elements else { return nil }
    return self(elements)
  }

  /// A pointer as the kernels take it.
  @inlinable package func callAsFunction(_ elements: UnsafeMutablePointer<Element>) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer(elements).assumingMemoryBound(to: Float.self)
  }
}

extension KernelSet<Float> {
  /// The set in use.
  static var selected: KernelSet { KernelSet(table: Kernels.table) }
}

/// Lends memory for the length of a call, from the pool that tensors share; it holds arbitrary values at first.
package func withScratch<Element: BitwiseCopyable, Result>(
  _ count: Int, of type: Element.Type = Element.self, _ body: (UnsafeMutablePointer<Element>) throws -> Result
) rethrows -> Result {
  let (memory, size) = BufferPool.shared.take(count * MemoryLayout<Element>.stride)
  defer { BufferPool.shared.giveBack(memory, size: size) }
  return try body(memory.bindMemory(to: Element.self, capacity: max(1, count)))
}
