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
