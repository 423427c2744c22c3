import Foundation
import Norma
import NormaLab
import Testing

/// Convolutional networks in all commands, on the digits as images of 8×8 pixels.
struct ConvolutionalModelTests {
  private static let models = [
    ["--model", "convnet:4x3,8"], ["--model", "resnet8"], ["--model", "resnet8", "--shortcut", "padded"],
    ["--model", "vgg:4,8"],
  ]

  private struct Inspected: Decodable {
    var settings: Checkpoint.Settings
    var layers: [String]
  }

  @Test(arguments: models.indices)
  func aModelIsTrainedEvaluatedPredictedAndInspected(index: Int) throws {
    let trained = try CheckpointTests.train(Self.models[index] + ["--epochs", "1", "--validation", "0.5"])
    let model = trained.path("model")
    let evaluated = try Norma.run(["evaluate", model])
    #expect(evaluated.status == 0, "\(evaluated.error)")
    #expect(evaluated.output.contains("899 examples"))
    let predicted = try Norma.run(["predict", model, "--data", "digits", "--rows", "0-4"])
    #expect(predicted.status == 0, "\(predicted.error)")
    // A row of pixels is an image too.
    let row = (0..<64).map { "\($0 % 16)" }.joined(separator: ",")
    #expect(try Norma.run(["predict", model, "-"], input: row + "\n").status == 0)
    let inspected: Inspected = try Norma.run(["inspect", model, "--json"]).json()
    #expect(inspected.settings.exampleShape == [8, 8, 1])
    #expect(inspected.settings.standardization?.mode == .perChannel)
    #expect(inspected.layers.contains { $0.contains("Conv2d(") })
  }

  @Test func deepNetworksHaveDefaultsOfTheirOwn() throws {
    func settings(_ options: [String]) throws -> TrainingConfiguration {
      let folder = try CheckpointTests.train(options + ["--epochs", "1", "--validation", "0.9"])
      return try Checkpoint(contentsOf: folder.path("model/model.safetensors")).settings.training
    }
    let deep = try settings(["--model", "resnet8", "--recompute", "--kept-activations", "bfloat16"])
    #expect(deep.batchSize == 64 && deep.optimizer as? SGD == SGD(momentum: 0.9, nesterov: true))
    #expect(deep.learningRate == 0.1 && deep.l2Penalty == 5e-4 && deep.recomputesNormalized)
    #expect(deep.keptActivations == .bfloat16)
    let plain = try settings(["--model", "resnet8", "--norm", "none"])
    #expect(plain.learningRate == 0.01 && plain.l2Penalty == 5e-4)
    let adam = try settings(["--model", "vgg:4", "--optimizer", "adam", "--batch-size", "32"])
    #expect(
      adam.batchSize == 32 && adam.optimizer as? Adam == Adam() && adam.learningRate == 1e-3 && adam.l2Penalty == 0)
    let shallow = try settings(["--model", "convnet:4x3,8"])
    // A tenth of 1,797 examples is left for training, fewer than a thousand.
    #expect(shallow.batchSize == 64 && shallow.optimizer as? Adam == Adam() && shallow.l2Penalty == 0)
  }

  @Test func layersAreListedUnderThoseTheyStandIn() throws {
    let trained = try CheckpointTests.train([
      "--model", "resnet8", "--zero-gamma", "--epochs", "1", "--validation", "0.9",
    ])
    let listing = try Norma.run(["inspect", trained.path("model")])
    #expect(listing.status == 0, "\(listing.error)")
    for line in [
      "Network       resnet8", "Normalization batch", "Shortcuts     projection, blocks start with gamma 0",
      "  conv1: Conv2d(1 → 16, 3×3, padding 1, no bias)", "  layer2: Sequential(1 layer)", "    0: Residual(",
      "      conv1: Conv2d(16 → 32, 3×3, stride 2, padding 1, no bias)", "        1: BatchNorm(32)",
    ] {
      #expect(listing.output.contains(line), "\(line)")
    }
  }

  @Test func whatATrainingStepKeepsIsShown() throws {
    struct Listing: Decodable {
      var batchSize: Int
      var keeping: TrainingMemory
      var recomputing: TrainingMemory
    }
    let trained = try CheckpointTests.train(["--model", "resnet8", "--epochs", "1", "--validation", "0.9"])
    let model = trained.path("model")
    let listing: Listing = try Norma.run(["inspect", model, "--memory", "--batch", "32", "--json"]).json()
    #expect(listing.batchSize == 32)
    #expect(listing.keeping.optimizerBytes == listing.keeping.parameterBytes)
    #expect(listing.recomputing.activationBytes < listing.keeping.activationBytes)
    let usual: Listing = try Norma.run(["inspect", model, "--memory", "--json"]).json()
    #expect(usual.batchSize == 64)
    let table = try Norma.run(["inspect", model, "--memory"])
    #expect(table.status == 0, "\(table.error)")
    #expect(table.output.contains("[64, 8, 8, 16]"))
    #expect(table.output.contains("with --recompute"))
    #expect(table.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    let folder = try Folder()
    var foreign = Safetensors()
    foreign.entries["weight"] = .float(Tensor([1, 2]))
    try foreign.write(to: folder.path("foreign.safetensors"))
    expectFailure(
      try Norma.run(["inspect", folder.path("foreign.safetensors"), "--memory"]), status: 65, saying: "settings")
  }

  @Test func everyKindOfNormalizationIsCompared() throws {
    let folder = try Folder()
    let kinds = NormalizationKind.allCases.map(\.rawValue)
    let outcome = try Norma.run([
      "compare", "--model", "resnet8", "--norm", kinds.joined(separator: ","), "--epochs", "1", "--seeds", "1",
      "--validation", "0.9",
      "--out", folder.path("out"),
    ])
    #expect(outcome.status == 0, "\(outcome.error)")
    let result = try ResultFile.result(NormComparison.self, from: Data(folder.bytes("out/result.json")))
    #expect(result.runs.map(\.norm) == kinds)
    for run in result.runs {
      #expect(run.layerNames.first == "conv1" && run.layerNames.last == "fc")
      #expect(run.layerNames.contains("layer2.0.downsample.0"))
      #expect(run.activationsBefore.map(\.layer) == run.activationsAfter.map(\.layer))
      #expect(run.activationsBefore.map(\.layer).contains("layer1.0"))
      #expect(run.epochs.count == 2)
    }
  }

  @Test func imagesOfAnotherShapeAreRefused() throws {
    let folder = try Folder()
    let csv = try folder.write("1,2,0\n3,4,1\n5,6,0\n7,8,1\n", to: "narrow.csv")
    let outcome = try Norma.run(["train", "--data", "csv:\(csv)", "--model", "resnet20"])
    expectFailure(outcome, status: 64, saying: "takes images, samples of shape [height, width, channels]")
    let trained = try CheckpointTests.train(["--model", "vgg:4", "--epochs", "1", "--validation", "0.9"])
    expectFailure(
      try Norma.run(["evaluate", trained.path("model"), "--data", "csv:\(csv)"]), status: 65, saying: "features")
  }
}
