import Foundation
import Norma
import NormaDiagnosis
import NormaEvents
import NormaImages
import NormaLab
import NormaONNX
import NormaParallel
import NormaTerminal

// The code of the modules' pages, as it stands on them, in the folder that the program is started in.

func norma() throws {
  let random = RandomGenerator(seed: 1)
  let data = try DataSplits(
    DataSource.digits.read(), validationCount: 360, standardizing: .perFeature, random: random.split(0))
  let model: Sequential<Float> = try MultilayerPerceptron(hidden: [100], normalization: .batch)
    .build(sampleShape: [64], outputCount: 10, random: random.split(1))
  try Trainer(model, configuration: TrainingConfiguration(epochs: 5)).fit(data.training, validation: data.validation)
  let scores = try model.predict(data.validation.features)  // [360, 10]
  check(scores.shape == [360, 10])
}

func normaConvolution() throws {
  let images = Tensor<Float>.ones([8, 32, 32, 3])
  let weight = Tensor<Float>.ones([16, 3, 3, 3])
  let window = Window(3, padding: 1)
  let output = Convolution2d.forward(images, weight: weight, window: window)  // [8, 32, 32, 16]
  let gradient = Convolution2d.weightGradient(output, input: images, weightShape: weight.shape, window: window)
  check(output.shape == [8, 32, 32, 16] && gradient.shape == [16, 3, 3, 3])
}

func normaData() throws {
  let rows = (0..<60).map { "\($0 % 7).5,\($0 % 5),\($0 % 3 == 0 ? "one" : "other")" }
  try FileAccess.write((["width,length,kind"] + rows).joined(separator: "\n"), to: "iris.csv")
  let raw = try DataSource("csv:iris.csv").read()
  let data = try DataSplits(
    raw, validationCount: 30, standardizing: .perFeature, random: RandomGenerator(seed: 0))
  data.training.features  // [N − 30, F], mean 0 and deviation 1
  data.notes  // what was supposed of the file, in sentences
  check(data.training.features.shape == [30, 2])
}

func normaDiagnosis() throws {
  var random = RandomGenerator(seed: 1)
  let data = Dataset<Float>.digits()
  let model = Sequential<Float> {
    Linear(inputs: 64, outputs: 20, using: &random)
    BatchNorm(20)
    Linear(inputs: 20, outputs: 10, using: &random)
  }
  let diagnosis = try Diagnosis(
    of: model, on: data, loss: .softmaxCrossEntropy, training: Diagnosis.Training(batchSize: 64))
  for finding in diagnosis.findings { print(finding.statement, finding.cause, finding.remedy) }
  check(!diagnosis.findings.isEmpty)
}

func normaEvents() throws {
  let (losses, weights) = ([2.3, 1.1], Tensor<Float>([0.5, -0.5, 0.25]))
  let events = try EventWriter(directory: "runs/first")
  for (step, loss) in losses.enumerated() { try events.addScalar("loss/step", loss, step: step + 1) }
  try events.addHistogram("weights/first", of: weights, step: losses.count)
  check(try FileAccess.names(inDirectory: "runs/first").count == 1)
}

func normaFiles() throws {
  var file = Safetensors()
  file.entries["weight"] = .float(Tensor([1, 2, 3]))
  file.metadata["made by"] = "an example"
  try file.write(to: "example.safetensors")

  let weight: Tensor<Float>? = try Safetensors(contentsOf: "example.safetensors").entries["weight"]?.tensor()
  check(weight?.elements == [1, 2, 3])
}

func gradientsOfGradients() throws {
  let graph = Graph<Double>()
  let x = graph.input(Tensor([1, 2, 3], shape: [3, 1]), name: "x")
  let y = x.raised(to: 3).sum()
  let slope = try graph.gradients(of: y, withRespectTo: [x], differentiable: true)[0]  // 3x²
  graph.gradients(of: slope.squared().sum())[x]  // 36x³
  struct Cubed: TensorOperation {
    let name = "cubed"
    func forward(_ inputs: [Tensor<Double>]) -> (output: Tensor<Double>, saved: Void) {
      (inputs[0] * inputs[0] * inputs[0], ())
    }
    func backward(_ gradient: Tensor<Double>, _ kept: Kept<Double>, saved: Void) -> [Tensor<Double>?] {
      [3 * (gradient * kept.input(0) * kept.input(0))]
    }
    func backward(_ gradient: Variable<Double>, _ kept: KeptVariables<Double>, saved: Void) -> [Variable<Double>?] {
      [3 * (gradient * kept.input(0).squared())]
    }
  }
  let bend = try graph.gradients(of: x.applying(Cubed()), withRespectTo: [x], differentiable: true)[0]
  check(bend.shape == [3, 1])
}

func normaGraph() throws {
  let graph = Graph<Double>()
  let x = graph.input(Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2]), name: "x")
  let w = graph.parameter(Tensor([0.5, -0.5], shape: [2, 1]), name: "w")
  let loss = x.matrixProduct(w).squared().mean()
  let gradients = graph.gradients(of: loss)
  gradients[w]  // [2, 1]
  struct Cubed: TensorOperation {
    let name = "cubed"
    func forward(_ inputs: [Tensor<Double>]) -> (output: Tensor<Double>, saved: Void) {
      (inputs[0] * inputs[0] * inputs[0], ())
    }
    func backward(_ gradient: Tensor<Double>, _ kept: Kept<Double>, saved: Void) -> [Tensor<Double>?] {
      [3 * (gradient * kept.input(0) * kept.input(0))]
    }
  }
  let cubes = x.applying(Cubed())
  let checks = checkGradients(at: [x.value, w.value]) { $0[0].matrixProduct($0[1]).squared() }
  checks.map(\.relativeError)
  check(cubes.value.elements == [1, 8, 27, 64, 125, 216])
}

func normaGraphDrawing() throws {
  let graph = Graph<Double>(keepsValues: true)
  let x = graph.input(Tensor([1, 2, 3, 6], shape: [4, 1]), name: "x")
  let (output, _) = try x.stagedBatchNormalized()
  let gradients = graph.gradients(of: output, seed: Tensor([1, 2, 0, 1], shape: [4, 1]))
  print(graph.text(gradients: gradients))
  let drawing = graph.svg(gradients: gradients)
  check("\(drawing)".contains("svg"))
}

func normaImages() throws {
  let pixels = (0..<40 * 50 * 3).map { UInt8($0 % 256) }
  let picture = RasterImage(height: 40, width: 50, channelCount: 3, pixels: pixels)
  try FileAccess.createDirectory("photos/cats")
  try FileAccess.createDirectory("photos/dogs")
  for path in ["photo.jpg", "photos/cats/1.png", "photos/cats/2.png", "photos/dogs/1.png", "photos/dogs/2.png"] {
    try FileAccess.write(picture.encodedAsPNG(), to: path)
  }
  let image = try RasterImage(contentsOf: "photo.jpg").converted(toChannels: 3)
  let features = image.fitted(height: 32, width: 32)  // [32, 32, 3], from 0 to 255

  let photos = try ImageFolder.load("photos", options: ImageFolderOptions(shape: [32, 32, 3]))
  try DataReaderRegistry.shared.register(ImageFolderReader.self)
  let data = try DataSource("images:photos").read()
  check(features.shape == [32, 32, 3] && photos.training.count == data.training.count)
}

func normaLayers() throws {
  var random = RandomGenerator(seed: 1)
  let model = Sequential<Float> {
    Linear(inputs: 64, outputs: 100, hasBias: false, using: &random)
    BatchNorm(100)
    ReLU()
    Linear(inputs: 100, outputs: 10, using: &random)
  }
  let batch = Tensor<Float>.normal([50, 64], using: &random)
  let labels = Array(repeating: 3, count: 50)
  let step = try model.differentiate(batch, random: &random) { $0.softmaxCrossEntropy(labels: labels) }
  let gradient = step[model.namedParameters[0].parameter]
  try step.updateRunningStatistics()  // as an optimizer's update does

  let scores = try model(Variable(batch), in: .inference).value  // [50, 10]
  let shape = try model.outputShape(for: [50, 64])  // [50, 10]
  let kept = try MemoryTrace(of: model, batchShape: [50, 64]).layers.map(\.keptBytes)
  let serving = try InferenceModel(model)
  serving.operations  // linear + ReLU, linear
  check(scores.shape == shape && !kept.isEmpty && gradient != nil)
}

func publishedNetworks() throws {
  let recipe = try ModelArchitecture(parsing: "resnet50").recipe
  let model: Sequential<Float> = try recipe.build(
    sampleShape: [224, 224, 3], outputCount: 1000, random: RandomGenerator(seed: 0))
  check(model.namedParameters.count > 100)
}

func halfWidth() throws {
  var random = RandomGenerator(seed: 1)
  let features = Tensor<Float>.normal([16, 8], using: &random)
  let (gamma, beta, g) = (Tensor<Float>.ones([8]), Tensor<Float>.zeros([8]), Tensor<Float>.ones([16, 8]))
  let x = features.rounded(to: .bfloat16)  // [N, …, C]
  let (y, saved) = try BatchNormalization.forward(x, gamma: gamma, beta: beta)
  let gradients = BatchNormalization.backward(g, input: x, saved: saved)
  check(y.shape == [16, 8] && gradients.beta.elements == Array(repeating: 16, count: 8))
}

func normaNormalization() throws {
  var random = RandomGenerator(seed: 1)
  let x = Tensor<Float>.normal([64, 100], mean: 5, using: &random)
  let (y, saved) = try BatchNormalization.forward(x)  // mean 0 and variance 1 in each of 100 channels

  var running = RunningStatistics<Float>(channelCount: 100, conventions: .pyTorch)
  try running.update(with: saved.moments)
  let z = BatchNormalization.inference(x, mean: running.mean, variance: running.variance)

  let gradients = BatchNormalization.backward(y, input: x, saved: saved)  // of input, gamma and beta
  check(z.shape == x.shape && gradients.gamma.shape == [100])
}

func whoseStatistics() throws {
  var random = RandomGenerator(seed: 1)
  let x = Tensor<Float>.normal([64, 10, 4], using: &random)
  let mask = Tensor<Float>(Array(repeating: 1, count: 640), shape: [64, 10])
  // Sequences of different lengths: 0 where there is only padding.
  let (y, saved) = try BatchNormalization.forward(x, weights: mask)
  // Ghost batches of 32, of which each has moments of its own.
  let (z, ghosts) = try BatchNormalization.forward(x, scope: .ghosts(ofSize: 32), weights: mask)
  check(y.shape == z.shape && saved.moments.count > 0 && ghosts.moments.count > 0)
}

func normaONNX() throws {
  var random = RandomGenerator(seed: 1)
  let network = Sequential<Float> {
    Conv2d(inputs: 3, outputs: 4, window: Window(3, padding: 1), using: &random)
    GlobalAveragePool()
    Linear(inputs: 4, outputs: 10, using: &random)
  }
  func written() throws {
    let model = try ONNXModel(network, sampleShape: [32, 32, 3])
    try model.write(to: "model.onnx")
  }
  try written()
  let batch = Tensor<Float>.zeros([2, 3, 32, 32])
  let model = try ONNXModel(contentsOf: "model.onnx")
  if let obstacle = model.obstacle { print(obstacle) }
  let scores = try model([.floats(batch)])
  check(scores.count == 1)
}

func otherPeoplesModels() throws {
  var random = RandomGenerator(seed: 1)
  let own = Sequential<Float> {
    Conv2d(inputs: 3, outputs: 4, window: Window(3, padding: 1), using: &random)
    GlobalAveragePool()
    Linear(inputs: 4, outputs: 10, using: &random)
  }
  try ONNXModel(own, sampleShape: [32, 32, 3]).write(to: "resnet50.onnx")
  let images = Tensor<Float>.zeros([2, 32, 32, 3])
  let network = try ONNXNetwork(ONNXModel(contentsOf: "resnet50.onnx"))
  let serving = try InferenceModel(network)
  let scores = try serving(images)  // [N, H, W, C]
  try ModelRegistry.shared.register(ONNXRecipe.self)
  check(scores.shape == [2, 10])
}

func normaParallel() throws {
  let data = try DataSplits(
    DataSource.digits.read(), validationCount: 360, standardizing: .perFeature, random: RandomGenerator(seed: 1))
  let (training, validation) = (data.training, data.validation)
  let model: Sequential<Float> = try MultilayerPerceptron(hidden: [20], normalization: .batch)
    .build(sampleShape: [64], outputCount: 10, random: RandomGenerator(seed: 1))
  var configuration = TrainingConfiguration(epochs: 1)
  if let group = try MPIGroup.launched() {
    print("process \(group.rank) of \(group.count), by \(group.implementation)")
    group.end()
  }
  configuration.shards = 8
  let trainer = try Trainer(model, configuration: configuration, group: MPIGroup.launched())
  let history = try trainer.fit(training, validation: validation)
  check(history.epochs.count == 1)
}

func normaTensor() throws {
  var random = RandomGenerator(seed: 1)
  let x = Tensor<Float>.normal([4, 3], using: &random)  // [4, 3]
  let weight = Tensor<Float>.ones([2, 3])  // [2, 3]
  let y = x.matrixProduct(weight, transposingOther: true)  // [4, 2]
  let sums = y.sumOverRows()  // [2]
  let centred = y.applying(.subtract, 0.25 * sums, broadcast: .perChannel)
  check(abs(centred.sumOverRows().elements[0]) < 1e-5)
}

func normaTerminal() throws {
  let display = ProgressDisplay(label: "batch", epochs: 10, stepsPerEpoch: 29, samplesPerStep: 50)
  display.step(1, epoch: 1, loss: 2.3026, metric: 0.12)
  display.epochEnded(
    epoch: 1, trainingLoss: 1.2, validationLoss: 1.1, trainingMetric: 0.6, validationMetric: 0.7)
  display.finish()
}

func normaTraining() throws {
  let random = RandomGenerator(seed: 1)
  let data = try DataSplits(
    DataSource.digits.read(), validationCount: 360, standardizing: .perFeature, random: random.split(0))
  let model: Sequential<Float> = try MultilayerPerceptron(hidden: [100, 100])
    .build(sampleShape: [64], outputCount: 10, random: random.split(1))
  let trainer = try Trainer(model, configuration: TrainingConfiguration(epochs: 5, optimizer: .adam(), patience: 2))
  let history = try trainer.fit(data.training, validation: data.validation) { event in
    if case .epoch(let epoch) = event { print(epoch.number, epoch.decidingMetric) }
    return .proceed
  }
  let evaluation = try model.evaluate(on: data.validation, loss: .softmaxCrossEntropy)
  try model.recalibrateStatistics(on: data.training.features, batchSize: 50)
  let linear = try LinearModel(fittedOn: data.training)
  print(evaluation.metric, try linear.evaluate(on: data.validation).metric)
  let batch = data.training.batch(0..<50)
  var optimizer = Optimizer<Float>(.adam(), learningRate: 1e-3)
  var dropout = random.split(2)
  let step = try model.differentiate(batch.features, random: &dropout) {
    try SoftmaxCrossEntropy()($0, targets: batch.targets)
  }
  try optimizer.update(model, with: step)
  var configuration = TrainingConfiguration(epochs: 10, batchSize: 128, optimizer: .sgd(momentum: 0.9, nesterov: true))
  configuration.loss = .softmaxCrossEntropy(labelSmoothing: 0.1)
  configuration.clipping = .norm(1)
  configuration.groups = [ParameterGroup("0", learningRateFactor: 0.1)]
  configuration.averaging = .exponential(decay: 0.99)
  configuration.microBatches = 4
  configuration.mixup = 0.2
  check(configuration.mixup == 0.2)
  func using(_ features: Tensor<Float>) throws {
    let checkpoint = try Checkpoint(contentsOf: "norma-model/model.safetensors")
    let scores = try InferenceModel(checkpoint.makeModel()).predict(features)
    check(scores.shape == [360, 10])
  }
  try FileAccess.createDirectory("norma-model")
  try Checkpoint(
    trainer, architecture: ModelArchitecture(MultilayerPerceptron(hidden: [100, 100])), data: data
  ).write(to: "norma-model/model.safetensors")
  try using(data.validation.features)
}

func tuningOnPhotos() throws {
  var configuration = TrainingConfiguration(epochs: 1)
  configuration.augmentation = try ImageAugmentation(list: "resized-crop,flip,jitter:0.4")
  configuration.cutmix = 1
  check(configuration.augmentation != nil)
}

func normaLab() throws {
  let training = TrainingConfiguration(epochs: 10, seed: 0)
  let data = try DataSplits(
    DataSource.digits.read(), validationCount: 360, standardizing: .perFeature,
    random: RandomGenerator(seed: training.seed))
  let comparison = Comparison(
    network: ModelArchitecture(MultilayerPerceptron(hidden: [100, 100, 100], initialization: .normal(scale: 0.02))),
    normalizations: [.none, .batch], training: training, seeds: [0, 1, 2], targets: [0.9, 0.95])
  let result = try comparison.run(
    on: data,
    description: .init(
      title: "Digits", data: "the built-in digits", attribution: data.training.attribution, settings: [], command: ""))
  let report = ComparisonReport(result)
  print(report.terminalTable(width: 80), report.verdicts.joined(separator: "\n"))
  try FileAccess.write(report.page.html(), to: "report.html")
  check(result.runs.count == 6)
  /// It takes minutes, and MNIST.
  func whole() throws {
    let laboratory = Laboratory(
      LabCatalogue.experiments, plan: LabPlan(isQuick: true, seeds: [0, 1, 2]),
      data: LabData([.mnist: try DataSource("mnist:mnist")]),
      folder: "runs")
    let report = LabReport(try laboratory.run(workers: 2), plan: laboratory.plan, sources: laboratory.data.named)
    for claim in report.claims where claim.verdict == .notHeld { print(claim.statement, claim.evidence) }
  }
  _ = whole
  let x = Tensor<Double>([1, 2, 3, 6], shape: [4, 1])
  let explanation = try ExplanationPage(
    x, gamma: Tensor([2], shape: [1]), beta: Tensor([1], shape: [1]), epsilon: 1e-5,
    outputGradient: Tensor([1, 0, 0, 0], shape: [4, 1]), command: "norma explain")
  try FileAccess.write(explanation.html(), to: "explanation.html")
  check(try FileAccess.read("explanation.html").count > 1000)
}
