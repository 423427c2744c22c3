import Norma

let random = RandomGenerator(seed: 1)
let data = try DataSplits(
  DataSource.digits.read(), validationCount: 360, standardizing: .perFeature, random: random.split(0))
print(data.training.features.shape)  // [1437, 64]
