import Norma
import NormaONNX
import Testing

/// Models that have graphs in their nodes, and operators of their own.
struct BranchTests {
  private typealias Bytes = ModelBytes
  private static let x = Tensor<Float>([1, 2, 3, 4, 5, 6], shape: [2, 3])

  private func run(_ model: [UInt8], _ inputs: [ONNXTensor] = [.floats(Self.x)]) throws -> [Float] {
    guard case .floats(let y) = try ONNXModel(bytes: model)(inputs)[0] else { return [] }
    return y.elements
  }

  private func number(_ name: String, _ value: Int) -> [UInt8] {
    Bytes.node("Constant", [], [name], Bytes.attribute("value_int", [value], isList: false))
  }

  /// A model in whose branches x is multiplied by 2, and by itself.
  private func choice(_ condition: [[UInt8]]) -> [UInt8] {
    let double = Bytes.graph([Bytes.node("Add", ["x", "x"], ["a"])], outputs: [("a", 1)])
    let square = Bytes.graph([Bytes.node("Mul", ["x", "x"], ["b"])], outputs: [("b", 1)])
    return Bytes.model(
      condition + [
        Bytes.node(
          "If", ["c"], ["y"], Bytes.attribute("then_branch", graph: double),
          Bytes.attribute("else_branch", graph: square))
      ])
  }

  @Test func aBranchRunsWithTheValuesAroundIt() throws {
    func condition(_ operation: String) -> [[UInt8]] {
      [number("one", 1), number("two", 2), Bytes.node(operation, ["one", "two"], ["c"])]
    }
    #expect(try run(choice(condition("Less"))) == [2, 4, 6, 8, 10, 12])
    #expect(try run(choice(condition("Greater"))) == [1, 4, 9, 16, 25, 36])
    // Where the condition is known, the branch is part of the network.
    let network = try ONNXNetwork(ONNXModel(bytes: choice(condition("Greater"))))
    #expect(network.operatorsWithoutGradient == [])
    #expect(try InferenceModel(network)(Self.x).elements == [1, 4, 9, 16, 25, 36])
    // Where it is not, no network is made.
    let sum = [
      Bytes.node("ReduceSum", ["x"], ["s"], Bytes.attribute("keepdims", [0], isList: false)),
      Bytes.node("IsNaN", ["s"], ["c"]),
    ]
    #expect(try run(choice(sum)) == [1, 4, 9, 16, 25, 36])
    #expect(throws: ONNXError.self) { try ONNXNetwork(ONNXModel(bytes: choice(sum))) }
  }

  /// A model that adds x to a state round by round, as long as the state's largest is below 20.
  private func loop(rounds: Int, stops: Bool = true) -> [UInt8] {
    let body = Bytes.graph(
      [
        Bytes.node("Add", ["state", "x"], ["next"]),
        Bytes.node("ReduceMax", ["next"], ["most"], Bytes.attribute("keepdims", [0], isList: false)),
        Bytes.node(stops ? "Less" : "Identity", stops ? ["most", "bound"] : ["c"], ["goes"]),
        Bytes.node("Identity", ["most"], ["each"]),
      ], inputs: [("i", 7), ("c", 9), ("state", 1)], outputs: [("goes", 9), ("next", 1), ("each", 1)],
      tensors: [Bytes.floats("bound", [], [20])])
    let output = { (name: String) in Bytes.field(1, name) + Bytes.field(2, Bytes.field(1, Bytes.field(1, 1))) }
    let nodes = [
      Bytes.node("Constant", [], ["n"], Bytes.attribute("value_int", [rounds], isList: false)),
      Bytes.node("Loop", ["n", "", "x"], ["y", "all"], Bytes.attribute("body", graph: body)),
    ]
    return Bytes.model(
      graph: nodes.flatMap { Bytes.field(1, $0) } + Bytes.field(2, "test") + Bytes.field(11, Bytes.value("x", [2, 3]))
        + Bytes.field(12, output("y")) + Bytes.field(12, output("all")))
  }

  @Test func aLoopEndsByItsCountOrByItsCondition() throws {
    func results(_ rounds: Int, stops: Bool = true) throws -> [[Float]] {
      try ONNXModel(bytes: loop(rounds: rounds, stops: stops))([.floats(Self.x)]).map {
        if case .floats(let tensor) = $0 { tensor.elements } else { [] }
      }
    }
    #expect(try results(2) == [[3, 6, 9, 12, 15, 18], [12, 18]])
    #expect(try results(10) == [[4, 8, 12, 16, 20, 24], [12, 18, 24]])
    #expect(try results(0)[0] == Self.x.elements)
    #expect(try results(5, stops: false)[1] == [12, 18, 24, 30, 36])
    // More rounds than are bounded are refused before the first one, those that may end before that when they are too many.
    #expect(try results(1 << 62) == [[4, 8, 12, 16, 20, 24], [12, 18, 24]])
    #expect(throws: ONNXError.self) { try results(1 << 62, stops: false) }
    let slow = try ONNXModel(bytes: loop(rounds: 1000, stops: false))
    #expect(throws: ONNXError.self) { try slow([.floats(Self.x)], maximumElementCount: 1024) }
  }

  @Test func aScanGoesAlongAnAxisInEitherDirection() throws {
    let body = Bytes.graph(
      [Bytes.node("Add", ["state", "part"], ["next"]), Bytes.node("Identity", ["next"], ["sum"])],
      inputs: [("state", 1), ("part", 1)], outputs: [("next", 1), ("sum", 1)])
    func scan(_ axis: Int, _ isReversed: Int) -> [UInt8] {
      Bytes.model(
        [
          Bytes.node(
            "Scan", ["zero", "x"], ["last", "y"], Bytes.attribute("body", graph: body),
            Bytes.attribute("num_scan_inputs", [1], isList: false), Bytes.attribute("scan_input_axes", [axis]),
            Bytes.attribute("scan_input_directions", [isReversed]), Bytes.attribute("scan_output_axes", [axis]),
            Bytes.attribute("scan_output_directions", [isReversed]))
        ], tensors: [Bytes.floats("zero", [axis == 0 ? 3 : 2], [Float](repeating: 0, count: axis == 0 ? 3 : 2))])
    }
    #expect(try run(scan(0, 0)) == [1, 2, 3, 5, 7, 9])
    #expect(try run(scan(0, 1)) == [5, 7, 9, 4, 5, 6])
    #expect(try run(scan(1, 0)) == [1, 3, 6, 4, 9, 15])
    #expect(try run(scan(1, 1)) == [6, 5, 3, 15, 11, 6])
  }

  @Test func functionsAreReplacedByWhatTheyDo() throws {
    // scaled(a) = leaky(a, slope) · a, with a slope that the call may name, and inner names that the model has too.
    let reference =
      Bytes.field(5, Bytes.field(1, "alpha") + Bytes.field(20, 1) + Bytes.field(21, "slope"))
    let scaled = Bytes.function(
      "Scaled", ["a"], ["r"],
      [Bytes.node("LeakyRelu", ["a"], ["t"]) + reference, Bytes.node("Mul", ["t", "a"], ["r"])], attributes: ["slope"])
    let twice = Bytes.function(
      "Twice", ["a"], ["r", "unused"],
      [Bytes.call("Scaled", ["a"], ["t"]), Bytes.call("Scaled", ["t"], ["r"]), Bytes.node("Neg", ["a"], ["unused"])])
    let slope = Bytes.field(
      5, Bytes.field(1, "slope") + Bytes.varint(2 << 3 | 5) + [0, 0, 0, 0x3f] + Bytes.field(20, 1))
    func model(_ nodes: [[UInt8]], _ functions: [[UInt8]]) -> [UInt8] {
      Bytes.model(
        graph: nodes.flatMap { Bytes.field(1, $0) } + Bytes.field(11, Bytes.value("x", [2, 3]))
          + Bytes.field(12, Bytes.field(1, "y") + Bytes.field(2, Bytes.field(1, Bytes.field(1, 1)))),
        functions: functions)
    }
    let t = Bytes.node("Neg", ["x"], ["t"])
    #expect(try run(model([t, Bytes.call("Scaled", ["t"], ["y"], slope)], [scaled])) == [0.5, 2, 4.5, 8, 12.5, 18])
    #expect(try run(model([t, Bytes.call("Scaled", ["t"], ["y"])], [scaled])).allSatisfy { abs($0) < 0.361 })
    #expect(try run(model([Bytes.call("Twice", ["x"], ["y"])], [twice, scaled])) == [1, 16, 81, 256, 625, 1296])
    let network = try ONNXNetwork(ONNXModel(bytes: model([Bytes.call("Twice", ["x"], ["y"])], [twice, scaled])))
    #expect(try InferenceModel(network)(Self.x).elements == [1, 16, 81, 256, 625, 1296])
    // Nobody calls itself, and many small ones do not become endless.
    let endless = Bytes.function("Scaled", ["a"], ["r"], [Bytes.call("Scaled", ["a"], ["r"])])
    #expect(throws: ONNXError.self) { try run(model([Bytes.call("Scaled", ["x"], ["y"])], [endless])) }
    let growing = (1..<31).map { level in
      Bytes.function(
        "F\(level)", ["a"], ["r"],
        [Bytes.call("F\(level - 1)", ["a"], ["t"]), Bytes.call("F\(level - 1)", ["t"], ["r"])])
    }
    let first = Bytes.function("F0", ["a"], ["r"], [Bytes.node("Neg", ["a"], ["r"])])
    #expect(throws: ONNXError.self) { try run(model([Bytes.call("F30", ["x"], ["y"])], growing + [first])) }
    #expect(throws: ONNXError.self) { try run(model([Bytes.call("Other", ["x"], ["y"])], [scaled])) }
  }

  @Test func sequencesAreTakenApartAndPutTogether() throws {
    func model(_ nodes: [[UInt8]]) -> [UInt8] { Bytes.model(nodes + [Bytes.node("Identity", ["z"], ["y"])]) }
    let split = Bytes.node("SplitToSequence", ["x"], ["s"], Bytes.attribute("axis", [1], isList: false))
    func join(_ name: String, axis: Int, isNew: Int) -> [UInt8] {
      Bytes.node(
        "ConcatFromSequence", [name], ["z"], Bytes.attribute("axis", [axis], isList: false),
        Bytes.attribute("new_axis", [isNew], isList: false))
    }
    #expect(try run(model([split, join("s", axis: 1, isNew: 0)])) == Self.x.elements)
    #expect(try run(model([split, join("s", axis: 0, isNew: 1)])) == [1, 4, 2, 5, 3, 6])
    let erase = [number("first", -3), Bytes.node("SequenceErase", ["s", "first"], ["t"])]
    #expect(try run(model([split] + erase + [join("t", axis: -1, isNew: 0)])) == [2, 3, 5, 6])
    let last = [Bytes.node("SequenceErase", ["s"], ["t"])]
    #expect(try run(model([split] + last + [join("t", axis: 1, isNew: 0)])) == [1, 2, 4, 5])
  }

  @Test func normsOverAllPlacesAreTaken() throws {
    let found = try run(
      Bytes.model(
        [
          Bytes.node("Unsqueeze", ["x"], ["a"], Bytes.attribute("axes", [0])),
          Bytes.node("GlobalLpPool", ["a"], ["y"], Bytes.attribute("p", [3], isList: false)),
        ], version: 11))
    for (value, expected) in zip(found, [36.0, 405.0]) {
      #expect(abs(Double(value * value * value) - expected) < 1e-5 * expected)
    }
  }

  @Test func inputsBesideTheBatchMayBeMadeConstants() throws {
    let graph = Bytes.graph(
      [Bytes.node("Mul", ["x", "factor"], ["y"])], inputs: [("x", 1), ("factor", 1)], outputs: [("y", 1)])
    let model = try ONNXModel(bytes: Bytes.model(graph: graph))
    #expect(throws: ONNXError.self) { try ONNXNetwork(model, sampleShape: [3]) }
    let network = try ONNXNetwork(model.fixing(["factor": .floats(.scalar(3))]), sampleShape: [3])
    #expect(try InferenceModel(network)(Self.x).elements == [3, 6, 9, 12, 15, 18])
    #expect(throws: ONNXError.self) { try model.fixing(["other": .floats(.scalar(3))]) }
    #expect(throws: ONNXError.self) { try model.fixing(["factor": .integers(ONNXIntegers([3], shape: []))]) }
  }
}
