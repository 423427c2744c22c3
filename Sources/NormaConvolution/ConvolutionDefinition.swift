import NormaTensor

/// A convolution as it is defined, on any element: what the kernels are held to, and what `Double` runs on.
struct ConvolutionDefinition<Element: TensorElement> {
  /// `[N, H, W, C]`.
  let input: Shape
  /// `[N, H', W', outputs]`.
  let output: Shape
  /// `[outputs, C / groups, height, width]`.
  let weight: Shape
  let window: Window
  let groups: Int

  private var inputsOfGroup: Int { weight[1] }
  private var outputsOfGroup: Int { weight[0] / groups }

  /// Calls `body` for each pixel of the output in some rows, and each value of the window that lies on the image: with the
  /// pixels' places in their images' batch, and the value's place in the window.
  private func forEachTap(
    sample: Int, _ body: (_ output: Int, _ input: Int, _ tap: Int) -> Void
  ) {
    for row in 0..<output[1] {
      for column in 0..<output[2] {
        let place = (sample * output[1] + row) * output[2] + column
        for tapRow in 0..<window.size.height {
          let y = row * window.stride.height + tapRow * window.dilation.height - window.padding.height
          guard y >= 0, y < input[1] else { continue }
          for tapColumn in 0..<window.size.width {
            let x = column * window.stride.width + tapColumn * window.dilation.width - window.padding.width
            guard x >= 0, x < input[2] else { continue }
            body(place, (sample * input[1] + y) * input[2] + x, tapRow * window.size.width + tapColumn)
          }
        }
      }
    }
  }

  /// `y[o] = Σ x[i] · weight[o, i]` over the window and the inputs of the output's group; `y` must hold zeros, or what the
  /// sums are added to.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  func forward(
    _ x: UnsafePointer<Element>, _ weight: UnsafePointer<Element>, into y: UnsafeMutablePointer<Element>
  ) {
    let (inputs, outputs, area) = (inputsOfGroup, outputsOfGroup, window.size.height * window.size.width)
    Parallel.forEach(input[0]) { sample in
      forEachTap(sample: sample) { output, input, tap in
        for o in 0..<self.weight[0] {
          let values = x + input * self.input[3] + o / outputs * inputs
          let factors = weight + o * inputs * area + tap
          var sum: Element = 0
          for i in 0..<inputs { sum += values[i] * factors[i * area] }
          y[output * self.weight[0] + o] += sum
        }
      }
    }
  }

  /// `dx[i] = Σ g[o] · weight[o, i]` over the outputs that the input went into; `dx` must hold zeros.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  func inputGradient(
    _ g: UnsafePointer<Element>, _ weight: UnsafePointer<Element>, into dx: UnsafeMutablePointer<Element>
  ) {
    let (inputs, outputs, area) = (inputsOfGroup, outputsOfGroup, window.size.height * window.size.width)
    Parallel.forEach(input[0]) { sample in
      forEachTap(sample: sample) { output, input, tap in
        for o in 0..<self.weight[0] {
          let gradient = g[output * self.weight[0] + o]
          let results = dx + input * self.input[3] + o / outputs * inputs
          let factors = weight + o * inputs * area + tap
          for i in 0..<inputs { results[i] += gradient * factors[i * area] }
        }
      }
    }
  }

  /// `dweight[o, i] = Σ g[o] · x[i]` over samples and pixels; `dweight` must hold zeros.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  func weightGradient(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, into dweight: UnsafeMutablePointer<Element>
  ) {
    let (inputs, outputs, area) = (inputsOfGroup, outputsOfGroup, window.size.height * window.size.width)
    // Each ticket has the weights of some outputs, so that no two write to the same.
    let tickets = min(8, weight[0])
    Parallel.forEach(tickets) { ticket in
      for sample in 0..<input[0] {
        forEachTap(sample: sample) { output, input, tap in
          for o in ticket * weight[0] / tickets..<(ticket + 1) * weight[0] / tickets {
            let gradient = g[output * weight[0] + o]
            let values = x + input * self.input[3] + o / outputs * inputs
            let results = dweight + o * inputs * area + tap
            for i in 0..<inputs { results[i * area] += gradient * values[i] }
          }
        }
      }
    }
  }
}
