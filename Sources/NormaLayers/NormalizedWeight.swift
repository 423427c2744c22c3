import NormaGraph
import NormaTensor

/// A layer's weight that is computed from parameters, see ``WeightNormalization``.
public final class NormalizedWeight<Element: TensorElement> {
  /// Where a layer has its outputs among the axes of its weight.
  enum Arrangement {
    /// `[outputs, …]`.
    case outputsFirst
    /// `[inputs, outputs / groups, …]`, as transposed convolutions have it.
    case inputsFirst(groups: Int)
  }

  /// How it is computed.
  public let normalization: WeightNormalization
  /// What is trained of the weight's shape.
  public let original: Parameter<Element>
  /// What each row is multiplied by: the gain, or the magnitude g, of shape `[rows, 1, …]`; nil where there is none.
  public let scale: Parameter<Element>?
  private let arrangement: Arrangement
  private let random: RandomGenerator
  private var directions: (left: Tensor<Element>, right: Tensor<Element>)?

  init(
    _ original: Parameter<Element>, _ normalization: WeightNormalization,
    _ arrangement: Arrangement = .outputsFirst, random: RandomGenerator
  ) {
    require(normalization.problem == nil, "weights normalized with \(normalization.problem ?? "")")
    self.normalization = normalization
    self.original = original
    self.arrangement = arrangement
    self.random = random
    let name = normalization.names.scale
    let shape = original.shape
    func scaleShape(_ rows: Int) -> Shape { Shape([rows] + shape.dropFirst().map { _ in 1 }) }
    switch normalization {
    case .standardized, .spectral: scale = nil
    case .scaledStandardized:
      let shape = scaleShape(arrangement.outputs(of: shape))
      scale = Parameter(shape: shape, name: name, kind: .gamma) { .ones(shape) }
    case .magnitude:
      scale = Parameter(shape: scaleShape(shape[0]), name: name, kind: .gamma) {
        let rows: Tensor<Double> = original.value.reshaped(to: [shape[0], shape.elementCount / shape[0]]).converted()
        return rows.applying(.square).sumOverChannels().applying(.squareRoot).reshaped(to: scaleShape(shape[0]))
          .converted()
      }
    }
  }

  /// What is trained besides ``original``.
  var parameters: [Parameter<Element>] { scale.map { [$0] } ?? [] }

  /// The vectors of a spectral normalization.
  var buffers: [Buffer<Element>] {
    guard case .spectral = normalization else { return [] }
    return [
      Buffer(normalization.names.left, of: self, \.left), Buffer(normalization.names.right, of: self, \.right),
    ]
  }

  /// The weight in a pass.
  @specialized(where Element == Float)
  func callAsFunction(in pass: Pass<Element>) -> Variable<Element> {
    let weight = pass.variable(for: original)
    let scale = scale.map { pass.variable(for: $0) }
    let result =
      switch normalization {
      case .standardized(let epsilon), .scaledStandardized(let epsilon):
        standardized(weight, scale: scale, epsilon: epsilon)
      case .magnitude: withMagnitude(weight, scale!)
      case .spectral(let iterations, let epsilon):
        spectrallyNormalized(weight, iterations: iterations, epsilon: epsilon, in: pass)
      }
    return result.named("weight")
  }

  // MARK: By rows

  /// A row is a channel of one sample, channels first, which batch normalization has by its own statistics.
  private func standardized(
    _ weight: Variable<Element>, scale: Variable<Element>?, epsilon: Double
  ) -> Variable<Element> {
    let outputs = arrangement.outputs(of: original.shape)
    let share = Element(1 / Double(original.shape.elementCount / outputs).squareRoot())
    let rows = arrangement.rows(of: weight, original.shape)
    do {
      let standardized = try rows.batchNormalized(
        gamma: scale?.scaled(by: share).reshaped(to: [outputs]), epsilon: epsilon, layout: .channelsFirst,
        allowsSingleValue: true)
      return arrangement.weight(ofRows: standardized.output, original.shape)
    } catch {
      fatalError("rows of one weight, which are allowed, were refused: \(error)")
    }
  }

  /// `v / ‖v‖` is what RMS normalization gives, divided by the root of the number of values.
  private func withMagnitude(_ weight: Variable<Element>, _ magnitude: Variable<Element>) -> Variable<Element> {
    let shape = original.shape
    let count = shape.elementCount / shape[0]
    return weight.reshaped(to: [shape[0], count]).rmsNormalized(epsilon: 0)
      .multiplied(by: magnitude.scaled(by: Element(1 / Double(count).squareRoot())), broadcast: .perRow)
      .reshaped(to: shape)
  }

  // MARK: By the largest singular value

  /// u, a unit vector with a number for each row.
  private var left: Tensor<Element> {
    get { knownDirections.left }
    set { directions = (newValue, knownDirections.right) }
  }

  /// v, a unit vector with a number for each column.
  private var right: Tensor<Element> {
    get { knownDirections.right }
    set { directions = (knownDirections.left, newValue) }
  }

  /// The vectors, found by some power iterations when they are first asked for, as PyTorch does.
  private var knownDirections: (left: Tensor<Element>, right: Tensor<Element>) {
    if let directions { return directions }
    guard case .spectral(_, let epsilon) = normalization else { fatalError("\(normalization) has no vectors") }
    let matrix = arrangement.matrix(of: Variable(original.value), original.shape).value
    var generator = random.split(1)
    let left = Tensor<Element>.normal([matrix.shape[0]], using: &generator).unit(epsilon)
    let right = Tensor<Element>.normal([matrix.shape[1]], using: &generator).unit(epsilon)
    let found = Self.iterated(left, right, matrix, count: 15, epsilon: epsilon)
    directions = found
    return found
  }

  private static func iterated(
    _ left: Tensor<Element>, _ right: Tensor<Element>, _ matrix: Tensor<Element>, count: Int, epsilon: Double
  ) -> (left: Tensor<Element>, right: Tensor<Element>) {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    var (left, right) = (left, right)
    for _ in 0..<count {
      left = matrix.matrixProduct(right.reshaped(to: [columns, 1])).reshaped(to: [rows]).unit(epsilon)
      right = left.reshaped(to: [1, rows]).matrixProduct(matrix).reshaped(to: [columns]).unit(epsilon)
    }
    return (left, right)
  }

  private func spectrallyNormalized(
    _ weight: Variable<Element>, iterations: Int, epsilon: Double, in pass: Pass<Element>
  ) -> Variable<Element> {
    let shape = original.shape
    let matrix = arrangement.matrix(of: weight, shape)
    var (left, right) = knownDirections
    // A network that is followed has no numbers, and changes nothing.
    if pass.isTraining && pass.purpose == nil {
      (left, right) = Self.iterated(left, right, matrix.value, count: iterations, epsilon: epsilon)
      pass.deferChange { [self, left, right] in directions = (left, right) }
    }
    let (u, v) = (
      pass.constant(left, named: normalization.names.left), pass.constant(right, named: normalization.names.right)
    )
    let largest = u.reshaped(to: [1, left.count])
      .matrixProduct(matrix.matrixProduct(v.reshaped(to: [right.count, 1])))
    return weight.reshaped(to: [1, shape.elementCount]).divided(by: largest, broadcast: .perRow).reshaped(to: shape)
  }
}

extension NormalizedWeight.Arrangement {
  /// The number of a layer's outputs.
  func outputs(of shape: Shape) -> Int {
    switch self {
    case .outputsFirst: shape[0]
    case .inputsFirst(let groups): shape[1] * groups
    }
  }

  /// The weight with a row of numbers for each output, `[1, outputs, …]`.
  func rows(of weight: Variable<Element>, _ shape: Shape) -> Variable<Element> {
    let outputs = outputs(of: shape)
    let rows: Shape = [1, outputs, shape.elementCount / outputs]
    guard case .inputsFirst(let groups) = self else { return weight.reshaped(to: rows) }
    return weight.reshaped(to: [groups, shape[0] / groups, shape[1], rows[2] / (shape[0] / groups)])
      .transposed([0, 2, 1, 3]).reshaped(to: rows)
  }

  /// The inverse of ``rows(of:_:)``.
  func weight(ofRows rows: Variable<Element>, _ shape: Shape) -> Variable<Element> {
    guard case .inputsFirst(let groups) = self else { return rows.reshaped(to: shape) }
    let inputs = shape[0] / groups
    return rows.reshaped(to: [groups, shape[1], inputs, shape.elementCount / (shape[0] * shape[1])])
      .transposed([0, 2, 1, 3]).reshaped(to: shape)
  }

  /// The weight as the matrix whose largest singular value is meant: a row for each place of the axis of the outputs.
  func matrix(of weight: Variable<Element>, _ shape: Shape) -> Variable<Element> {
    guard case .inputsFirst = self else {
      return weight.reshaped(to: [shape[0], shape.elementCount / shape[0]])
    }
    return weight.transposed([1, 0] + Array(2..<shape.rank)).reshaped(to: [shape[1], shape.elementCount / shape[1]])
  }
}

extension Tensor {
  /// The vector of length 1 in the same direction; of one shorter than epsilon, its epsilonth part.
  fileprivate func unit(_ epsilon: Double) -> Tensor {
    let exact: Tensor<Double> = converted()
    let length = exact.applying(.square).sum().squareRoot()
    return exact.applying(.scale(1 / Swift.max(length, epsilon))).converted()
  }
}

extension Pass {
  /// The weight that a layer multiplies by.
  @specialized(where Element == Float)
  func weight(_ parameter: Parameter<Element>, _ normalized: NormalizedWeight<Element>?) -> Variable<Element> {
    if let normalized { normalized(in: self) } else { variable(for: parameter) }
  }
}
