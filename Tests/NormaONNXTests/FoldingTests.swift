import Foundation
import Norma
import NormaONNX
import TestSupport
import Testing

/// Normalizations that become part of the layers before them, in models of ONNX's format.
@Suite struct FoldingTests {
  /// How many normalizations a model has.
  private func count(_ model: ONNXModel) -> Int { model.operatorCounts["BatchNormalization"] ?? 0 }

  /// The largest difference of two models' answers, over the largest answer.
  private func difference(_ a: ONNXModel, _ b: ONNXModel, on input: ONNXTensor) throws -> Float {
    let (first, second) = (try #require(try a([input])[0].singles), try #require(try b([input])[0].singles))
    let largest = first.elements.reduce(0) { max($0, abs($1)) }
    return zip(first.elements, second.elements).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
  }

  /// Sums of a few hundred products, up to twenty of them one behind the other, each rounding as a walk by chance does.
  private static let roundings: Float = 20 * 20 * .ulpOfOne

  @Test(arguments: ["mlp:12,7", "convnet:5x3,9", "vgg:4,6", "resnet:stem=small,blocks=1-1,width=4"])
  func answersStayAndNoNormalizationIsLeft(text: String) throws {
    let architecture = try ModelArchitecture(parsing: text)
    let exported = try ExportedNetwork(
      "folding", architecture.recipe.takesImages ? [8, 8, 2] : [10], architecture, .batch)
    let model = try exported.model()
    let folded = model.folded()
    #expect(count(model) > 0 && count(folded.model) == 0 && folded.folded.count == count(model) && folded.kept.isEmpty)
    #expect(folded.model.nodeCount == model.nodeCount - count(model))
    #expect(try difference(model, folded.model, on: exported.input) < Self.roundings)
    // What only the normalizations needed is gone, and a file holds the rest.
    #expect(folded.model.tensors.allSatisfy { !$0.name.contains("running_") })
    #expect(try ONNXModel(bytes: folded.model.encoded()) == folded.model)
    #expect(folded.model.folded().folded.isEmpty)
  }

  @Test func transposedConvolutionsInGroupsAreFoldedByTheirOutputs() throws {
    let layer = ConvTranspose2d<Float>(
      inputs: 4, outputs: 6, window: Window(3, stride: 2, padding: 1), groups: 2, random: RandomGenerator(seed: 1))
    let exported = try ExportedNetwork("transposed", [5, 5, 4], Sequential<Float>([layer, BatchNorm<Float>(6)]))
    let (model, folded) = (try exported.model(), try exported.model().folded())
    #expect(count(folded.model) == 0 && folded.folded.count == 1)
    #expect(try difference(model, folded.model, on: exported.input) < Self.roundings)
  }

  @Test func damagedNodesStay() throws {
    let exported = try ExportedNetwork(
      "damaged", [4, 4, 3],
      Sequential<Float>([
        Conv2d<Float>(inputs: 3, outputs: 3, window: Window(3, padding: 1), random: RandomGenerator(seed: 1)),
        BatchNorm<Float>(3),
      ]))
    let bytes = try exported.model().encoded()
    // Whatever bits of it fall over, folding ends, and never with another number of answers.
    var random = RandomGenerator(seed: 5)
    for _ in 0..<2000 {
      var damaged = bytes
      for _ in 0..<3 { damaged[Int.random(in: 0..<400, using: &random)] = UInt8.random(in: 0...255, using: &random) }
      guard let model = try? ONNXModel(bytes: damaged) else { continue }
      let folded = model.folded()
      #expect(folded.model.outputs == model.outputs && folded.model.inputs == model.inputs)
    }
  }

  @Test func whatStaysIsSaidWithTheReason() throws {
    // The first normalizes the input, the second what ReLU gives; the third is folded.
    let convolution = Conv2d<Float>(
      inputs: 3, outputs: 3, window: Window(3, padding: 1), random: RandomGenerator(seed: 1))
    let network = Sequential<Float>([
      BatchNorm<Float>(3), ReLU(), BatchNorm<Float>(3), convolution, BatchNorm<Float>(3),
    ])
    let exported = try ExportedNetwork("kept", [4, 4, 3], network)
    let (model, folded) = (try exported.model(), try exported.model().folded())
    #expect(count(folded.model) == 2 && folded.folded.count == 1 && folded.kept.count == 2)
    #expect(folded.kept.first?.reason == "it normalizes the model's input")
    #expect(folded.kept.last?.reason.hasPrefix("it follows no layer with weights, but ") == true, "\(folded.kept)")
    #expect(try difference(model, folded.model, on: exported.input) < Self.roundings)
    // A sum takes what the convolution gives, too.
    let residual = Residual<Float>(Sequential([BatchNorm<Float>(3)]))
    let shared = try ExportedNetwork("shared", [4, 4, 3], Sequential<Float>([convolution, residual])).model().folded()
    #expect(shared.folded.isEmpty && shared.kept.first?.reason.contains("used elsewhere") == true, "\(shared.kept)")
    let training = try ExportedNetwork(
      "training", [4, 4, 3], form: .training, Sequential<Float>([convolution, BatchNorm<Float>(3)]))
    #expect(try training.model().folded().kept.first?.reason.contains("batches") == true)
  }
}
