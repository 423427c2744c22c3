import Norma
import TestSupport

/// Small data and models for the tests of training.
enum TrainingSamples {
  /// Three clouds of points in four dimensions, one a class, well apart.
  static func classes<Element: TensorElement>(
    _ count: Int, seed: UInt64 = 5, _ type: Element.Type = Element.self
  ) -> Dataset<Element> {
    var random = RandomGenerator(seed: seed)
    let labels = (0..<count).map { $0 % 3 }
    var features = Tensor<Element>.normal([count, 4], using: &random)
    for (row, label) in labels.enumerated() { features[row, label] += 4 }
    return Dataset(features: features, targets: .classes(labels, count: 3), name: "clouds")
  }

  /// A linear map of three numbers to two, with a little noise.
  static func values(_ count: Int, noise: Double = 0.01) -> Dataset<Float> {
    var random = RandomGenerator(seed: 6)
    let features = Tensor<Float>.normal([count, 3], using: &random)
    let weight = Tensor<Float>([1, -2, 0.5, 3, 1, -1], shape: [2, 3])
    let values = features.matrixProduct(weight, transposingOther: true)
      .applying(.add, Tensor<Float>([0.5, -1]), broadcast: .perChannel)
    return Dataset(
      features: features, targets: .values(values + .normal([count, 2], standardDeviation: noise, using: &random)),
      name: "a linear map")
  }

  static func network<Element: TensorElement>(
    _ normalization: NormalizationKind = .batch, hidden: [Int] = [8, 8], keepProbability: Double = 1,
    inputs: Int = 4, outputs: Int = 3, _ type: Element.Type = Element.self
  ) -> Sequential<Element> {
    let recipe = MultilayerPerceptron(hidden: hidden, normalization: normalization, keepProbability: keepProbability)
    do {
      return try recipe.build(sampleShape: [inputs], outputCount: outputs, random: RandomGenerator(seed: 3))
    } catch {
      fatalError(error.description)
    }
  }

  /// Noise as images of four classes.
  static func images(_ count: Int) -> Dataset<Float> {
    var random = RandomGenerator(seed: 8)
    return Dataset(
      features: .normal([count, 8, 8, 3], using: &random), targets: .classes((0..<count).map { $0 % 4 }, count: 4),
      name: "noise")
  }

  /// A network with convolutions, a block with a shortcut, batch normalization and dropout.
  static func residualNetwork<Element: TensorElement>(
    keepProbability: Double = 1, _ type: Element.Type = Element.self
  ) -> Sequential<Element> {
    var random = RandomGenerator(seed: 1)
    return Sequential {
      Conv2d(inputs: 3, outputs: 16, window: Window(3, padding: 1), hasBias: false, using: &random)
      BatchNorm(16)
      ReLU()
      Residual(
        Sequential {
          Conv2d(inputs: 16, outputs: 16, window: Window(3, padding: 1), hasBias: false, using: &random)
          BatchNorm(16)
        }, rectifies: true)
      GlobalAveragePool()
      Dropout(keepProbability: keepProbability)
      Linear(inputs: 16, outputs: 4, using: &random)
    }
  }
}

/// Whether two models have learned the same, to the last bit.
func haveSameBits<Element: TensorElement>(_ first: ModelState<Element>, _ second: ModelState<Element>) -> Bool {
  first.counts == second.counts && Set(first.tensors.keys) == Set(second.tensors.keys)
    && first.tensors.allSatisfy { name, tensor in
      second.tensors[name].map { haveSameBits(tensor, $0) } ?? false
    }
}
