import Foundation

/// The reader that the environment names.
private let reader: @Sendable ([UInt8]) throws -> Void = {
  let name = ProcessInfo.processInfo.environment["NORMA_FUZZ"] ?? ""
  guard let reader = readers[name] else {
    fatalError("NORMA_FUZZ must name a reader: \(readers.keys.sorted().joined(separator: ", "))")
  }
  return reader
}()

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do {
    try reader([UInt8](UnsafeBufferPointer(start: start, count: count)))
  } catch {
    if !isExpected(error) { fatalError("an error of another type: \(type(of: error)): \(error)") }
  }
  return 0
}
