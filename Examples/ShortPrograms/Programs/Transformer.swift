import Norma

/// Which of twelve tokens stands twice in a sequence of six? The accuracy of a small transformer on sequences it has not seen.
package func transformer(epochs: Int = 10) throws -> Double {
  var random = RandomGenerator(seed: 0)
  func sequences(_ count: Int) -> Dataset<Float> {
    var (tokens, answers): ([Float], [Int]) = ([], [])
    for _ in 0..<count {
      let distinct = random.permutation(12).prefix(5)
      answers.append(distinct[0])
      tokens += (distinct + [distinct[0]]).shuffled(using: &random).map(Float.init)
    }
    return Dataset(
      features: Tensor(tokens, shape: [count, 6]), targets: .classes(answers, count: 12), name: "sequences")
  }
  let model = Sequential<Float> {
    Embedding(count: 12, width: 32, using: &random)
    TransformerBlock(width: 32, heads: 4, hidden: 64, normalization: .rms, using: &random)
    TransformerBlock(width: 32, heads: 4, hidden: 64, normalization: .rms, using: &random)
    GlobalAveragePool()
    Linear(inputs: 32, outputs: 12, using: &random)
  }
  let (training, test) = (sequences(4000), sequences(500))
  try Trainer(model, configuration: TrainingConfiguration(epochs: epochs, learningRate: 3e-3)).fit(training)
  return try model.evaluate(on: test, loss: .softmaxCrossEntropy).metric
}
