import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// What group normalization is made of and what it must leave alone. `PyTorchParityTests` holds it to PyTorch,
/// `GroupKernelTests` its fast form to this one.
@Suite struct GroupNormalizationTests {
  typealias Inputs = BatchNormalizationTests.Inputs

  /// A tensor `[N, P, C]` in the given layout.
  private func arranged<Element: TensorElement>(_ x: Tensor<Element>, _ layout: ChannelLayout) -> Tensor<Element> {
    layout == .channelsLast ? x : x.transposed([0, 2, 1])
  }

  private func run<Element: TensorElement>(
    _ inputs: Inputs<Element>, groups: Int, layout: ChannelLayout, affine: Bool = true, rectifies: Bool = false
  ) -> [Tensor<Element>] {
    let x = arranged(inputs.x, layout)
    let (y, statistics) = GroupNormalization.forward(
      x, groups: groups, gamma: affine ? inputs.gamma : nil, beta: affine ? inputs.beta : nil, layout: layout,
      rectifies: rectifies)
    let gradients = GroupNormalization.backward(arranged(inputs.gradient, layout), input: x, saved: statistics)
    return [arranged(y, layout), arranged(gradients.input, layout), gradients.gamma, gradients.beta]
  }

  /// Both are exact to some roundings and the error of the mean, which counts in units of the deviation. With few values in
  /// a group the terms of dx and dgamma nearly cancel: those are of the size of the gradient, for dx over the deviation.
  private func expectEqual<Element: TensorElement>(
    _ results: [Tensor<Element>], _ expected: [Tensor<Element>], mean: Double = 0, reciprocal: Tensor<Double>,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let unit = Element.unitRoundoff
    let largest = reciprocal.maximum() ?? 0
    let bound = 64 * unit + 64 * (unit * unit + Double.unitRoundoff) * mean * largest
    for (index, (result, expected)) in zip(results, expected).enumerated() {
      #expect(result.shape == expected.shape, sourceLocation: sourceLocation)
      let error = errorRelativeToScale(result, reference: expected, floor: index == 1 ? largest : 1)
      #expect(error <= bound, sourceLocation: sourceLocation)
    }
  }

  private func checkOneGroup<Element: TensorElement>(_ type: Element.Type, _ shape: Shape, mean: Double) {
    let inputs = Inputs<Element>(shape, mean: mean)
    for affine in [true, false] {
      let (gamma, beta) = affine ? (inputs.gamma, inputs.beta) : (nil, nil)
      let (y, rows) = LayerNormalization.forward(inputs.x, gamma: gamma, beta: beta)
      let gradients = LayerNormalization.backward(inputs.gradient, input: inputs.x, saved: rows)
      let expected = [y, gradients.input, gradients.gamma, gradients.beta]
      for layout in ChannelLayout.allCases {
        let (output, statistics) = GroupNormalization.forward(
          inputs.x, groups: 1, gamma: gamma, beta: beta, layout: layout)
        let found = GroupNormalization.backward(inputs.gradient, input: inputs.x, saved: statistics)
        expectEqual(
          [output, found.input, found.gamma, found.beta], expected, mean: mean,
          reciprocal: statistics.reciprocalDeviation)
      }
    }
  }

  @Test(arguments: [[1, 2], [4, 5], [33, 17], [70, 100], [3, 4096]], [0.5, 1e4])
  func oneGroupOfSingleValuesIsLayerNormalization(shape: [Int], mean: Double) {
    checkOneGroup(Float.self, Shape(shape), mean: mean)
    checkOneGroup(Double.self, Shape(shape), mean: mean)
  }

  private func checkInstances<Element: TensorElement>(_ type: Element.Type, _ shape: Shape, mean: Double) throws {
    let inputs = Inputs<Element>(shape, mean: mean)
    for (layout, rectifies) in ChannelLayout.allCases.flatMap({ [($0, false), ($0, true)] }) {
      let results = run(inputs, groups: shape.channelCount, layout: layout, rectifies: rectifies)
      let x = arranged(inputs.x, layout)
      let (y, batch) = try BatchNormalization.forward(
        x, gamma: inputs.gamma, beta: inputs.beta, layout: layout, rectifies: rectifies)
      let gradients = BatchNormalization.backward(arranged(inputs.gradient, layout), input: x, saved: batch)
      expectEqual(
        results, [arranged(y, layout), arranged(gradients.input, layout), gradients.gamma, gradients.beta],
        mean: mean, reciprocal: batch.reciprocalDeviation)
      let instances = InstanceNormalization.forward(
        x, gamma: inputs.gamma, beta: inputs.beta, layout: layout, rectifies: rectifies)
      #expect(haveSameBits(arranged(instances.output, layout), results[0]))
    }
  }

  @Test(arguments: [[1, 2, 1], [1, 7, 5], [1, 90, 17], [1, 300, 100]], [0.5, 1e4])
  func groupsOfOneChannelOfOneSampleAreBatchNormalization(shape: [Int], mean: Double) throws {
    try checkInstances(Float.self, Shape(shape), mean: mean)
    try checkInstances(Double.self, Shape(shape), mean: mean)
  }

  /// Bit for bit, though few samples are cut into more tickets than many.
  @Test(arguments: ChannelLayout.allCases, [[5, 9, 12], [20, 600, 64]])
  func aSampleDoesNotDependOnTheOthers(layout: ChannelLayout, shape: [Int]) {
    let inputs = Inputs<Float>(Shape(shape))
    let (x, gradient) = (arranged(inputs.x, layout), arranged(inputs.gradient, layout))
    func results(_ samples: Range<Int>) -> [Tensor<Float>] {
      let x = x[rows: samples]
      let (y, statistics) = GroupNormalization.forward(
        x, groups: 4, gamma: inputs.gamma, beta: inputs.beta, layout: layout, rectifies: true)
      let gradients = GroupNormalization.backward(gradient[rows: samples], input: x, saved: statistics)
      return [y, gradients.input]
    }
    let whole = results(0..<shape[0])
    for sample in [0, 3, shape[0] - 1] {
      for (one, all) in zip(results(sample..<sample + 1), whole) {
        #expect(haveSameBits(one, all[rows: sample..<sample + 1]))
      }
    }
  }

  @Test func bothLayoutsGiveTheSame() {
    for shape: Shape in [[3, 10, 6], [2, 70, 40], [4, 1, 8]] {
      for rectifies in [false, true] {
        let inputs = Inputs<Double>(shape)
        let first = run(inputs, groups: 2, layout: .channelsFirst, rectifies: rectifies)
        let last = run(inputs, groups: 2, layout: .channelsLast, rectifies: rectifies)
        expectEqual(first, last, reciprocal: .ones([1]))
      }
    }
  }

  @Test(arguments: ChannelLayout.allCases)
  func constantGroupsGiveBetaAndGradientsOfZero(layout: ChannelLayout) {
    // On the kernels, and by the definition.
    expectBetaAndNoGradients(Float.self, layout)
    expectBetaAndNoGradients(Double.self, layout)
  }

  private func expectBetaAndNoGradients<Element: TensorElement>(_ type: Element.Type, _ layout: ChannelLayout) {
    for shape: Shape in [[3, 1, 4], [2, 5, 6], [2, 70, 24], [2, 300, 64]] {
      let channels = shape.channelCount
      let x = arranged(Tensor<Element>(repeating: 0.1, shape: shape), layout)
      let beta = Tensor<Element>.linearlySpaced(from: -1, through: 2, shape: [channels])
      let (y, statistics) = GroupNormalization.forward(x, groups: 2, beta: beta, layout: layout)
      // A variance of exactly 0.
      #expect(statistics.reciprocalDeviation.elements.allSatisfy { $0 == 1 / 1e-5.squareRoot() })
      #expect(arranged(y, layout).elements.enumerated().allSatisfy { $1 == beta[$0 % channels] })
      let gradients = GroupNormalization.backward(.ones(x.shape), input: x, saved: statistics)
      #expect(gradients.input.isFinite && gradients.gamma == .zeros([channels]))
    }
  }

  @Test func aGroupOfASingleValueGivesBeta() {
    let x = Tensor<Float>([1, 2, 3, -4], shape: [2, 2])
    let (y, statistics) = InstanceNormalization.forward(x, beta: Tensor([5, 6]))
    #expect(y.elements == [5, 6, 5, 6])
    #expect(GroupNormalization.backward(.ones([2, 2]), input: x, saved: statistics).input == .zeros([2, 2]))
  }

  @Test func emptyTensorsGiveEmptyOutputsAndGradientsOfZero() {
    for (shape, layout): (Shape, ChannelLayout) in [
      ([0, 4], .channelsLast), ([0, 3, 3, 4], .channelsLast), ([2, 0, 4], .channelsLast), ([0, 4, 3], .channelsFirst),
      ([2, 4, 0], .channelsFirst), ([2, 3, 0], .channelsLast),
    ] {
      let channels = layout == .channelsLast ? shape.channelCount : shape[1]
      let x = Tensor<Float>.zeros(shape)
      let (y, statistics) = GroupNormalization.forward(x, groups: 2, gamma: .ones([channels]), layout: layout)
      #expect(y == x)
      let gradients = GroupNormalization.backward(x, input: x, saved: statistics)
      #expect(gradients.input == x && gradients.gamma == .zeros([channels]) && gradients.beta == .zeros([channels]))
    }
  }

  /// Infinities and NaNs in group 1 of sample 2, of the input or of the gradient.
  @Test(arguments: ChannelLayout.allCases, [[3, 5, 6], [3, 70, 12], [3, 40, 160]])
  func whatIsNotFiniteStaysInItsGroup(layout: ChannelLayout, shape: [Int]) {
    let inputs = Inputs<Float>(Shape(shape))
    let (positions, channels) = (shape[1], shape[2])
    let inGroup = channels / 2..<channels
    for value in [Float.infinity, -.infinity, .nan] {
      for rectifies in [false, true] {
        func results(_ x: Tensor<Float>, _ gradient: Tensor<Float>) -> [Tensor<Float>] {
          let (x, gradient) = (arranged(x, layout), arranged(gradient, layout))
          let (y, statistics) = GroupNormalization.forward(
            x, groups: 2, gamma: inputs.gamma, beta: inputs.beta, layout: layout, rectifies: rectifies)
          let dx = GroupNormalization.backward(gradient, input: x, saved: statistics)
          return [arranged(y, layout), arranged(dx.input, layout), dx.gamma.reshaped(to: [1, 1, channels])]
        }
        let clean = results(inputs.x, inputs.gradient)
        var (x, gradient) = (inputs.x, inputs.gradient)
        x[2, positions - 1, channels - 1] = value
        gradient[2, 0, channels / 2] = value
        for found in [results(x, inputs.gradient), results(inputs.x, gradient)] {
          for (result, expected) in zip(found, clean) {
            let isVector = result.shape[0] == 1
            if !isVector { #expect(result[rows: 0..<2] == expected[rows: 0..<2]) }
            func others(_ x: Tensor<Float>) -> [Float] {
              (isVector ? x : x[rows: 2..<3]).elements.enumerated()
                .filter { !inGroup.contains($0.offset % channels) }.map(\.element)
            }
            #expect(others(result) == others(expected))
          }
        }
        // A group with such a value has no mean to subtract: none of it is passed off as a number, not by ReLU either.
        for (index, y) in results(x, inputs.gradient)[0][rows: 2..<3].elements.enumerated() {
          if inGroup.contains(index % channels) { #expect(y.isNaN) }
        }
      }
    }
  }

  @Test func groupsThatDoNotDivideTheChannelsStop() async {
    await #expect(processExitsWith: .failure) {
      _ = GroupNormalization.forward(Tensor<Float>.zeros([2, 6]), groups: 4)
    }
  }

  @Test func aBackwardPassWithOtherSamplesThanTheForwardPassStops() async {
    await #expect(processExitsWith: .failure) {
      let statistics = GroupNormalization.forward(Tensor<Float>.zeros([2, 6]), groups: 3).saved
      let x = Tensor<Float>.zeros([3, 6])
      _ = GroupNormalization.backward(x, input: x, saved: statistics)
    }
  }
}
