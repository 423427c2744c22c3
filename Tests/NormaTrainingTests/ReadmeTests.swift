import Foundation
import Norma
import TestSupport
import Testing

// README.md shows what stands between the marks, word for word.
// README begins
/// Learns the built-in digits, saves the network, and returns the share of right answers on digits set aside.
func learnDigits(epochs: Int, savingTo path: String) throws -> Double {
  // 1,437 digits to learn from and 360 to check with, standardized by what the former alone say.
  let random = RandomGenerator(seed: 1)
  let data = try DataSplits(
    DataSource.digits.read(), validationCount: 360, standardizing: .perFeature, random: random.split(0))

  var weights = random.split(1)
  let model = Sequential<Float> {
    Linear(inputs: 64, outputs: 100, hasBias: false, using: &weights)
    BatchNorm(100)
    ReLU()
    Linear(inputs: 100, outputs: 10, using: &weights)
  }
  let trainer = try Trainer(model, configuration: TrainingConfiguration(epochs: epochs, seed: 1))
  try trainer.fit(data.training, validation: data.validation)

  // safetensors, under PyTorch's names: 0.weight, 1.weight, 1.running_mean, …
  try model.save(to: path)

  return try model.evaluate(on: data.validation, loss: .softmaxCrossEntropy).metric
}
// README ends

@Suite struct ReadmeTests {
  @Test func theReadmeShowsTheExampleThatIsTestedHere() throws {
    let source = try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)
    let afterBeginning = try #require(source.components(separatedBy: "\n// README begins\n").last)
    let example = try #require(afterBeginning.components(separatedBy: "// README ends\n").first)
    let readme = try String(
      contentsOf: fixturesDirectory.appending(path: "../../README.md").standardized, encoding: .utf8)
    #expect(readme.contains("```swift\nimport Norma\n\n\(example)```\n"))
  }

  @Test func theReadmesExampleLearnsTheDigitsAndSavesTheNetwork() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "digits.safetensors").path
    let accuracy = try learnDigits(epochs: 10, savingTo: path)
    // A guess is right one time in ten.
    #expect(accuracy > 0.9)
    let names = try Safetensors(contentsOf: path).entries.keys.sorted()
    #expect(
      names == [
        "0.weight", "1.bias", "1.num_batches_tracked", "1.running_mean", "1.running_var", "1.weight", "3.bias",
        "3.weight",
      ])
    // What was saved is the whole model: another of its structure serves with it.
    var random = RandomGenerator(seed: 2)
    let model = Sequential<Float> {
      Linear(inputs: 64, outputs: 100, hasBias: false, using: &random)
      BatchNorm(100)
      ReLU()
      Linear(inputs: 100, outputs: 10, using: &random)
    }
    try model.load(from: path)
    #expect(try #require((model.children[1].layer as? BatchNorm<Float>)?.runningStatistics).batchCount > 0)
    _ = try InferenceModel(model)
  }
}
