import Foundation
import Norma
import TestSupport
import Testing

/// A rule that looks at parameters as a whole, and shrinks them by their length.
private struct Lengths: OptimizerRule {
  static let name = "test.lengths"
  var slots: [String] { ["mean"] }
  var takesWholeParameters: Bool { true }

  func update<Element: TensorElement>(
    _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
    step: OptimizerStep
  ) {
    var square: Element = 0
    for index in gradients.indices { square += gradients[index] * gradients[index] }
    let length = square.squareRoot() + 1e-6
    for index in values.indices {
      slots[0, index] = 0.9 * slots[0, index] + 0.1 * gradients[index] / length
      values[index] -= Element(step.learningRate) * slots[0, index]
    }
  }
}

/// Optimizers whose memory several processes share, here threads of one: each number changes as it would in one.
@Suite struct SharedOptimizerTests {
  // What is compared writes settings, in whichever order the tests run.
  init() throws { try OptimizerRegistry.shared.register(Lengths.self) }

  /// What is asked of a step beside the rule, with a head that learns faster and a layer that is frozen.
  private static let settings: [@Sendable (inout TrainingConfiguration, Sequential<Float>) -> Void] = [
    { _, _ in },
    { settings, _ in (settings.clipping, settings.averaging) = (.norm(0.5), .exponential(decay: 0.9)) },
    { settings, _ in (settings.clipping, settings.averaging) = (.adaptive(0.05), .stochastic(fromEpoch: 1)) },
    { settings, model in
      settings.groups = [ParameterGroup("6.*", learningRateFactor: 4, weightDecay: 0.1)]
      model.namedParameters[0].parameter.isFrozen = true
    },
    { settings, _ in settings.optimizer = .sgd() },
    { settings, _ in (settings.optimizer, settings.learningRate) = (Lengths(), 0.1) },
  ]

  private struct Trained {
    var state: ModelState<Float>
    var last: TrainingState<Float>?
    var remembered: Int
  }

  private static func trained(
    _ index: Int, in group: (any ProcessGroup)? = nil, shares: Bool = true, from start: TrainingState<Float>? = nil,
    stoppingAfter stop: Int? = nil
  ) throws -> Trained {
    var configuration = TrainingConfiguration(epochs: 2, batchSize: 16, learningRate: 0.01, seed: 3)
    configuration.shards = 8
    let model = TrainingSamples.residualNetwork(Float.self)
    settings[index](&configuration, model)
    let trainer = try Trainer(model, configuration: configuration, group: group, sharesOptimizer: shares)
    #expect(trainer.sharesOptimizer == (shares && group?.count ?? 1 > 1))
    if let start { try trainer.restore(start) }
    var last: TrainingState<Float>?
    var steps = 0
    trainer.isAskedForState = { event in if case .step = event { true } else { false } }
    let data = TrainingSamples.images(60).subset(rows: Array(0..<37)),
      validation = TrainingSamples.images(60).subset(rows: Array(37..<60))
    try trainer.fit(data, validation: validation) { event in
      guard case .step = event else { return .proceed }
      steps += 1
      #expect(trainer.hasState == (!trainer.sharesOptimizer || group?.rank ?? 0 == 0))
      if trainer.hasState { last = trainer.state }
      return steps == stop ? .stop : .proceed
    }
    return Trained(
      state: model.state, last: last, remembered: trainer.optimizer.slots.values.reduce(0) { $0 + $1.count })
  }

  @Test(arguments: settings.indices) func theNumberOfProcessesChangesNoBit(index: Int) throws {
    let one = try Self.trained(index)
    let expected = try #require(one.last)
    for count in [1, 2, 4, 8] {
      let found = try ThreadGroup.run(count) { try Self.trained(index, in: $0) }.map { try $0.get() }
      for (rank, found) in found.enumerated() {
        #expect(haveSameBits(found.state, one.state), "process \(rank) of \(count)")
      }
      // Together they remember what one does, all but one of them less.
      #expect(found.map(\.remembered).reduce(0, +) == one.remembered)
      let state = try #require(found[0].last)
      #expect(state.optimizer.slots.keys.sorted() == expected.optimizer.slots.keys.sorted())
      for (name, slot) in expected.optimizer.slots {
        #expect(haveSameBits(state.optimizer.slots[name]!, slot), "\(name) of \(count)")
      }
      #expect(found.dropFirst().allSatisfy { $0.last == nil })
    }
  }

  /// What the first of four saved goes on in two that share, in two that do not, and in one.
  @Test(arguments: [1, 5]) func aTrainingGoesOnInAnotherNumberOfProcesses(index: Int) throws {
    let whole = try Self.trained(index)
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "state.safetensors").path
    let stopped = try ThreadGroup.run(4) { try Self.trained(index, in: $0, stoppingAfter: 4) }[0].get()
    try #require(stopped.last).write(to: path)
    let state = try TrainingState<Float>(contentsOf: path)
    for shares in [true, false] {
      for found in ThreadGroup.run(2, { try Self.trained(index, in: $0, shares: shares, from: state) }) {
        #expect(haveSameBits(try found.get().state, whole.state))
      }
    }
    #expect(haveSameBits(try Self.trained(index, from: state).state, whole.state))
  }

  /// Parts are one after the other, of all numbers, and as even as whole units allow; what is frozen counts for nothing.
  @Test func partsAreEven() {
    func parts(_ count: Int, unit: Int, frozen: Int? = nil) -> [Range<Int>] {
      ThreadGroup.run(count) { group in
        let parameters = [[10, 10], [7], [100], [1, 3]].enumerated().map { index, shape in
          let parameter = Parameter<Float>(.zeros(Shape(shape)), name: "\(index)", kind: .weight)
          parameter.isFrozen = index == frozen
          return parameter
        }
        return OptimizerShares(parameters, among: group) { unit == 0 ? $0.shape.elementCount : unit }
      }.map { try! $0.get().own }
    }
    #expect(parts(2, unit: 1) == [0..<105, 105..<210])
    #expect(parts(4, unit: 1) == [0..<52, 52..<105, 105..<157, 157..<210])
    #expect(parts(2, unit: 0) == [0..<107, 107..<210])
    #expect(parts(4, unit: 0) == [0..<100, 100..<107, 107..<207, 207..<210])
    #expect(parts(2, unit: 10) == [0..<107, 107..<210])
    #expect(parts(2, unit: 1, frozen: 0) == [0..<155, 155..<210])
    #expect(parts(8, unit: 0).reduce(0) { $0 + $1.count } == 210)
  }
}
