import Norma

/// Points on a circle from noise, by a critic whose slope is kept at 1 (Gulrajani and others 2017): the mean distance of what is generated
/// from the centre.
package func gradientPenalty(steps: Int = 600) throws -> Double {
  var random = RandomGenerator(seed: 0)
  let generator = Sequential<Float> {
    Linear(inputs: 2, outputs: 32, using: &random)
    BatchNorm(32)
    ReLU()
    Linear(inputs: 32, outputs: 2, using: &random)
  }
  let critic = Sequential<Float> {
    Linear(inputs: 2, outputs: 64, using: &random)
    LayerNorm(64)
    LeakyReLU(slope: 0.2)
    Linear(inputs: 64, outputs: 1, using: &random)
  }
  let both = Sequential<Float>([generator, critic])
  var forger = Optimizer<Float>(.adam(beta1: 0.5), learningRate: 2e-3)
  var judge = Optimizer<Float>(.adam(beta1: 0.5), learningRate: 2e-3)
  for step in 0..<steps * 3 {
    let noise = Tensor<Float>.normal([64, 2], using: &random)
    let circle = Tensor(
      (0..<64).flatMap { _ in
        let (sine, cosine) = Functions.sineAndCosine(turns: random.uniform())
        return [Float(cosine), Float(sine)]
      }, shape: [64, 2])
    let fake = try generator(Variable(noise), in: .measuring).value
    let share = Tensor<Float>.uniform([64], in: 0..<1, using: &random)
    let mixed = fake + (circle - fake).applying(.multiply, share, broadcast: .perRow)
    let judged = try critic.differentiate(random: &random) { pass in
      let between = pass.input(mixed)
      let slopes = try pass.gradients(
        of: critic(between, in: pass).sum(), withRespectTo: [between], differentiable: true)[0]
      let penalty = (slopes.squared().sum(over: [1]).squareRoot() - 1).squared().mean()
      return try critic(Variable(fake), in: pass).mean() - critic(Variable(circle), in: pass).mean() + 10 * penalty
    }
    try judge.update(critic, with: judged)
    guard step % 3 == 2 else { continue }
    critic.freeze()
    try forger.update(both, with: both.differentiate(noise, random: &random) { -$0.mean() })
    critic.unfreeze()
  }
  let points = try generator.predict(.normal([1000, 2], using: &random))
  return Double(points.applying(.square).sumOverChannels().applying(.squareRoot).mean())
}
