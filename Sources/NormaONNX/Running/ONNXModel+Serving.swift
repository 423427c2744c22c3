import NormaLayers
import NormaTensor

extension ONNXModel {
  /// Runs the model by the faster of two ways: as a network that is folded and made ready to serve, where it takes one tensor of numbers in
  /// single precision, gives one, and is a network; else operator by operator, as `callAsFunction(_:maximumElementCount:)` does.
  ///
  /// - Parameter inputs: a value for each of ``inputs``, in their order; images are `[N, C, H, W]`, as in ONNX.
  /// - Returns: a value for each of ``outputs``, and whether the model ran as a network.
  /// - Throws: ``ONNXError`` as `callAsFunction(_:maximumElementCount:)` does.
  public func outputs(for inputs: [ONNXTensor]) throws(ONNXError) -> (outputs: [ONNXTensor], ranAsNetwork: Bool) {
    if inputs.count == 1, self.inputs.count == 1, outputs.count == 1, self.inputs[0].admits(inputs[0]),
      // What stands in the way of that is no reason not to run it.
      let output = (try? networkOutput(inputs)) ?? nil
    {
      return ([output], true)
    }
    return (try self(inputs), false)
  }

  /// The first output of the model as a network whose other inputs are constants; nil where it is none.
  func networkOutput(_ inputs: [ONNXTensor]) throws -> ONNXTensor? {
    guard !self.inputs.isEmpty, let batch = inputs[0].singles, batch.count > 0,
      let first = outputs.first, first.form == .tensor, first.elementType == .float
    else { return nil }
    let network: ONNXNetwork
    do throws(ONNXError) {
      let others = zip(self.inputs, inputs).dropFirst().map { ($0.name, $1) }
      network = try ONNXNetwork(fixing(Dictionary(others) { $1 }), sampleShape: nil)
    } catch {
      guard error.kind == .unsupported else { throw error }
      return nil
    }
    // One in training mode serves by running statistics, where the model goes by the batch's.
    guard network.children.isEmpty, !network.roundsDoubles else { return nil }
    let images = network.turnsImages ? batch.transposed([0, 2, 3, 1]) : batch
    let output: Tensor<Float>
    do {
      output = try InferenceModel(network)(images)
    } catch is InferenceModelError {
      return nil
    }
    return .floats(output.rank == 4 ? output.transposed([0, 3, 1, 2]) : output)
  }
}
