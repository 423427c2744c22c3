import Norma
import TestSupport
import Testing

@Suite struct ModelStateTests {
  private func makeModel(seed: UInt64 = 1) -> Sequential<Float> {
    var random = RandomGenerator(seed: seed)
    return Sequential {
      Linear(inputs: 3, outputs: 4, using: &random)
      BatchNorm(4)
      ReLU()
      Linear(inputs: 4, outputs: 2, using: &random)
    }
  }

  private let x = Tensor<Float>.linearlySpaced(from: -2, through: 3, shape: [5, 3])

  private func trained(seed: UInt64) throws -> Sequential<Float> {
    let model = makeModel(seed: seed)
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
    _ = try model(Variable(x), in: pass)
    try pass.updateRunningStatistics()
    return model
  }

  @Test func aStateCarriesAllThatAModelHasLearned() throws {
    let (source, target) = (try trained(seed: 1), makeModel(seed: 2))
    try target.load(source.state)
    #expect(target.state == source.state)
    #expect(
      haveSameBits(try target(Variable(x), in: .inference).value, try source(Variable(x), in: .inference).value))
  }

  @Test func aStateDoesNotChangeWhenItsModelLearnsOn() throws {
    let model = try trained(seed: 1)
    let state = model.state
    let copy = state
    for (_, parameter) in model.namedParameters { parameter.value += .ones(parameter.value.shape) }
    #expect(state == copy && model.state != state)
    try model.load(state)
    #expect(model.state == state)
  }

  private func expectRefusal(
    _ problems: [String: ModelStateError.Problem], sourceLocation: SourceLocation = #_sourceLocation,
    _ change: (inout ModelState<Float>) -> Void
  ) throws {
    var state = try trained(seed: 1).state
    change(&state)
    let model = try trained(seed: 2)
    let before = model.state
    #expect(throws: ModelStateError(problems), sourceLocation: sourceLocation) { try model.load(state) }
    #expect(model.state == before, sourceLocation: sourceLocation)
  }

  @Test func aStateThatDoesNotFitLeavesTheModelAsItWas() throws {
    try expectRefusal(["3.bias": .missing(shape: [2])]) { $0.tensors["3.bias"] = nil }
    try expectRefusal(["1.running_var": .missing(shape: [4])]) { $0.tensors["1.running_var"] = nil }
    try expectRefusal(["3.weight": .misshapen(expected: [2, 4], found: [4, 2])]) {
      $0.tensors["3.weight"] = .zeros([4, 2])
    }
    try expectRefusal(["2.weight": .unexpected, "9.bias": .unexpected, "9.num_batches_tracked": .unexpected]) {
      $0.tensors["9.bias"] = .zeros([1])
      $0.tensors["2.weight"] = .zeros([1])
      $0.counts["9.num_batches_tracked"] = 1
    }
  }

  @Test func allThatDoesNotFitIsSaidAtOnce() throws {
    try expectRefusal([
      "0.weight": .missing(shape: [4, 3]), "3.bias": .misshapen(expected: [2], found: [3]), "a": .unexpected,
    ]) {
      $0.tensors["0.weight"] = nil
      $0.tensors["3.bias"] = .zeros([3])
      $0.tensors["a"] = .zeros([])
    }
  }

  @Test func errorsSayWhichTensorAndWhatItShouldBe() {
    let error = ModelStateError([
      "3.bias": .missing(shape: [2]), "0.weight": .misshapen(expected: [4, 3], found: [3, 4]), "a": .unexpected,
      "b": .wrongType,
    ])
    #expect(
      error.description == """
        '0.weight' has shape [3, 4], and the model needs [4, 3]
        '3.bias' of shape [2] is missing
        the model has no 'a'
        'b' is of another type than the model's
        """)
  }

  @Test func ofMoreThanTenOfAKindTheRestIsCounted() {
    var problems: [String: ModelStateError.Problem] = [:]
    for number in 10..<50 { problems["a.\(number)"] = .unexpected }
    for number in 10..<21 { problems["b.\(number)"] = .missing(shape: [2]) }
    for number in 10..<20 { problems["c.\(number)"] = .wrongType }
    let lines = ModelStateError(problems).description.split(separator: "\n")
    #expect(lines.count == 32)
    #expect(lines[0] == "the model has no 'a.10'" && lines[9] == "the model has no 'a.19'")
    #expect(lines[10] == "'b.10' of shape [2] is missing")
    #expect(lines[29] == "'c.19' is of another type than the model's")
    #expect(lines[30] == "1 more are missing" && lines[31] == "30 more have no place in the model")
  }
}
