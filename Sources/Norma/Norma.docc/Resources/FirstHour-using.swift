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
