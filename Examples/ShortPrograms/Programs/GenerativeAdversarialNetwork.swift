import Norma

/// Points on a circle from noise, by two networks with an optimizer each: the mean distance of what is generated from the centre.
package func generativeAdversarialNetwork(steps: Int = 3000) throws -> Double {
  var random = RandomGenerator(seed: 0)
  let generator = Sequential<Float> {
    Linear(inputs: 2, outputs: 32, using: &random)
    BatchNorm(32)
    ReLU()
    Linear(inputs: 32, outputs: 2, using: &random)
  }
  let discriminator = Sequential<Float> {
    Linear(inputs: 2, outputs: 64, using: &random)
    LeakyReLU(slope: 0.2)
    Linear(inputs: 64, outputs: 1, using: &random)
  }
  let both = Sequential<Float>([generator, discriminator])
  var forger = Optimizer<Float>(.adam(beta1: 0.5), learningRate: 2e-3)
  var judge = Optimizer<Float>(.adam(beta1: 0.5), learningRate: 2e-3)
  let (real, forged) = (Tensor<Float>.ones([64, 1]), Tensor<Float>.zeros([64, 1]))
  for _ in 0..<steps {
    let noise = Tensor<Float>.normal([64, 2], using: &random)
    let circle = Tensor(
      (0..<64).flatMap { _ in
        let (sine, cosine) = Functions.sineAndCosine(turns: random.uniform())
        return [Float(cosine), Float(sine)]
      }, shape: [64, 2])
    let fake = try generator(Variable(noise), in: .measuring).value
    let judged = try discriminator.differentiate(.concatenating(rows: [circle, fake]), random: &random) {
      $0.binaryCrossEntropy(targets: .concatenating(rows: [real, forged]))
    }
    try judge.update(discriminator, with: judged)
    discriminator.freeze()
    let step = try both.differentiate(noise, random: &random) { $0.binaryCrossEntropy(targets: real) }
    try forger.update(both, with: step)
    discriminator.unfreeze()
  }
  let points = try generator.predict(.normal([1000, 2], using: &random))
  return Double(points.applying(.square).sumOverChannels().applying(.squareRoot).mean())
}
