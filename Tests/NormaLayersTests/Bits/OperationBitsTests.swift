import Norma
import TestSupport
import Testing

/// A thousand operations and networks by chance have the same bits on every instruction set, with every number of threads, in
/// every batch and at every place in it.
@Suite(.serialized) struct OperationBitsTests {
  /// So much work is done by the sets that are slow: kernels that multiply and add with instructions for other things, and the
  /// definition in Swift.
  private static let mostSlowWork = 1 << 18

  private static func select(_ kernels: String, _ threadCount: Int) {
    #expect(Kernels.select(kernels))
    Parallel.threadCount = threadCount
  }

  /// The result, and the gradients of all inputs.
  private static func results(_ operation: RandomOperation) throws -> [Tensor<Float>] {
    let graph = Graph<Float>()
    let inputs = operation.inputs.enumerated().map { graph.input($1, name: "input \($0)") }
    let output = try operation.function(inputs)
    // Numbers that differ, and no zeros.
    let count = output.value.count
    let seed = Tensor((0..<count).map { Float(($0 % 17) * 2 - 15) / 16 }, shape: output.shape)
    guard output.requiresGradient else { return [output.value] }
    let gradients = graph.gradients(of: output, seed: seed)
    return [output.value] + inputs.map { gradients[$0] }
  }

  /// The result of some samples alone.
  private static func result(_ operation: RandomOperation, rows: [Int]) throws -> Tensor<Float> {
    var inputs = operation.inputs
    inputs[0] = inputs[0].gathering(rows: rows)
    return try operation.function(inputs.map { Variable($0) }).value
  }

  @Test func aThousandOperationsHaveTheSameBitsHoweverTheyAreComputed() throws {
    let (kernels, threadCount) = (Kernels.name, Parallel.threadCount)
    defer { Self.select(kernels, threadCount) }
    var found: [String] = []
    for number in 0..<1000 {
      let operation = try RandomOperation(number: number)
      Self.select(Kernels.availableNames[0], 1)
      let expected = try Self.results(operation)
      for (place, name) in Kernels.availableNames.enumerated() {
        let isSlow = ["baseline", "swift"].contains(name)
        guard !isSlow || operation.work <= Self.mostSlowWork else { continue }
        let threadCounts = isSlow ? [[1, 2, 3, 8][number % 4]] : (place == 0 ? [2, 3, 8] : [1, 3])
        for threadCount in threadCounts {
          Self.select(name, threadCount)
          let results = try Self.results(operation)
          for (index, pair) in zip(results, expected).enumerated() where !haveSameBits(pair.0, pair.1) {
            let part = index == 0 ? "result" : "gradient \(index - 1)"
            found.append("\(number): \(part) on \(name) with \(threadCount) threads, \(operation)")
          }
        }
      }
      guard operation.isPerSample else { continue }
      let count = operation.inputs[0].shape[0]
      var random = RandomGenerator(seed: UInt64(number))
      let place = Int.random(in: 0..<count, using: &random)
      let length = Int.random(in: 1...(count - place), using: &random)
      let shuffled = random.permutation(count)
      for rows in [[place], Array(place..<place + length), shuffled, shuffled + shuffled] {
        Self.select(Kernels.availableNames[0], [1, 2, 3, 8].randomElement(using: &random)!)
        if try !haveSameBits(Self.result(operation, rows: rows), expected[0].gathering(rows: rows)) {
          found.append("\(number): \(rows.count) of \(count) samples from \(rows[0]) on, \(operation)")
        }
      }
    }
    #expect(found == [], "\(found.count) differ")
  }
}
