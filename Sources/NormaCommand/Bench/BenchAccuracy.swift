import ArgumentParser
import Norma
import NormaLab

/// `norma bench accuracy`: one batch normalization on a file's numbers, for comparison with a reference.
struct BenchAccuracy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accuracy",
    abstract: "Normalize a file's batch, to compare the result with a reference.",
    usage: "norma bench accuracy <input> <output> [--layout <layout>]",
    discussion: """
      Reads the tensors x and dy, gamma and beta from a safetensors file, all F32. Normalizes the batch x in training, \
      with an epsilon of 1e-5, and goes back with dy, the gradient of the result. Writes y, dx, dgamma and dbeta as F32, \
      and the batch's mean and variance (biased, without epsilon) as F64, which is what they are computed in.

      EXAMPLES
        norma bench accuracy batch.safetensors results.safetensors
        norma bench accuracy images.safetensors results.safetensors --layout nhwc
      """)

  @Argument(help: ArgumentHelp("The safetensors file with x, dy, gamma and beta.", valueName: "input"))
  var input: String

  @Argument(help: ArgumentHelp("The safetensors file to write.", valueName: "output"))
  var output: String

  @Option(help: ArgumentHelp("Where x has its channels: nchw, second, or nhwc, last.", valueName: "layout"))
  var layout = Layout.nchw

  enum Layout: String, ExpressibleByArgument {
    case nchw, nhwc

    var channels: ChannelLayout { self == .nchw ? .channelsFirst : .channelsLast }
  }

  func run() throws {
    let file = try Safetensors(contentsOf: input)
    let x = try tensor("x", of: file)
    guard x.shape.rank >= 2 else {
      throw error(about: "x", "its shape \(x.shape) has no axis of channels", "Store it as [N, C] or [N, C, H, W].")
    }
    let dy = try tensor("dy", of: file, shape: x.shape)
    let channels: Shape = [layout == .nchw ? x.shape[1] : x.shape.channelCount]
    let gamma = try tensor("gamma", of: file, shape: channels)
    let beta = try tensor("beta", of: file, shape: channels)

    let (y, batch) = try BatchNormalization.forward(
      x, gamma: gamma, beta: beta, epsilon: 1e-5, layout: layout.channels)
    let gradients = BatchNormalization.backward(dy, input: x, saved: batch)
    let results = Safetensors(entries: [
      "mean": .double(batch.moments.mean), "variance": .double(batch.moments.variance(.biased)), "y": .float(y),
      "dx": .float(gradients.input), "dgamma": .float(gradients.gamma), "dbeta": .float(gradients.beta),
    ])
    try results.write(to: output)
  }

  /// A tensor of the file that has to be there, of floats, and of a shape if one is given.
  private func tensor(_ name: String, of file: Safetensors, shape: Shape? = nil) throws -> Tensor<Float> {
    guard let entry = file.entries[name] else {
      throw error(about: name, "there is none of that name", "The file needs x, dy, gamma and beta.")
    }
    guard case .float(let tensor) = entry else {
      throw error(about: name, "its numbers are not F32", "Store it as F32.")
    }
    if let shape, tensor.shape != shape {
      throw error(about: name, "its shape is \(tensor.shape)", "To fit x, it has to be \(shape).")
    }
    return tensor
  }

  private func error(about name: String, _ problem: String, _ remedy: String) -> FormatError {
    FormatError(file: input, location: "tensor '\(name)'", problem: problem, remedy: remedy)
  }
}
