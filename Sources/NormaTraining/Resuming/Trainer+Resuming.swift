import NormaData
import NormaFiles
import NormaLayers
import NormaTensor

extension TrainingState {
  /// Makes sure that the state is one of a trainer with this model and configuration, before anything is changed.
  func check(_ model: any Layer<Element>, _ configuration: TrainingConfiguration) throws {
    let differences = differences(from: model, configuration)
    guard differences.isEmpty else {
      throw TrainingError.stateDoesNotFit(
        "the state is of another training: \(differences.map(\.description).joined(separator: "; "))")
    }
    guard optimizer.fits(elementCount: model.parameterCount) else {
      throw TrainingError.stateDoesNotFit("the optimizer's state is of other parameters than the model has")
    }
    let buffers = model.stateShapes.tensors
    if let (name, tensor) = averagedBuffers.first(where: { buffers[$0.key] != $0.value.shape }) {
      throw TrainingError.stateDoesNotFit("the mean of '\(name)' has shape \(tensor.shape), which the model has not")
    }
    if let progress {
      let done = history.epochs.count - progress.epochsBefore
      guard done <= configuration.epochs, done < configuration.epochs || progress.stepsOfEpoch == 0 else {
        throw TrainingError.stateDoesNotFit(
          "the training is in epoch \(done + 1) already, and should have \(configuration.epochs)")
      }
    }
  }

  /// Makes sure that the data are those that the call of `fit` under way was learning from.
  func check(_ data: TrainingData<Element>) throws {
    guard dataChecksum == nil || dataChecksum == data.checksum else {
      throw TrainingError.stateDoesNotFit(
        "\(data.training.name) is not what it was when the training began; it has changed since")
    }
    guard stepsOfEpoch <= configuration.batches(of: data.training.count).count else {
      throw TrainingError.stateDoesNotFit(
        "\(stepsOfEpoch) steps are done of an epoch of \(data.training.name), which has fewer")
    }
  }
}

/// What a call of `fit` learns from.
final class TrainingData<Element: TensorElement> {
  let training: Dataset<Element>
  let validation: Dataset<Element>?

  init(_ training: Dataset<Element>, _ validation: Dataset<Element>?) {
    self.training = training
    self.validation = validation
  }

  /// The checksum of all of it; it is computed when it is first asked for.
  private(set) lazy var checksum: UInt32 = {
    var checksum = Checksum()
    training.add(to: &checksum)
    validation?.add(to: &checksum)
    return checksum.value
  }()
}
