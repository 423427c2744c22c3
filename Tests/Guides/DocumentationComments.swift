import Foundation
import Norma
import NormaDiagnosis
import NormaEvents
import NormaImages
import NormaLab
import NormaONNX
import NormaParallel
import NormaTerminal

// The code that stands in documentation comments, with what it takes for granted as parameters. It is compiled; what depends on nothing
// is run.

struct SquaredReLU: TensorOperation {
  let name = "squared ReLU"
  func forward(_ inputs: [Tensor<Float>]) -> (output: Tensor<Float>, saved: Void) {
    let positive = inputs[0].applying(.leakyReLU(slope: 0))
    return (positive * positive, ())
  }
  func backward(_ gradient: Tensor<Float>, _ kept: Kept<Float>, saved: Void) -> [Tensor<Float>?] {
    [2 * (gradient * kept.input(0).applying(.leakyReLU(slope: 0)))]
  }
}

extension SquaredReLU: ONNXExportable {
  func export(_ call: ONNXExporter.Call, to exporter: inout ONNXExporter) throws(ONNXError) -> ONNXExporter.Value {
    let positive = exporter.add("Relu", [try call.value(0)], for: call)
    return exporter.add("Mul", [positive, positive], for: call)
  }
}

private final class Direction: Layer {
  var direction = Tensor<Float>.ones([3])
  var buffers: [Buffer<Float>] { [Buffer("weight_u", of: self, \.direction)] }
  var summary: String { "Direction" }
  func callAsFunction(_ x: Variable<Float>, in pass: Pass<Float>) -> Variable<Float> { x }
}

struct OneHiddenLayer: ModelRecipe {
  static let name = "oneHiddenLayer"
  static let forms: [(form: String, meaning: String)] = []
  var hidden = 10
  var normalization = NormalizationKind.none
  var initialization = Initialization.kaimingNormal
  var conventions = BatchNormalizationConventions.norma
  var description: String { "one hidden layer" }
  init?(parsing text: String) throws(ModelArchitectureError) { return nil }

  func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    try network.linear(hidden)
    try network.normalization()
    try network.append(ReLU())
    try network.linear(outputCount)
    return try network.finished()
  }
}

func documentationComments() throws {
  try registering()
  try losses()
  try optimizers()
  try schedules()
  try files(
    weight: .ones([2, 2]), features: .ones([100, 3]), labels: Array(repeating: 1, count: 100), use: { _ in })
  try tensors(.ones([2, 3]))
}

private func registering() throws {
  try DataReaderRegistry.shared.register(ImageFolderReader.self)  // before a text that names it is read
  try ModelRegistry.shared.register(ONNXRecipe.self)  // before a checkpoint of such a network is read
}

private func losses() throws {
  struct MeanAbsoluteError: LossFunction {
    static let name = "meanAbsoluteError"

    func callAsFunction<Element: TensorElement>(
      _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, weights: [Double]?
    ) throws -> Variable<Element> {
      let difference = outputs - Variable(try targets.values(for: self))
      return (difference.relu() + difference.scaled(by: -1).relu()).mean()
    }
  }

  try LossRegistry.shared.register(MeanAbsoluteError.self)  // so that checkpoints can name it
}

private func optimizers() throws {
  /// Divides each gradient by the root of the sum of all its squares so far (Duchi et al. 2011).
  struct AdaGrad: OptimizerRule {
    static let name = "adaGrad"
    var slots: [String] { ["sum_of_squares"] }

    func update<Element: TensorElement>(
      _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
      step: OptimizerStep
    ) {
      for i in values.indices {
        slots[0, i] += gradients[i] * gradients[i]
        values[i] -= Element(step.learningRate) * gradients[i] / (slots[0, i].squareRoot() + 1e-10)
      }
    }
  }

  try OptimizerRegistry.shared.register(AdaGrad.self)  // so that checkpoints can name it
}

private func schedules() throws {
  struct InverseRoot: LearningRateSchedule {
    static let name = "inverseRoot"
    func factor(at time: Int) -> Double { 1 / Double(1 + time).squareRoot() }
  }

  try ScheduleRegistry.shared.register(InverseRoot.self)  // so that checkpoints can name it
}

private func registeringAgain() throws {
  try DataReaderRegistry.shared.register(ImageFolderReader.self)
  try ModelRegistry.shared.register(ONNXRecipe.self)  // before a text or a checkpoint that names it is read
  try LossRegistry.shared.register(FocalLoss.self)  // before a checkpoint that names it is read
}

private func files(
  weight: Tensor<Float>, features: Tensor<Float>, labels: [Int64], use: ([UInt8]) -> Void
) throws {
  do {
    var file = Safetensors()
    file.entries["weight"] = .float(weight)
    file.metadata["epochs"] = "10"
    try file.write(to: "model.safetensors")
  }
  do {
    let events = try EventWriter(directory: "runs/first")
    try events.addScalar("loss/training", 0.25, step: 1)
  }
  try FileAccess.createDirectory("model")
  do {
    let lock = try FolderLock("model")
    defer { lock.release() }
  }
  try NumPyArchive(entries: ["x": .float(features), "y": .integers(labels, shape: [100])]).write(to: "data.npz")
  do {
    try NumPyArray(.float(weight)).write(to: "weight.npy")
    let weight: Tensor<Float>? = try NumPyArray(contentsOf: "weight.npy").entry.tensor()
    check(weight?.count == 4)
  }
}

private func otherFiles(use: ([UInt8]) -> Void) throws {
  do {
    let file = try PyTorchFile(contentsOf: "resnet18.pth")
    for tensor in file.tensors { print(tensor.name, tensor.elementType, tensor.shape) }
  }
  do {
    let file = try SafetensorsFile(contentsOf: "model.safetensors")
    for tensor in file.tensors { print(tensor.name, tensor.elementType, tensor.shape) }
    let weight: Tensor<Float>? = try file.entry("conv1.weight")?.tensor()
    _ = weight
  }
  do {
    let archive = try TarReader(contentsOf: "data.tar.gz")
    while let file = try archive.next() {
      if file.name.hasSuffix(".bin") { use(try archive.contents()) }
    }
  }
  do {
    let file = try TensorReader(contentsOf: "features.npz")
    for tensor in file.tensors {
      var sum = 0.0
      try file.forEachValue(of: tensor.name) { sum += $0 }
    }
  }
}

private func tensors(_ input: Tensor<Float>) throws {
  do {
    let x = input
    let kept = x.rounded(to: .bfloat16)
    let y: Tensor<Float> = kept.widened()  // x, to eight digits
    check(y == x)
  }
  do {
    var x = Tensor<Float>([1, 2, 3, 4, 5, 6], shape: [2, 3])
    x[1, 2] = 7
    let secondRow = x[rows: 1..<2]  // [1, 3], shares memory until one of the two is written to
    check(secondRow.elements == [4, 5, 7])
  }
  do {
    let graph = Graph<Double>()
    let x = graph.input(Tensor([1, 2, 3]), name: "x")
    let y = (x * x).sum()
    let gradients = graph.gradients(of: y)
    _ = gradients[x]  // [2, 4, 6]
  }
}

private func graphs(
  x: Tensor<Double>, weight: Tensor<Double>, graph: Graph<Double>, scores: Variable<Double>, at point: Variable<Double>
) throws {
  do {
    let checks = checkGradients(at: [x, weight]) { inputs in inputs[0].matrixProduct(inputs[1]).relu() }
    _ = checks.allSatisfy { $0.relativeError < 1e-8 }
  }
  do {
    let x = point
    let slopes = try graph.gradients(of: scores.sum(), withRespectTo: [x], differentiable: true)[0]
    let penalty = (slopes.squared().sum(over: [1]).squareRoot() - 1).squared().mean()  // Gulrajani and others 2017
    _ = penalty
  }
}

private func layers(
  model: Sequential<Float>, batch: Tensor<Float>, labels: [Int], x: Variable<Float>, ids: Variable<Float>,
  in pass: Pass<Float>, using random: inout RandomGenerator
) throws {
  do {
    let labels = ids
    let norm = Modulation<Float>.conditionalBatchNorm(64, classes: 10)
    let y = try pass.apply(norm, named: "norm", to: x, given: labels)
    _ = y
  }
  let some: [any Layer<Float>] = [
    Conv1d(inputs: 3, outputs: 16, window: Window(length: 5, padding: 2), using: &random),  // 100 values stay 100
    Conv1d(inputs: 16, outputs: 32, window: Window(length: 3, stride: 2, padding: 1), using: &random),  // and become 50
    Conv2d(inputs: 3, outputs: 16, window: Window(3, padding: 1), hasBias: false, using: &random),  // 32×32 stays 32×32
    Conv2d(inputs: 16, outputs: 32, window: Window(3, stride: 2, padding: 1), using: &random),  // 32×32 becomes 16×16
    Conv2d(inputs: 32, outputs: 32, window: Window(3, padding: 1), groups: 32, using: &random),  // depthwise
    // 8×8 becomes 16×16
    ConvTranspose2d(inputs: 32, outputs: 16, window: Window(4, stride: 2, padding: 1), using: &random),
    ConvTranspose2d(inputs: 16, outputs: 3, window: Window(3, stride: 2, padding: 1), outputPadding: 1, using: &random),
    Upsample(by: 2),  // each pixel becomes four
    Upsample(by: 2, interpolation: .bilinear(alignsCorners: false)),
    Upsample(to: Extent2d(height: 32, width: 48)),
    Conv2d(
      inputs: 16, outputs: 32, window: Window(3, padding: 1), weightNormalization: .standardized(), using: &random),
    Conv2d(
      inputs: 16, outputs: 32, window: Window(3, padding: 1), weightNormalization: .scaledStandardized(), using: &random
    ),
    Conv1d(inputs: 16, outputs: 32, window: Window(length: 3), weightNormalization: .magnitude, using: &random),
    Linear(inputs: 64, outputs: 64, weightNormalization: .spectral(), using: &random),
  ]
  _ = some
  do {
    let model = Sequential<Float> {
      Embedding(count: 10_000, width: 64, using: &random)
      GlobalAveragePool()
      Linear(inputs: 64, outputs: 2, using: &random)
    }
    _ = model
  }
  do {
    let serving = try InferenceModel(model)
    let scores = try serving(batch)
    _ = scores
  }
  do {
    let scores = try model(Variable(batch), in: .inference)
    _ = scores
  }
  do {
    let trace = try MemoryTrace(of: model, batchShape: [128, 32, 32, 3])
    _ = trace.layers.map(\.keptBytes).reduce(0, +)
  }
  do {
    var random = RandomGenerator(seed: 0)
    let model = Sequential<Float> {
      Linear(inputs: 64, outputs: 100, hasBias: false, using: &random)
      BatchNorm(100)
      ReLU()
      Linear(inputs: 100, outputs: 10, using: &random)
    }
    _ = model
  }
  var generator = random
  do {
    let pass = Pass<Float>.training(random: generator)
    let loss = try model(Variable(batch), in: pass).softmaxCrossEntropy(labels: labels)
    let gradients = pass.gradients(of: loss)
    generator = pass.random  // or the next pass drops the same units
    try pass.updateRunningStatistics()  // the only step that changes them
    _ = gradients
  }
}

private func steps(
  model: Sequential<Float>, batch: Tensor<Float>, labels: [Int], critic: Sequential<Float>, mixed: Tensor<Float>,
  images: Tensor<Float>, fakes: Tensor<Float>, batches: [(features: Tensor<Float>, labels: [Int])],
  random: inout RandomGenerator, optimizer given: Optimizer<Float>
) throws {
  do {
    var optimizer = given
    let step = try model.differentiate(batch, random: &random) { $0.softmaxCrossEntropy(labels: labels) }
    try optimizer.update(model, with: step)
  }
  do {
    let step = try critic.differentiate(random: &random) { pass in
      let between = pass.input(mixed)
      let scores = try critic(between, in: pass)
      let slopes = try pass.gradients(of: scores.sum(), withRespectTo: [between], differentiable: true)[0]
      let penalty = (slopes.squared().sum(over: [1]).squareRoot() - 1).squared().mean()
      let real = try critic(Variable(images), in: pass), forged = try critic(Variable(fakes), in: pass)
      return forged.mean() - real.mean() + 10 * penalty
    }
    _ = step
  }
  var optimizer = Optimizer<Float>(.adam(), learningRate: 1e-3)
  for batch in batches {
    let step = try model.differentiate(batch.features, random: &random) { $0.softmaxCrossEntropy(labels: batch.labels) }
    try optimizer.update(model, with: step)
  }
}

private func trainings(
  model: Sequential<Float>, data: DataSplits, training: Dataset<Float>, validation: Dataset<Float>,
  architecture: ModelArchitecture, work: Work
) async throws {
  do {
    let data = training
    let diagnosis = try Diagnosis(of: model, on: data, loss: .softmaxCrossEntropy)
    for finding in diagnosis.findings { print(finding.statement, finding.remedy) }
  }
  let trainer = try Trainer(model, configuration: TrainingConfiguration(epochs: 5))
  let history = try trainer.fit(training, validation: validation)
  _ = history
  do {
    let events = try TrainingEvents(directory: "runs/first")
    events.begin(model, on: data)
    try trainer.fit(data.training, validation: data.validation) { event in
      events.record(event)
      return .proceed
    }
    try events.finish()
  }
  do {
    let linear = try LinearModel(fittedOn: data.training)
    let accuracy = try linear.evaluate(on: data.validation).metric
    _ = accuracy
  }
  do {
    try trainer.fit(data.training, validation: data.validation)
    try Checkpoint(trainer, architecture: architecture, data: data).write(to: "model.safetensors")
  }
  do {
    let state = try StateDictionary(contentsOf: "state.pt")
    let remarks = try state.load(into: model, sampleShape: [32, 32, 3])
    try StateDictionary(model, sampleShape: [32, 32, 3]).write(to: "back.safetensors")
    _ = remarks
  }
  var configuration = TrainingConfiguration()
  configuration.groups = [
    ParameterGroup("head", learningRateFactor: 10), ParameterGroup("*.bias", weightDecay: 0),
  ]
  do {
    var folder = TrainingStateFolder("run", kept: 2)
    if let state: TrainingState<Float> = try folder.latest() { try trainer.restore(state) }
    try trainer.fit(training, validation: validation) { event in
      if case .epoch = event { try folder.write(trainer.state) }
      return .proceed
    }
  }
  for try await event in trainer.events(training, validation: validation) {
    if case .epoch(let epoch) = event { print(epoch.number, epoch.trainingLoss) }
  }
  let hasFinished = StopRequest.noted {
    while work.step() {
      if StopRequest.signal != nil { return false }
    }
    return true
  }
  _ = hasFinished
}

private struct Work { func step() -> Bool { false } }

private func models(batch: Tensor<Float>, images: Tensor<Float>) throws {
  do {
    let model = try ONNXModel(contentsOf: "model.onnx")
    let scores = try model([.floats(batch)])[0]
    _ = scores
  }
  do {
    let network = try ONNXNetwork(ONNXModel(contentsOf: "resnet50.onnx"))
    let serving = try InferenceModel(network)
    let scores = try serving(images)  // [N, H, W, C], as everywhere
    _ = scores
  }
  if let group = try MPIGroup.launched() {
    print("process \(group.rank) of \(group.count)")
    group.end()
  }
}
