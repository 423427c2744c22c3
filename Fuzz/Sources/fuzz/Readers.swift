import Foundation
import Norma
import NormaImages
import NormaONNX

/// Every reader of bytes from outside, by the name that `NORMA_FUZZ` gives it.
///
/// Each takes any bytes, and either reads them or throws an error of one of the types for that: ``isExpected(_:)``. What it
/// read must hold together, as far as that can be said without knowing the bytes. A new reader is a new line here, and a
/// folder of seeds in `Corpus`.
let readers: [String: @Sendable ([UInt8]) throws -> Void] = [
  "safetensors": { bytes in
    let file = try Safetensors(bytes: bytes, file: "fuzz")
    // What was read and written again is read as the same, numbers that are not equal to themselves aside.
    let again = try Safetensors(bytes: file.serialized(), file: "fuzz again")
    check(again.metadata == file.metadata && again.entries.mapValues(\.shape) == file.entries.mapValues(\.shape))
  },
  "npy": { bytes in
    let array = try NumPyArray(bytes: bytes, file: "fuzz")
    check(try NumPyArray(bytes: array.serialized(), file: "fuzz again").entry.shape == array.entry.shape)
  },
  "npz": { bytes in
    let archive = try NumPyArchive(bytes: bytes, file: "fuzz")
    let again = try NumPyArchive(bytes: archive.serialized(), file: "fuzz again")
    check(again.entries.mapValues(\.shape) == archive.entries.mapValues(\.shape))
  },
  "pytorch": { bytes in
    let file = try PyTorchFile(bytes: bytes, file: "fuzz")
    for tensor in file.tensors { check(try file.entry(tensor.name)?.shape == tensor.shape) }
  },
  "onnx": { bytes in
    // By bytes: models with numbers that are not equal to themselves are not either.
    let written = try ONNXModel(bytes: bytes).encoded()
    check(try ONNXModel(bytes: written).encoded() == written)
  },
  "onnx-run": { bytes in
    let model = try ONNXModel(bytes: bytes)
    let inputs = model.inputs.map { example(for: $0) }
    let outputs = try model(inputs, maximumElementCount: 1 << 16)
    check(outputs.count == model.outputs.count)
  },
  "onnx-external": { bytes in
    // The first two bytes say how long the model is; what follows it is the file beside it.
    guard bytes.count > 2 else { return }
    let end = min(bytes.count, 2 + Int(bytes[0]) << 8 + Int(bytes[1]))
    // In memory, where a file is written at once.
    let folder = URL(filePath: "/dev/shm/norma-fuzz-\(ProcessInfo.processInfo.processIdentifier)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appending(path: "model.onnx")
    try Data(bytes[2..<end]).write(to: path)
    try Data(bytes[end...]).write(to: folder.appending(path: "data"))
    let whole = try? ONNXModel(bytes: Array(bytes[2..<end]))
    let model = try ONNXModel(contentsOf: path.path)
    // What is left in the file until it is needed is what the bytes say; what is no number equals nothing.
    check(whole == nil || whole == model || whole != whole)
    check(model.tensors.reduce(0) { $0 + $1.tensor.shape.elementCount } <= 8 * bytes.count)
  },
  "onnx-operator": { bytes in
    let model = try ONNXModel(bytes: OperatorModel.model(bytes))
    let inputs = model.inputs.map { example(for: $0) }
    var failure: (any Error)?
    do { _ = try model(inputs, maximumElementCount: 1 << 16) } catch { failure = error }
    let network = try ONNXNetwork(model, maximumElementCount: 1 << 16)
    _ = try InferenceModel(network)(Tensor(repeating: 1, shape: Shape([2] + network.sampleShape)))
    if let failure { throw failure }
  },
  "checkpoint": { bytes in
    let checkpoint = try Checkpoint(bytes: bytes, file: "fuzz")
    _ = try checkpoint.makeModel()
  },
  "training-state": { bytes in
    let state = try TrainingState<Float>(bytes: bytes, file: "fuzz")
    let model: Sequential<Float> = try MultilayerPerceptron(hidden: [3]).build(
      sampleShape: [4], outputCount: 2, random: RandomGenerator(seed: 0))
    try Trainer(model, configuration: state.configuration).restore(state)
  },
  "csv": { bytes in
    let data = try CSV.dataset(bytes: bytes, file: "fuzz")
    check(data.features.elements.allSatisfy(\.isFinite))
  },
  "csv-regression": { bytes in
    let options = CSVOptions(labelColumns: [.number(1), .number(-1)], task: .regression)
    _ = try CSV.dataset(bytes: bytes, file: "fuzz", options: options)
  },
  "idx": { bytes in
    let array = try IDXArray(bytes: bytes, file: "fuzz")
    check(array.elements.count == array.shape.reduce(1, *))
  },
  "cifar10": { bytes in _ = try CIFAR10.load(archive: bytes, file: "fuzz") },
  "tar": { bytes in
    let archive = TarReader(bytes: bytes, file: "fuzz")
    while let file = try archive.next() { check(try archive.contents().count == file.size) }
  },
  "gzip": { bytes in
    let limit = 1 << 22
    check(try Gzip.inflated(bytes, file: "fuzz", maximumSize: limit).count <= limit)
  },
  "image": { bytes in
    let image = try RasterImage(bytes: bytes, file: "fuzz")
    check(image.pixels.count == image.height * image.width * image.channelCount)
  },
]

/// Whether an error is one of those that bytes from outside are answered with.
func isExpected(_ error: any Error) -> Bool {
  error is FormatError || error is DataError || error is TrainingError || error is ModelStateError
    || error is ONNXError || error is LayerError || error is ShapeError || error is InferenceModelError
}

/// Ones that go into a model: few, with axes of the lengths that the model names and of 2 where it names none.
private func example(for value: ONNXValue) -> ONNXTensor {
  let lengths = (value.lengths ?? [.unknown, .unknown]).prefix(Shape.maximumRank).map { length in
    if case .fixed(let length) = length { min(max(length, 0), 16) } else { 2 }
  }
  let shape: Shape = lengths.reduce(1, *) <= 1 << 16 ? Shape(lengths) : []
  guard let type = value.elementType, type != .float else { return .floats(.ones(shape)) }
  return .integers(ONNXIntegers([Int64](repeating: 1, count: shape.elementCount), shape: shape, type: type))
}

/// Stops the process, which the fuzzer takes for a crash.
private func check(_ condition: Bool) {
  if !condition { fatalError("what was read does not hold together") }
}
