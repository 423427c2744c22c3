import Norma
import NormaONNX

/// Brings each row to one length, which is learned: `y = gain · x / √(Σ x² + ε)` over the last axis (Nguyen and Salazar 2019).
///
/// Inputs are x `[…, C]` and gain `[1]`.
struct ScaleNormalization<Element: TensorElement>: TensorOperation {
  let epsilon: Double

  var name: String { "scale norm" }
  var rule: String { "with s = 1/√(Σ{0}² + ε): ∂{0} = {1}·s·(∂{} − {0}·s²·Σ(∂{}·{0})), ∂{1} = Σ ∂{}·{0}·s" }

  /// `1 / √(Σ x² + ε)` of each row, which the backward pass needs again.
  func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Tensor<Element>) {
    let x = inputs[0]
    let reciprocal = ((x * x).sumOverChannels() + Element(epsilon)).applying(.squareRoot).applying(.reciprocal)
    return (inputs[1].item * x.applying(.multiply, reciprocal, broadcast: .perRow), reciprocal)
  }

  func backward(
    _ gradient: Tensor<Element>, _ kept: Kept<Element>, saved reciprocal: Tensor<Element>
  ) -> [Tensor<Element>?] {
    let normalized = kept.input(0).applying(.multiply, reciprocal, broadcast: .perRow)
    let projection = (gradient * normalized).sumOverChannels()
    let direction = gradient - normalized.applying(.multiply, projection, broadcast: .perRow)
    return [
      kept.input(1).item * direction.applying(.multiply, reciprocal, broadcast: .perRow),
      Tensor([(gradient * normalized).sum()]),
    ]
  }

  // Training, saving and serving need nothing more. What follows tells what a training step keeps, and lets large batches of
  // images be served a few at a time.
  func kept(for needs: Needs) -> KeptTensors { [.input(0), .input(1)] }
  func savedBytes(for inputs: [Shape]) -> Int { inputs[0].rowCount * MemoryLayout<Element>.stride }
  var isPerSample: Bool { true }
}

/// Its form in ONNX.
extension ScaleNormalization: ONNXExportable where Element == Float {
  func export(_ call: ONNXExporter.Call, to exporter: inout ONNXExporter) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsLast(try call.value(0))
    let length = exporter.add("ReduceL2", [x], ["axes": .integers([-1]), "keepdims": .integer(1)], for: call)
    let squared = exporter.add("Mul", [length, length], for: call)
    let epsilon = exporter.add(constant: .scalar(Float(epsilon)), named: call.name("epsilon"))
    let deviation = exporter.add("Sqrt", [exporter.add("Add", [squared], constants: [epsilon], for: call)], for: call)
    let normalized = exporter.add("Div", [x, deviation], for: call)
    return exporter.add("Mul", [normalized], constants: [try exporter.addConstant(1, of: call)], for: call)
  }
}

/// The layer, which also keeps in a buffer how many batches it was trained with.
final class ScaleNorm<Element: TensorElement>: Layer {
  let gain: Parameter<Element>
  private var batchCount = 0

  init(_ featureCount: Int) {
    gain = Parameter(
      Tensor([Element(Double(featureCount).squareRoot())]), name: "gain", kind: ParameterKind("gain"))
  }

  var parameters: [Parameter<Element>] { [gain] }
  var buffers: [Buffer<Element>] { [Buffer("batch_count", of: self, \.batchCount)] }
  var summary: String { "ScaleNorm" }

  func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    if pass.isTraining { pass.deferChange { self.batchCount += 1 } }
    return x.applying(ScaleNormalization(epsilon: 1e-6), pass.variable(for: gain))
  }
}
