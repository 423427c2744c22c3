import NormaData
import NormaFiles
import NormaLayers
import NormaNormalization
import NormaTensor

extension Checkpoint {
  /// A checkpoint of a network that learned what a state dictionary holds, and what loading it had to change or to suppose.
  ///
  /// - Throws: `ModelStateError` with all that does not fit the network that the settings describe, `LayerError` as
  ///   ``StateDictionary`` does, `ModelArchitectureError` where there is no such network.
  public static func importing(
    _ dictionary: StateDictionary, settings: Settings
  ) throws -> (checkpoint: Checkpoint, remarks: [StateDictionary.Remark]) {
    let shape = Shape(settings.exampleShape)
    let recipe = settings.architecture.recipe
    let model: Sequential<Float> = try recipe.build(
      sampleShape: shape, outputCount: settings.outputs.count, random: RandomGenerator(seed: 0))
    let remarks = try dictionary.load(
      into: model, sampleShape: shape, auxiliaryLayers: recipe.auxiliaryLayers)
    return (Checkpoint(settings: settings, state: model.state), remarks)
  }

  /// What the model has learned, as PyTorch would have it.
  ///
  /// - Throws: `LayerError` as ``StateDictionary`` does.
  public func stateDictionary() throws -> StateDictionary {
    try StateDictionary(try makeModel(), sampleShape: Shape(settings.exampleShape))
  }
}

extension Checkpoint.Settings {
  /// Settings of a network that was trained elsewhere: no epochs, and no data to measure it on but what it is given.
  public init(
    convertedFrom file: String, architecture: ModelArchitecture, exampleShape: [Int], outputs: Checkpoint.Outputs,
    standardization: Checkpoint.SavedStandardization?
  ) {
    let loss: any LossFunction =
      switch outputs {
      case .classes: .softmaxCrossEntropy
      case .values: .meanSquaredError
      }
    self.init(
      architecture: architecture, exampleShape: exampleShape, outputs: outputs, featureNames: nil,
      standardization: standardization, training: TrainingConfiguration(epochs: 0, loss: loss),
      data: Checkpoint.SavedData(source: file, validationCount: 0), history: TrainingHistory())
  }

  /// Whether the network was trained elsewhere, and converted from the file that ``data`` names.
  public var isConverted: Bool { training.epochs == 0 && history.epochs.isEmpty }
}
