import Norma

let random = RandomGenerator(seed: 1)
let data = try DataSplits(
  DataSource.digits.read(), validationCount: 360, standardizing: .perFeature, random: random.split(0))
print(data.training.features.shape)  // [1437, 64]

var weights = random.split(1)
let model = Sequential<Float> {
  Linear(inputs: 64, outputs: 100, hasBias: false, using: &weights)
  BatchNorm(100)
  ReLU()
  Linear(inputs: 100, outputs: 10, using: &weights)
}
print(model.parameterCount)  // 7610

let trainer = try Trainer(model, configuration: TrainingConfiguration(epochs: 5))
try trainer.fit(data.training, validation: data.validation) { event in
  if case .epoch(let epoch) = event { print(epoch.number, epoch.validationMetric ?? 0) }
  return .proceed
}

try model.save(to: "digits.safetensors")
let serving = try InferenceModel(model)
let answers = try serving(data.validation.features[rows: 0..<5]).indicesOfMaximaOverChannels()
print(answers)

/// The share of digits that a deep network gets right after five epochs, from weights of a scale.
func accuracy(_ normalization: NormalizationKind, scale: Double) throws -> Double {
  let model: Sequential<Float> = try MultilayerPerceptron(
    hidden: [100, 100, 100, 100, 100], normalization: normalization, initialization: .normal(scale: scale)
  ).build(sampleShape: [64], outputCount: 10, random: random.split(1))
  try Trainer(model, configuration: TrainingConfiguration(epochs: 5)).fit(data.training)
  return try model.evaluate(on: data.validation, loss: .softmaxCrossEntropy).metric
}

for scale in [0.02, 0.1] {
  print(scale, try accuracy(.none, scale: scale), try accuracy(.batch, scale: scale))
}
