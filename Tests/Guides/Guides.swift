import Norma
import NormaDiagnosis
import NormaONNX

// The code of the guides, page by page, as it stands on them, in the folder that the program is started in.

/// Multiplies each channel by a factor that is learned and begins near 0, so that a branch begins as if it were not there
/// (Touvron and others 2021).
final class LayerScale<Element: TensorElement>: Layer {
  let factor: Parameter<Element>

  init(_ channels: Int, initial: Element = 1e-2) {
    factor = Parameter(initial * .ones([channels]), name: "factor", kind: ParameterKind("factor"))
  }

  var parameters: [Parameter<Element>] { [factor] }
  var summary: String { "LayerScale" }

  func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.multiplied(by: pass.variable(for: factor), broadcast: .perChannel)
  }
}

func aLayerOfYourOwn() throws {
  var random = RandomGenerator(seed: 1)
  let point = Tensor<Double>.normal([5, 3], using: &random)
  let factors = Tensor<Double>.normal([3], using: &random)
  let checks = checkGradients(at: [point, factors]) {
    $0[0].multiplied(by: $0[1], broadcast: .perChannel).squared()
  }
  print(checks.map(\.relativeError))  // some 1e-10
  check(checks.allSatisfy { $0.relativeError < 1e-6 })
  let model = Sequential<Float> {
    Linear(inputs: 64, outputs: 32, using: &random)
    Residual(
      Sequential {
        BatchNorm(32)
        ReLU()
        Linear(inputs: 32, outputs: 32, using: &random)
        LayerScale(32)
      })
    Linear(inputs: 32, outputs: 10, using: &random)
  }
  let data = try DataSplits(
    DataSource.digits.read(), validationCount: 360, standardizing: .perFeature, random: RandomGenerator(seed: 1))
  try Trainer(model, configuration: TrainingConfiguration(epochs: 5, batchSize: 50)).fit(data.training)

  try model.save(to: "own-layer.safetensors")
  let serving = try InferenceModel(model)
  let scores = try serving(data.validation.features)  // [360, 10]
  check(scores.shape == [360, 10] && scores.isFinite)
}

func aLoopOfYourOwn() throws {
  let random = RandomGenerator(seed: 1)
  let data = try DataSplits(
    DataSource.digits.read(), validationCount: 360, standardizing: .perFeature, random: random.split(0))
  var weights = random.split(1)
  let model = Sequential<Float> {
    Linear(inputs: 64, outputs: 100, hasBias: false, using: &weights)
    BatchNorm(100)
    ReLU()
    Dropout(keepProbability: 0.9)
    Linear(inputs: 100, outputs: 10, using: &weights)
  }
  var optimizer = Optimizer<Float>(.sgd(momentum: 0.9), learningRate: 0.05)
  var (dropout, order) = (random.split(2), random.split(3))
  for epoch in 1...3 {
    let rows = order.permutation(data.training.count)
    var losses: [Float] = []
    for start in stride(from: 0, to: rows.count, by: 50) {
      let batch = data.training.batch(Array(rows[start..<min(start + 50, rows.count)]))
      let step = try model.differentiate(batch.features, random: &dropout) {
        try SoftmaxCrossEntropy()($0, targets: batch.targets)
      }
      try optimizer.update(model, with: step)
      losses.append(step.loss)
    }
    let validation = try model.evaluate(on: data.validation, loss: .softmaxCrossEntropy)
    print("epoch \(epoch): loss \(losses.reduce(0, +) / Float(losses.count)), accuracy \(validation.metric)")
  }
  check(try model.evaluate(on: data.validation, loss: .softmaxCrossEntropy).metric > 0.9)
  let batch = data.training.batch(0..<50)
  let pass = Pass<Float>.training(random: random.split(4))
  let input = Variable(batch.features)
  let hidden = try model(input, in: pass)
  let loss = try SoftmaxCrossEntropy()(hidden, targets: batch.targets) + hidden.squared().mean().scaled(by: 1e-3)
  let gradients = pass.gradients(of: loss)
  for (name, parameter) in model.namedParameters {
    print(name, gradients[parameter].map { $0.sumOfSquares() } ?? 0)
  }
  try pass.updateRunningStatistics()
  check(model.namedParameters.allSatisfy { gradients[$0.parameter] != nil })
}

func tuningANetwork() throws {
  var random = RandomGenerator(seed: 1)
  let backbone = Sequential<Float> {
    Linear(inputs: 64, outputs: 64, hasBias: false, using: &random)
    BatchNorm(64)
    ReLU()
  }
  let digits = Dataset<Float>.digits()
  guard case .classes(let labels, _) = digits.targets else { fatalError("digits have classes") }
  let features = (1 / 16) * digits.features

  /// The digits of some classes, which are counted from 0.
  func part(_ classes: Range<Int>, _ rows: Range<Int>) -> Dataset<Float> {
    let rows = rows.filter { classes.contains(labels[$0]) }
    return Dataset(
      features: features.gathering(rows: rows),
      targets: .classes(rows.map { labels[$0] - classes.lowerBound }, count: classes.count), name: "digits")
  }

  let first = Sequential<Float>([backbone, Linear(inputs: 64, outputs: 7, using: &random)])
  try Trainer(first, configuration: TrainingConfiguration(epochs: 10)).fit(part(0..<7, 0..<1400))
  backbone.freeze()
  backbone.freezeStatistics()
  let second = Sequential<Float>([backbone, Linear(inputs: 64, outputs: 3, using: &random)])
  try Trainer(second, configuration: TrainingConfiguration(epochs: 10, learningRate: 1e-2)).fit(part(7..<10, 0..<300))
  let frozen = try second.evaluate(on: part(7..<10, 1400..<1797), loss: .softmaxCrossEntropy).metric
  backbone.unfreeze()
  var configuration = TrainingConfiguration(epochs: 5, learningRate: 1e-3)
  configuration.groups = [ParameterGroup("0", learningRateFactor: 0.1)]
  configuration.schedule = .warmUp(length: 1, initial: 0.1, then: .cosine(length: 4))
  configuration.averaging = .exponential(decay: 0.95)
  try Trainer(second, configuration: configuration).fit(part(7..<10, 0..<300))
  let result = try second.evaluate(on: part(7..<10, 1400..<1797), loss: .softmaxCrossEntropy)
  print(result.metric)
  // A guess is right one time in three.
  check(frozen > 0.8 && result.metric > 0.8)
}

func savingAndLoading() throws {
  let random = RandomGenerator(seed: 1)
  let data = try DataSplits(
    DataSource.digits.read(), validationCount: 360, standardizing: .perFeature, random: random.split(0))
  let architecture = try ModelArchitecture(parsing: "mlp:50")
  let model: Sequential<Float> = try architecture.recipe.build(
    sampleShape: data.training.exampleShape, outputCount: 10, random: random.split(1))
  let trainer = try Trainer(model, configuration: TrainingConfiguration(epochs: 3))
  try trainer.fit(data.training, validation: data.validation)

  try model.save(to: "digits.safetensors")
  let again: Sequential<Float> = try architecture.recipe.build(
    sampleShape: data.training.exampleShape, outputCount: 10, random: RandomGenerator(seed: 9))
  try again.load(from: "digits.safetensors")
  check(again.state.tensors == model.state.tensors)
  try Checkpoint(trainer, architecture: architecture, data: data).write(to: "model.safetensors")

  let checkpoint = try Checkpoint(contentsOf: "model.safetensors")
  let serving = try InferenceModel(checkpoint.makeModel())
  let raw = Dataset<Float>.digits().features[rows: 0..<5]
  let inputs = try checkpoint.standardization.map { try $0.applied(to: raw) } ?? raw
  print(try serving(inputs).indicesOfMaximaOverChannels())
  check(inputs.shape == [5, 64])
  var folder = TrainingStateFolder("checkpoints", kept: 2)
  let longer = try Trainer(again, configuration: TrainingConfiguration(epochs: 6))
  if let state: TrainingState<Float> = try folder.latest() { try longer.restore(state) }
  try longer.fit(data.training, validation: data.validation) { event in
    if case .epoch = event { try folder.write(longer.state) }
    return .proceed
  }
  check(try folder.files.count == 2 && longer.history.epochs.count == 6)
}

func fromPyTorchAndBack() throws {
  // Stands in for what PyTorch writes, whose files NormaTrainingTests reads.
  try writeResNet(to: "resnet18.pt")
  let recipe = try ModelArchitecture(parsing: "resnet18").recipe
  let model: Sequential<Float> = try recipe.build(
    sampleShape: [224, 224, 3], outputCount: 1000, random: RandomGenerator(seed: 0))
  let remarks = try StateDictionary(contentsOf: "resnet18.pt").load(into: model, sampleShape: [224, 224, 3])
  for remark in remarks { print(remark) }

  let images = Tensor<Float>.zeros([2, 224, 224, 3])
  let scores = try InferenceModel(model)(images)  // [2, 1000]
  check(scores.shape == [2, 1000])
  try StateDictionary(model, sampleShape: [224, 224, 3]).write(to: "back.safetensors")
  check(try Safetensors(contentsOf: "back.safetensors").entries["layer1.0.conv1.weight"] != nil)
  let onnx = try ONNXModel(model, sampleShape: [224, 224, 3])
  try onnx.write(to: "resnet18.onnx")

  let network = try ONNXNetwork(ONNXModel(contentsOf: "resnet18.onnx"))
  let answers = try InferenceModel(network)(images)
  check(answers.shape == [2, 1000])
}

private func writeResNet(to path: String) throws {
  let network: Sequential<Float> = try ModelArchitecture(parsing: "resnet18").recipe.build(
    sampleShape: [224, 224, 3], outputCount: 1000, random: RandomGenerator(seed: 4))
  var random = RandomGenerator(seed: 5)
  try network.recalibrateStatistics(on: .normal([4, 64, 64, 3], using: &random), batchSize: 4)
  try StateDictionary(network, sampleShape: [224, 224, 3]).write(to: path)
}

func reproducibleTraining() throws {
  func train(threads: Int) throws -> [String: Tensor<Float>] {
    Parallel.threadCount = threads
    let random = RandomGenerator(seed: 1)
    let data = try DataSplits(
      DataSource.digits.read(), validationCount: 360, standardizing: .perFeature, random: random.split(0))
    let model: Sequential<Float> = try MultilayerPerceptron(
      hidden: [40, 40], normalization: .batch, keepProbability: 0.9
    )
    .build(sampleShape: [64], outputCount: 10, random: random.split(1))
    try Trainer(model, configuration: TrainingConfiguration(epochs: 2, seed: 7)).fit(data.training)
    return model.state.tensors
  }

  let (one, three) = (try train(threads: 1), try train(threads: 3))
  print(one == three)  // true
  check(one == three)
  var configuration = TrainingConfiguration(epochs: 2, batchSize: 64, seed: 7)
  configuration.shards = 8
  check(configuration.shards == 8)
}

func readingADiagnosis() throws {
  let random = RandomGenerator(seed: 1)
  let data = try DataSplits(
    DataSource.digits.read(), validationCount: 360, standardizing: .perFeature, random: random.split(0))
  let model: Sequential<Float> = try MultilayerPerceptron(hidden: [60, 60], normalization: .batch)
    .build(sampleShape: [64], outputCount: 10, random: random.split(1))
  let configuration = TrainingConfiguration(epochs: 10, batchSize: 64)
  try Trainer(model, configuration: configuration).fit(data.training, validation: data.validation)

  // As if somebody had served images of twice the brightness for a while and let the statistics follow.
  try model.recalibrateStatistics(on: 2 * data.training.features.applying(.offset(1)), batchSize: 64)
  let diagnosis = try Diagnosis(
    of: model, on: data.training, loss: .softmaxCrossEntropy, training: Diagnosis.Training(configuration))
  for finding in diagnosis.findings {
    print(finding.kind.title)
    print(finding.statement)
    print(finding.cause)
    print(finding.remedy)
  }
  check(diagnosis.findings.first?.kind == .foreignStatistics)
  try model.recalibrateStatistics(on: data.training.features, batchSize: 64)
  let mended = try Diagnosis(
    of: model, on: data.training, loss: .softmaxCrossEntropy, training: Diagnosis.Training(configuration))
  print(mended.findings.count)  // 0
  check(mended.findings.isEmpty)
}
