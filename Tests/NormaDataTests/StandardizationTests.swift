import NormaData
import NormaTensor
import Testing

@Suite struct StandardizationTests {
  /// Means and standard deviations in two passes, straight from the definition.
  private func expected(_ columns: [[Double]]) -> (mean: [Double], scale: [Double]) {
    let means = columns.map { $0.reduce(0, +) / Double($0.count) }
    let scales = zip(columns, means).map { column, mean in
      (column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(column.count)).squareRoot()
    }
    return (means, scales)
  }

  private func isClose(_ x: [Double], _ y: [Double]) -> Bool {
    x.count == y.count && zip(x, y).allSatisfy { abs($0 - $1) <= 1e-12 * max(1, abs($1)) }
  }

  @Test(arguments: Standardization<Double>.Mode.allCases)
  func theNumbersAreThoseOfTheDefinition(mode: Standardization<Double>.Mode) throws {
    var generator = RandomGenerator(seed: 5)
    let images = Tensor<Double>.normal([7, 3, 2, 4], mean: 100, standardDeviation: 3, using: &generator)
    let elements = images.elements
    let (groups, shape): (Int, Shape) =
      switch mode {
      case .perFeature: (24, [3, 2, 4])
      case .perChannel: (4, [4])
      case .overall: (1, [])
      }
    let columns = (0..<groups).map { group in stride(from: group, to: 168, by: groups).map { elements[$0] } }
    let (mean, scale) = expected(columns)
    let standardization = try Standardization(fittedOn: images, mode: mode)
    #expect(standardization.mean.shape == shape && standardization.scale.shape == shape)
    #expect(isClose(standardization.mean.elements, mean))
    #expect(isClose(standardization.scale.elements, scale))

    let applied = try standardization.applied(to: images)
    #expect(applied.shape == images.shape)
    let byHand = elements.enumerated().map { index, x in (x - mean[index % groups]) / scale[index % groups] }
    #expect(isClose(applied.elements, byHand))
  }

  @Test func aConstantFeatureIsOnlyShifted() throws {
    // Added up, 0.1 gives a mean that is not 0.1; the deviation must still be exactly none.
    let features = Tensor<Double>((0..<30).map { $0 % 2 == 0 ? 0.1 : Double($0) }, shape: [15, 2])
    let standardization = try Standardization(fittedOn: features, mode: .perFeature)
    #expect(standardization.scale.elements[0] == 1)
    #expect(try standardization.applied(to: features).elements.enumerated().allSatisfy { $0 % 2 == 1 || $1 == 0 })
  }

  @Test func aLargeMeanCostsNoDigits() throws {
    let features = Tensor<Float>((0..<1000).map { 16_000_000 + Float($0 % 2) }, shape: [1000, 1])
    let standardization = try Standardization(fittedOn: features, mode: .overall)
    #expect(standardization.scale.item == 0.5)
  }

  @Test func otherExamplesAreMeasuredByTheTrainingOnes() throws {
    let standardization = try Standardization(fittedOn: Tensor<Float>([0, 2, 4, 6], shape: [2, 2]), mode: .perFeature)
    #expect(standardization.mean == Tensor([2, 4]) && standardization.scale == Tensor([2, 2]))
    #expect(try standardization.applied(to: Tensor([6, 4], shape: [1, 2])) == Tensor([2, 0], shape: [1, 2]))
    let restored = Standardization(mode: .perFeature, mean: standardization.mean, scale: standardization.scale)
    #expect(restored == standardization)
    #expect(try restored.applied(to: .zeros([0, 2])).shape == [0, 2])
  }

  @Test func featuresThatDoNotFitAreRefused() throws {
    let perFeature = try Standardization(fittedOn: Tensor<Float>.ones([3, 4, 4, 2]), mode: .perFeature)
    for shape in [[3, 4, 2, 4], [3, 32], [4, 4, 2], [], [32]] as [Shape] {
      let error = #expect(throws: DataError.self) { try perFeature.applied(to: .ones(shape)) }
      #expect(
        error?.description
          == "Features of shape \(shape) do not fit a standardization made for examples of shape [4, 4, 2].")
    }
    let perChannel = try Standardization(fittedOn: Tensor<Float>.ones([3, 4, 4, 2]), mode: .perChannel)
    #expect(try perChannel.applied(to: .ones([5, 7, 2])).shape == [5, 7, 2])
    #expect(throws: DataError.self) { try perChannel.applied(to: .ones([5, 3])) }
  }

  @Test func numbersThatMakeNoStandardizationAreRefused() {
    let two = Tensor<Float>([1, 2])
    for (mode, mean, scale) in [
      (.perFeature, two, Tensor([1, 0])), (.perFeature, two, Tensor([1, -1])), (.perFeature, two, Tensor([.nan, 1])),
      (.perFeature, Tensor([.nan, 1]), two), (.perFeature, two, Tensor([.infinity, 1])), (.overall, two, two),
      (.perFeature, .scalar(1), .scalar(1)), (.perChannel, .ones([2, 2]), .ones([2, 2])),
    ] as [(Standardization<Float>.Mode, Tensor<Float>, Tensor<Float>)] {
      #expect(throws: DataError.invalidStandardization(mode.rawValue, shape: mean.shape)) {
        try Standardization(mode: mode, mean: mean, scale: scale).validate()
      }
    }
    #expect(throws: DataError.invalidStandardization("feature", shape: [1])) {
      try Standardization(fittedOn: Tensor<Float>([1, .nan], shape: [2, 1]), mode: .perFeature)
    }
  }

  @Test func noExamplesCannotBeFitted() {
    for mode in Standardization<Float>.Mode.allCases {
      for shape in [[0, 4], [4, 0], [0, 2, 2, 3]] as [Shape] {
        #expect(throws: DataError.nothingToStandardize) {
          try Standardization(fittedOn: Tensor<Float>.zeros(shape), mode: mode)
        }
      }
    }
  }
}
