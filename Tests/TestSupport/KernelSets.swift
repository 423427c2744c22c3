import Foundation
import NormaTensor

private let choosing = NSLock()

/// What a function gives on each set of kernels that the processor has, the fastest first, and with the plain Swift loops if
/// `includingSwift`; on these alone where `NORMA_KERNELS` asks for them.
///
/// The choice belongs to the whole process. Calls from several tests wait for each other, so that each finds the set that it asked
/// for. Others see it change, which does not matter to them as long as all sets give the same bits: of some operations the Swift
/// loops are more precise, and tests that use these run apart.
public func resultsByKernels<Result>(
  includingSwift: Bool = true, _ body: () throws -> Result
) rethrows -> [(kernels: String, result: Result)] {
  choosing.lock()
  defer { choosing.unlock() }
  let before = Kernels.name
  defer { Kernels.select(before) }
  let names = before == "swift" ? ["swift"] : Kernels.availableNames.filter { includingSwift || $0 != "swift" }
  return try names.map { name in
    Kernels.select(name)
    return (name, try body())
  }
}
