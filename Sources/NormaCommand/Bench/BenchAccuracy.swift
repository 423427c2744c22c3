import ArgumentParser
import Norma
import NormaLab

/// `norma bench accuracy`: one batch normalization, product or convolution on a file's numbers, for comparison with a reference.
struct BenchAccuracy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accuracy",
    abstract: "Normalize or multiply a file's batch, to compare the result with a reference.",
    usage: "norma bench accuracy <input> <output> [--layout <layout>]",
    discussion: """
      Reads the tensors x and dy, gamma and beta from a safetensors file, all F32. Normalizes the batch x in training, \
      with an epsilon of 1e-5, and goes back with dy, the gradient of the result. Writes y, dx, dgamma and dbeta as F32, \
      and the batch's mean and variance (biased, without epsilon) as F64, which is what they are computed in.

      With a tensor weight in place of gamma and beta, the batch is multiplied by it: rows [N, C] by [outputs, C] as in a \
      linear layer, images by [outputs, C, height, width] in a convolution with stride 1, padded with half the window, \
      rounded down. Writes y, dx and dweight.

      EXAMPLES
        norma bench accuracy batch.safetensors results.safetensors
        norma bench accuracy images.safetensors results.safetensors --layout nhwc
      """)

  @Argument(
    help: ArgumentHelp("The safetensors file with x and dy, and gamma and beta, or weight.", valueName: "input"))
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
    let results = try file.entries["weight"] == nil ? normalized(x, of: file) : multiplied(x, of: file)
    try Safetensors(entries: results).write(to: output)
  }

  private func normalized(_ x: Tensor<Float>, of file: Safetensors) throws -> [String: Safetensors.Entry] {
    let dy = try tensor("dy", of: file, shape: x.shape)
    let channels: Shape = [layout == .nchw ? x.shape[1] : x.shape.channelCount]
    let gamma = try tensor("gamma", of: file, shape: channels)
    let beta = try tensor("beta", of: file, shape: channels)
    let (y, batch) = try BatchNormalization.forward(
      x, gamma: gamma, beta: beta, epsilon: 1e-5, layout: layout.channels)
    let gradients = BatchNormalization.backward(dy, input: x, saved: batch)
    return [
      "mean": .double(batch.moments.mean), "variance": .double(batch.moments.variance(.biased)), "y": .float(y),
      "dx": .float(gradients.input), "dgamma": .float(gradients.gamma), "dbeta": .float(gradients.beta),
    ]
  }

  private func multiplied(_ x: Tensor<Float>, of file: Safetensors) throws -> [String: Safetensors.Entry] {
    let weight = try tensor("weight", of: file)
    guard weight.rank == x.rank, weight.rank == 2 || weight.rank == 4 else {
      throw error(
        about: "weight", "its shape is \(weight.shape), and that of x \(x.shape)",
        "Rows [N, C] need [outputs, C], images [outputs, C, height, width].")
    }
    let isLinear = weight.rank == 2
    let images = isLinear || layout == .nhwc ? x : x.transposed([0, 2, 3, 1])
    guard weight.shape[1] == images.shape.channelCount else {
      throw error(
        about: "weight", "its shape \(weight.shape) is for \(weight.shape[1]) channels",
        "x has \(images.shape.channelCount).")
    }
    if isLinear {
      let dy = try tensor("dy", of: file, shape: [x.shape[0], weight.shape[0]])
      return [
        "y": .float(x.matrixProduct(weight, transposingOther: true)), "dx": .float(dy.matrixProduct(weight)),
        "dweight": .float(dy.matrixProduct(x, transposingSelf: true)),
      ]
    }
    let (height, width) = (weight.shape[2], weight.shape[3])
    guard height > 0, width > 0 else {
      throw error(about: "weight", "its shape \(weight.shape) has no window", "A window has at least one value.")
    }
    let window = Window(
      Extent2d(height: height, width: width), padding: Extent2d(height: height / 2, width: width / 2))
    guard let shape = Convolution2d.outputShape(for: images.shape, outputs: weight.shape[0], window: window) else {
      throw error(about: "x", "its shape is \(x.shape)", "A window of \(height) x \(width) needs larger images.")
    }
    func inLayout(_ images: Tensor<Float>) -> Safetensors.Entry {
      .float(layout == .nhwc ? images : images.transposed([0, 3, 1, 2]))
    }
    let stored = try tensor(
      "dy", of: file, shape: layout == .nhwc ? shape : [shape[0], shape[3], shape[1], shape[2]])
    let dy = layout == .nhwc ? stored : stored.transposed([0, 2, 3, 1])
    return [
      "y": inLayout(Convolution2d.forward(images, weight: weight, window: window)),
      "dx": inLayout(Convolution2d.inputGradient(dy, inputShape: images.shape, weight: weight, window: window)),
      "dweight": .float(Convolution2d.weightGradient(dy, input: images, weightShape: weight.shape, window: window)),
    ]
  }

  /// A tensor of the file that has to be there, of floats, and of a shape if one is given.
  private func tensor(_ name: String, of file: Safetensors, shape: Shape? = nil) throws -> Tensor<Float> {
    guard let entry = file.entries[name] else {
      throw error(about: name, "there is none of that name", "The file needs x and dy, and gamma and beta, or weight.")
    }
    guard case .float(let tensor) = entry else {
      throw error(about: name, "its numbers are not F32", "Store it as F32.")
    }
    if let shape, tensor.shape != shape {
      throw error(about: name, "its shape is \(tensor.shape)", "To fit the others, it has to be \(shape).")
    }
    return tensor
  }

  private func error(about name: String, _ problem: String, _ remedy: String) -> FormatError {
    FormatError(file: input, location: "tensor '\(name)'", problem: problem, remedy: remedy)
  }
}
