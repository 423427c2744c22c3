import Norma
import NormaONNX

/// What a model in ONNX's format says of itself.
struct ONNXDescription: Encodable {
  struct Value: Encodable {
    var name: String
    var type: String?
    /// A number, the name of a length, or `?`; nil where nothing is said.
    var shape: [String]?

    init(_ value: ONNXValue) {
      name = value.name
      type = value.elementType?.description
      shape = value.lengths?.map(\.description)
    }

    fileprivate var words: String {
      "\(name), \(type ?? "no tensor of numbers") \(shape.map { "[\($0.joined(separator: ", "))]" } ?? "of any shape")"
    }
  }

  var operatorSet: Int
  var inputs: [Value], outputs: [Value]
  /// How often each operator is there.
  var operators: [String: Int]
  /// Why it cannot be run, if it cannot.
  var obstacle: String?
  /// Why it is no network that can be asked and trained, if it is none.
  var networkObstacle: String?
  /// The operators of which no gradient is known, if it is a network.
  var operatorsWithoutGradient: [String]?
  var parameterCount: Int?
  /// Whether the model has numbers in double precision that a network computes with in single precision.
  var roundsDoubles: Bool?

  init(_ model: ONNXModel) {
    operatorSet = model.operatorSet
    inputs = model.inputs.map { Value($0) }
    outputs = model.outputs.map { Value($0) }
    operators = model.operatorCounts
    obstacle = model.obstacle?.description
    do throws(ONNXError) {
      let network = try ONNXNetwork(model)
      operatorsWithoutGradient = network.operatorsWithoutGradient
      parameterCount = network.parameterCount
      roundsDoubles = network.roundsDoubles
    } catch { networkObstacle = error.description }
  }

  /// The same for people, a line each.
  var lines: [String] {
    var rows = [("Format", "an ONNX model, version \(operatorSet) of the operators")]
    rows += inputs.map { ("Takes", $0.words) } + outputs.map { ("Gives", $0.words) }
    let counts = operators.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    rows.append(("Operators", counts.map { "\($0.key) \($0.value)" }.joined(separator: ", ")))
    if let parameterCount { rows.append(("Parameters", "\(parameterCount)")) }
    if roundsDoubles == true { rows.append(("Computes", "in single precision, what the model has in double")) }
    if let obstacle {
      rows.append(("Cannot be run", obstacle))
    } else if let networkObstacle {
      rows.append(("No network", networkObstacle))
    } else if let operators = operatorsWithoutGradient, !operators.isEmpty {
      rows.append(("No training", "no gradient is known of \(operators.joined(separator: ", "))"))
    }
    return rows.map { ($0.padded(toColumns: 14) + $1).singleLine }
  }
}
