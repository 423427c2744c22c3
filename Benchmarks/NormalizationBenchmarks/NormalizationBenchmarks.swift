import Benchmark
import Counting
import Norma

let benchmarks: @Sendable () -> Void = {
  let batches: [(Shape, ChannelLayout)] = [
    ([64, 100], .channelsLast), ([256, 1024], .channelsLast), ([8192, 512], .channelsLast),
    ([32, 56, 56, 64], .channelsLast), ([32, 64, 56, 56], .channelsFirst),
  ]
  for (shape, layout) in batches {
    let name = "\(shape)\(layout == .channelsFirst ? " channels first" : "")"
    Benchmark.timing("batch normalization forward \(name)") {
      let batch = Batch(shape, channels: layout == .channelsFirst ? shape[1] : shape.channelCount)
      return {
        blackHole(
          try BatchNormalization.forward(batch.x, gamma: batch.gamma, beta: batch.beta, layout: layout))
      }
    }
    Benchmark.timing("batch normalization backward \(name)") {
      let batch = Batch(shape, channels: layout == .channelsFirst ? shape[1] : shape.channelCount)
      let normalized = try BatchNormalization.forward(
        batch.x, gamma: batch.gamma, beta: batch.beta, layout: layout
      ).saved
      return { blackHole(BatchNormalization.backward(batch.gradient, input: batch.x, saved: normalized)) }
    }
  }
  Benchmark.timing("layer normalization forward [8192, 768]") {
    let batch = Batch([8192, 768], channels: 768)
    return { blackHole(LayerNormalization.forward(batch.x, gamma: batch.gamma, beta: batch.beta)) }
  }
}

/// What a normalization takes.
private struct Batch {
  let x: Tensor<Float>
  let gradient: Tensor<Float>
  let gamma: Tensor<Float>
  let beta: Tensor<Float>

  init(_ shape: Shape, channels: Int) {
    var random = RandomGenerator(seed: 0)
    x = .normal(shape, using: &random)
    gradient = .normal(shape, using: &random)
    gamma = .uniform([channels], in: 0.5..<1.5, using: &random)
    beta = .normal([channels], using: &random)
  }
}
