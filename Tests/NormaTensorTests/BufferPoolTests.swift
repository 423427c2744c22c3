import Foundation
import NormaTensor
import Testing

// The pool serves the whole process, and other tests use it at the same time: these use sizes that no other test does.
@Suite(.serialized) struct BufferPoolTests {
  private func address(ofTensorWith count: Int) -> UInt {
    Tensor<Float>(repeating: 0, shape: [count]).withUnsafeElements { UInt(bitPattern: $0.baseAddress) }
  }

  @Test func freedMemoryServesTheNextTensorOfAboutThatSize() {
    let first = address(ofTensorWith: 23_000_000)
    #expect(address(ofTensorWith: 23_000_000) == first)
    #expect(address(ofTensorWith: 22_900_000) == first)
    #expect(first % 64 == 0)
  }

  @Test func livingTensorsDoNotShareMemory() {
    let one = Tensor<Float>.zeros([27_000_000])
    let other = Tensor<Float>.ones([27_000_000])
    #expect(one.withUnsafeElements { $0.baseAddress } != other.withUnsafeElements { $0.baseAddress })
    #expect(one[26_999_999] == 0 && other[0] == 1)
  }

  @Test func memoryInUseGoesBackToThePoolAndFromThereToTheSystem() {
    // Far more than all other tests hold at one time.
    let count = 150_000_000
    do {
      let tensor = Tensor<Float>(shape: [count]) { $0[0] = 1 }
      #expect(tensor[0] == 1)
      #expect(BufferPool.shared.usage.inUse >= 4 * count)
    }
    #expect(BufferPool.shared.usage.kept >= 4 * count)
    BufferPool.shared.trim()
    #expect(BufferPool.shared.usage.kept < 4 * count)
    #expect(BufferPool.shared.usage.inUse < 4 * count)
  }

  /// Whether AddressSanitizer watches: `make sanitize`.
  private static let isWatched = dlsym(dlopen(nil, RTLD_NOW), "__asan_address_is_poisoned") != nil

  @Test(.enabled(if: isWatched, "AddressSanitizer sees it, as in make sanitize"))
  func keptMemoryAndThatBeyondTheLastElementAreNotToBeTouched() async {
    await #expect(processExitsWith: .failure) {
      let pointer = Tensor<Float>.zeros([1000]).withUnsafeElements { $0.baseAddress! }
      print(pointer[500])
    }
    await #expect(processExitsWith: .failure) {
      let tensor = Tensor<Float>.zeros([1000])
      let beyond = tensor.withUnsafeElements { $0.baseAddress![Int.random(in: 1000...1001)] }
      print(beyond, tensor[0])
    }
    await #expect(processExitsWith: .success) {
      let tensor = Tensor<Float>.zeros([1000])
      print(tensor.withUnsafeElements { $0.baseAddress![999] })
    }
  }
}
