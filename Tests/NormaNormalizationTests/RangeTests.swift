import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// Every form on floats of any size, up to the largest, against the same in double precision, whose range none of it leaves.
@Suite struct RangeTests {
  /// What values are multiples of. Squares leave the range of floats from 2e19 on, sums of eight values from 4e37 on, and distances
  /// from 1.7e38 on; squares of less than 1e-19 are below the smallest float.
  static let magnitudes: [Float] = [
    1.2e-38, 1e-30, 1e-21, 1e-13, 1e-6, 1, 1e6, 1e12, 1e13, 1e18, 3e19, 1e25, 1e30, 1e36, 5e37, 2e38,
    .greatestFiniteMagnitude,
  ]

  /// A form of normalization, of a shape that takes one of the ways through the kernels.
  enum Form: Sendable, CaseIterable {
    case folded, tail, rows, columns, planes, fewPlanes, groups, groupPlanes, instances, layers, longLayers

    var shape: Shape {
      switch self {
      case .folded: [64, 4]
      case .tail: [5, 3]
      case .rows: [600, 300]
      case .columns: [9, 257]
      case .planes: [3, 5, 70]
      case .fewPlanes: [8, 1, 1, 1]
      case .groups, .instances: [3, 21, 12]
      case .groupPlanes: [3, 6, 37]
      case .layers: [70, 24]
      case .longLayers: [3, 300]
      }
    }

    var layout: ChannelLayout {
      switch self {
      case .planes, .fewPlanes, .groupPlanes: .channelsFirst
      default: .channelsLast
      }
    }

    var channels: Int { layout == .channelsLast ? shape.channelCount : shape[1] }
  }

  private struct Inputs<Element: TensorElement> {
    var x, gradient, gamma, beta: Tensor<Element>

    func converted() -> Inputs<Double> {
      Inputs<Double>(
        x: x.converted(), gradient: gradient.converted(), gamma: gamma.converted(), beta: beta.converted())
    }
  }

  private func inputs(_ form: Form, _ magnitude: Float, seed: UInt64 = 17) -> Inputs<Float> {
    var random = RandomGenerator(seed: seed)
    var x = Tensor<Float>.uniform(form.shape, in: -1..<1, using: &random)
    // The magnitude itself, with both signs.
    x.withUnsafeMutableElements {
      for index in stride(from: 0, to: $0.count, by: 7) { $0[index] = index % 2 == 0 ? 1 : -1 }
    }
    return Inputs(
      x: x.applying(.scale(magnitude)), gradient: .normal(form.shape, using: &random),
      gamma: .uniform([form.channels], in: 0.5..<1.5, using: &random), beta: .normal([form.channels], using: &random))
  }

  private func run<Element: TensorElement>(
    _ form: Form, _ inputs: Inputs<Element>, epsilon: Double, rectifies: Bool = false
  ) throws -> (results: [Tensor<Element>], steepest: Double) {
    let (x, g, gamma, beta) = (inputs.x, inputs.gradient, inputs.gamma, inputs.beta)
    let y: Tensor<Element>
    let gradients: NormalizationGradients<Element>
    let reciprocal: Tensor<Double>
    switch form {
    case .layers, .longLayers:
      let (output, saved) = LayerNormalization.forward(x, gamma: gamma, beta: beta, epsilon: epsilon)
      y = output
      gradients = LayerNormalization.backward(g, input: x, saved: saved)
      reciprocal = saved.reciprocalDeviation
    case .groups, .groupPlanes, .instances:
      let (output, saved) = GroupNormalization.forward(
        x, groups: form == .instances ? form.channels : 3, gamma: gamma, beta: beta, epsilon: epsilon,
        layout: form.layout, rectifies: rectifies)
      y = output
      gradients = GroupNormalization.backward(g, input: x, saved: saved)
      reciprocal = saved.reciprocalDeviation
    default:
      let (output, saved) = try BatchNormalization.forward(
        x, gamma: gamma, beta: beta, epsilon: epsilon, layout: form.layout, rectifies: rectifies)
      y = output
      gradients = BatchNormalization.backward(g, input: x, saved: saved)
      #expect(haveSameBits(BatchNormalization.output(for: x, saved: saved), y))
      reciprocal = saved.reciprocalDeviation
    }
    return ([y, gradients.input, gradients.gamma, gradients.beta], reciprocal.maximum() ?? 1)
  }

  @Test(arguments: Form.allCases) func everySizeGivesWhatDoublePrecisionGives(form: Form) throws {
    // Without epsilon nothing but the values decides; Double's own squares of the smallest floats are still numbers.
    for epsilon in [1e-5, 0] {
      for magnitude in Self.magnitudes {
        let inputs = inputs(form, magnitude)
        let found = try run(form, inputs, epsilon: epsilon).results
        let (expected, steepest) = try run(form, inputs.converted(), epsilon: epsilon)
        for (index, name) in ["y", "dx", "dgamma", "dbeta"].enumerated() {
          // The terms of dx may cancel; what they cancel from is the scale then.
          let floor = index == 1 ? 4 * steepest : 1
          guard floor < 1e38 else { continue }
          let error = errorRelativeToScale(found[index].converted(), reference: expected[index], floor: floor)
          // Below the smallest normal float, numbers are 2⁻¹⁴⁹ apart.
          #expect(error <= 1e-6 + 0x1p-149 / floor, "\(name) of \(form), \(magnitude), epsilon \(epsilon)")
        }
      }
    }
  }

  @Test(arguments: Form.allCases) func everySizeHasTheSameBitsOnEveryInstructionSetAndThreadCount(form: Form) throws {
    for magnitude in Self.magnitudes {
      for rectifies in [false, true] {
        let inputs = inputs(form, magnitude)
        var first: [Tensor<Float>]?
        for (name, results) in try resultsByKernels({
          try resultsByThreadCount { try run(form, inputs, epsilon: 1e-5, rectifies: rectifies).results }
        }) {
          for results in results {
            for (values, expected) in zip(results, first ?? results) {
              #expect(haveSameBits(values, expected), "\(form), \(magnitude), \(name)")
            }
            first = first ?? results
          }
        }
      }
    }
  }

  @Test(arguments: Form.allCases, [-3.4e38, -5e37, 4e37, 1e38, 3.4028235e38] as [Float])
  func hugeConstantsGiveBeta(form: Form, value: Float) throws {
    var inputs = inputs(form, 1)
    inputs.x = Tensor(repeating: value, shape: form.shape)
    let results = try run(form, inputs, epsilon: 1e-5).results
    let rows = form.layout == .channelsLast ? results[0] : results[0].transposed([0] + Array(2..<form.shape.rank) + [1])
    #expect(rows.elements.enumerated().allSatisfy { $0.element == inputs.beta[$0.offset % form.channels] })
    for result in results { #expect(result.isFinite) }
  }

  @Test(arguments: Form.allCases) func aHugeChannelLeavesTheOthersTheirBits(form: Form) throws {
    // Rows and samples are their own channels there.
    let isByRow = [.layers, .longLayers, .groups, .groupPlanes, .instances].contains(form)
    let inputs = inputs(form, 1)
    var others = inputs
    func isHuge(_ index: Int) -> Bool {
      isByRow
        ? index < form.shape.elementCount / form.shape[0]
        : form.layout == .channelsLast
          ? index % form.channels == 1 : index / (form.shape.dropFirst(2).reduce(1, *)) % form.channels == 1
    }
    others.x.withUnsafeMutableElements { x in for index in x.indices where isHuge(index) { x[index] *= 3e38 } }
    let (found, expected) = (
      try run(form, others, epsilon: 1e-5).results, try run(form, inputs, epsilon: 1e-5).results
    )
    for part in 0..<2 {
      let (found, expected) = (found[part].elements, expected[part].elements)
      #expect(found.indices.allSatisfy { isHuge($0) || found[$0].bitPattern == expected[$0].bitPattern }, "\(form)")
    }
  }

  @Test func hugeGradientsGiveWhatDoublePrecisionGives() throws {
    for form in Form.allCases where form != .layers && form != .longLayers {
      var inputs = inputs(form, 100)
      inputs.gradient = inputs.gradient.applying(.scale(3e36))
      let (found, expected) = (
        try run(form, inputs, epsilon: 1e-5).results, try run(form, inputs.converted(), epsilon: 1e-5).results
      )
      for index in 1..<4 {
        let reference = expected[index].applying(.scale(1e-36))
        let values = found[index].converted(to: Double.self).applying(.scale(1e-36))
        // The largest sums are no floats.
        guard (reference.maximum() ?? 0) < 300, (reference.minimum() ?? 0) > -300 else { continue }
        #expect(errorRelativeToScale(values, reference: reference, floor: 1) <= 1e-6, "\(form), \(index)")
      }
    }
  }

  @Test(arguments: [-3e38, -1, 0, 3e38] as [Float]) func inferenceTakesAnyMeanVarianceAndValue(mean: Float) {
    let x = Tensor<Float>([-3.4e38, -1, 0, 1, 3e38, 1e-38], shape: [6, 1])
    for variance: Float in [1e-38, 1, 1e20, 3e38] {
      func run<Element: TensorElement>(_ type: Element.Type) -> Tensor<Element> {
        BatchNormalization.inference(
          x.converted(), mean: [Element(mean)].tensor, variance: [Element(variance)].tensor, epsilon: 0)
      }
      // What is beyond the largest float is infinite.
      let expected: Tensor<Float> = run(Double.self).converted()
      for (found, expected) in zip(run(Float.self).elements, expected.elements) {
        #expect(abs(found - expected) <= 3 * expected.ulp || found == expected, "\(variance)")
      }
    }
  }
}

extension Array where Element: TensorElement {
  fileprivate var tensor: Tensor<Element> { Tensor(self) }
}
