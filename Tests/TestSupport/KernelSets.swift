import Foundation
import NormaTensor

private let choosing = NSLock()

/// What a function gives on each set of kernels that the processor has, the fastest first, and on the twins.
///
/// The choice belongs to the whole process. Calls from several tests wait for each other, so that each finds the set that it asked
/// for. Others see it change, which does not matter to them: all sets give the same bits.
public func resultsByKernels<Result>(_ body: () throws -> Result) rethrows -> [(kernels: String, result: Result)] {
  choosing.lock()
  defer { choosing.unlock() }
  let before = Kernels.name
  defer { Kernels.select(before) }
  return try Kernels.availableNames.map { name in
    Kernels.select(name)
    return (name, try body())
  }
}
