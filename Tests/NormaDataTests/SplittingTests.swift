import NormaData
import NormaTensor
import Testing

/// Which examples are set aside.
@Suite struct SplittingTests {
  private func examples(_ classes: [Int]) -> RawDataset {
    RawDataset(
      features: .doubles(Tensor(classes.indices.map(Double.init), shape: [classes.count, 1])),
      targets: .classes(classes, count: (classes.max() ?? 0) + 1), name: "e")
  }

  private func counts(_ rows: [Int], _ classes: [Int]) -> [Int] {
    (0...(classes.max() ?? 0)).map { label in rows.count { row in classes[row] == label } }
  }

  @Test func eachClassIsSetAsideInItsProportion() throws {
    for (counts, wanted, expected) in [
      ([50, 50, 50], 30, [10, 10, 10]), ([97, 3], 20, [19, 1]), ([90, 10], 20, [18, 2]), ([4, 4], 2, [1, 1]),
      ([5, 3], 2, [1, 1]), ([10, 1, 1], 3, [3, 0, 0]), ([2, 2, 2], 3, [1, 1, 1]), ([7, 0, 3], 4, [3, 0, 1]),
    ] as [([Int], Int, [Int])] {
      let classes = counts.enumerated().flatMap { [Int](repeating: $0, count: $1) }
      for seed in 0..<5 {
        var random = RandomGenerator(seed: UInt64(seed))
        let rows = try examples(classes).split(.stratified, validationCount: wanted, using: &random)
        #expect(self.counts(rows.validation, classes) == expected)
        #expect((rows.training + rows.validation).sorted() == Array(classes.indices))
      }
    }
  }

  @Test func everyClassStaysInTraining() throws {
    var random = RandomGenerator(seed: 1)
    let classes = (0..<200).map { _ in Int.random(in: 0..<40, using: &random) }
    for wanted in stride(from: 0, through: 160, by: 20) {
      let rows = try examples(classes).split(.stratified, validationCount: wanted, using: &random)
      #expect(rows.validation.count == wanted)
      #expect(Set(rows.training.map { classes[$0] }) == Set(classes))
    }
  }

  @Test func aSplitThatLosesAClassIsAnError() {
    var random = RandomGenerator(seed: 1)
    let error = #expect(throws: DataError.validationLosesClass(3, of: 5, classCount: 3)) {
      try examples([0, 1, 2, 0, 0]).split(.stratified, validationCount: 3, using: &random)
    }
    #expect(error?.description.contains("training needs one of each of the 3 classes") == true)
  }

  @Test func aSplitDependsOnTheSeedAlone() throws {
    let examples = examples((0..<60).map { $0 % 4 })
    func rows(_ seed: UInt64, _ kind: SplitKind) throws -> [Int] {
      var random = RandomGenerator(seed: seed)
      return try examples.split(kind, validationCount: 20, using: &random).validation
    }
    for kind in SplitKind.allCases {
      #expect(try rows(3, kind) == rows(3, kind))
      #expect(try rows(3, kind) != rows(4, kind))
    }
  }

  @Test func theWayOfEarlierVersionsIsStillThere() throws {
    // Without classes the first of a permutation are set aside.
    var random = RandomGenerator(seed: 7)
    var same = random
    let rows = try examples((0..<30).map { $0 % 3 }).split(.random, validationCount: 8, using: &random)
    let order = same.permutation(30)
    #expect(rows.validation == Array(order.prefix(8)) && rows.training == Array(order.dropFirst(8)))
  }

  @Test func foldsSetEachExampleAsideOnce() throws {
    let classes = (0..<53).map { $0 % 10 == 0 ? 1 : 0 }
    let source = RawData(training: examples(classes))
    let folds = try DataSplits.Folds(source, count: 5, standardizing: .perFeature, random: RandomGenerator(seed: 2))
    #expect(folds.count == 5)
    let parts = (0..<5).map { folds.validationRows($0) }
    #expect(parts.joined().sorted() == Array(0..<53))
    for (fold, part) in parts.enumerated() {
      #expect((10...11).contains(part.count) && (1...2).contains(counts(part, classes)[1]))
      let prepared = try folds.splits(fold)
      #expect(prepared.validation.count == part.count && prepared.training.count == 53 - part.count)
      // Fitted on the others alone.
      let others = (0..<53).filter { !part.contains($0) }
      let mean = Double(others.reduce(0, +)) / Double(others.count)
      #expect(abs(try #require(prepared.standardization).mean.elements[0] - mean) < 1e-12 * 53)
    }
    for count in [1, 54] {
      #expect(throws: DataError.foldCount(count, of: 53)) {
        try DataSplits.Folds(source, count: count, standardizing: nil, random: RandomGenerator(seed: 2))
      }
    }
  }
}
