import NormaData
import NormaTensor
import Testing

@Suite struct DatasetTests {
  let dataset = Dataset<Float>(
    features: Tensor((0..<20).map(Float.init), shape: [10, 2]),
    targets: .classes([0, 1, 2, 0, 1, 2, 0, 1, 2, 0], count: 3), name: "ten", classNames: ["a", "b", "c"],
    featureNames: ["x", "y"])

  /// The classes, or nothing in regression.
  private func classes(_ dataset: Dataset<Float>) -> [Int] {
    if case .classes(let classes, _) = dataset.targets { classes } else { [] }
  }

  @Test func aSubsetKeepsFeaturesAndTargetsTogether() {
    let subset = dataset.subset(rows: [7, 2, 2])
    #expect(subset.features == Tensor([14, 15, 4, 5, 4, 5], shape: [3, 2]))
    #expect(classes(subset) == [1, 2, 2])
    #expect(subset.classNames == ["a", "b", "c"])
    #expect(subset.featureNames == ["x", "y"])

    let regression = Dataset<Float>(
      features: dataset.features, targets: .values(Tensor((0..<10).map(Float.init), shape: [10, 1])), name: "r")
    guard case .values(let values) = regression.subset(rows: [7, 2]).targets else {
      Issue.record("regression became classification")
      return
    }
    #expect(values == Tensor([7, 2], shape: [2, 1]))
  }

  @Test func aSplitUsesEveryExampleOnceAndDependsOnTheSeedAlone() throws {
    var generator = RandomGenerator(seed: 3)
    let (training, validation) = try dataset.split(validationCount: 3, using: &generator)
    #expect(training.count == 7 && validation.count == 3)
    let features = training.features.elements + validation.features.elements
    #expect(features.sorted() == (0..<20).map(Float.init))

    var same = RandomGenerator(seed: 3)
    #expect(try dataset.split(validationCount: 3, using: &same).training.features == training.features)
    var other = RandomGenerator(seed: 4)
    #expect(try dataset.split(validationCount: 3, using: &other).training.features != training.features)
  }

  @Test func aFractionIsRoundedUpToWholeExamples() throws {
    var generator = RandomGenerator(seed: 1)
    #expect(try dataset.split(validationFraction: 0.21, using: &generator).validation.count == 3)
    #expect(try dataset.split(validationFraction: 0, using: &generator).validation.count == 0)
  }

  @Test func aSplitThatLeavesNothingToLearnFromIsAnError() {
    var generator = RandomGenerator(seed: 1)
    #expect(throws: DataError.validationCount(10, of: 10)) {
      try dataset.split(validationCount: 10, using: &generator)
    }
    #expect(throws: DataError.validationCount(-1, of: 10)) {
      try dataset.split(validationCount: -1, using: &generator)
    }
    #expect(throws: DataError.validationCount(10, of: 10)) {
      try dataset.split(validationFraction: 0.99, using: &generator)
    }
    for fraction in [1, -0.5, 7] {
      #expect(throws: DataError.validationFraction(fraction)) {
        try dataset.split(validationFraction: fraction, using: &generator)
      }
    }
    #expect(throws: DataError.self) { try dataset.split(validationFraction: .nan, using: &generator) }
  }

  @Test func anotherElementTypeKeepsEverythingElse() {
    let double: Dataset<Double> = dataset.converted()
    #expect(double.features.elements == dataset.features.elements.map(Double.init))
    #expect(double.name == "ten" && double.classNames == ["a", "b", "c"])
  }
}

@Suite struct DigitsTests {
  // The sums and counts are those that numpy computes from the CSV file, by sum() and bincount().
  @Test func theDigitsAreTheKnownOnes() {
    let digits = Dataset.digits()
    #expect(digits.features.shape == [1797, 64])
    #expect(digits.features.sum() == 561_718)
    #expect(digits.features[rows: 0..<1].sum() == 294)
    #expect(digits.features.minimum() == 0 && digits.features.maximum() == 16)
    #expect(digits.classNames == (0...9).map(String.init))
    #expect(digits.featureNames == nil)
    #expect(digits.attribution?.contains("Alpaydin") == true)
    guard case .classes(let classes, 10) = digits.targets else {
      Issue.record("ten classes expected")
      return
    }
    let counts = (0..<10).map { digit in classes.count { $0 == digit } }
    #expect(counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    #expect(classes.prefix(10) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  }
}

@Suite struct DataSourceTests {
  @Test func everyKindIsUnderstoodAndWrittenTheSameWay() throws {
    #expect(try DataSource("digits") == .digits)
    #expect(try DataSource("mnist:/data/a:b") == DataSource(MNISTReader(path: "/data/a:b")))
    #expect(try DataSource("mnist:a") != DataSource("fashion-mnist:a"))
    for text in ["digits", "mnist:m", "fashion-mnist:f", "cifar10:c", "csv:t.csv", "npz:n"] {
      #expect(try DataSource(text).description == text)
    }
  }

  @Test func aTildeStandsForTheHomeFolder() throws {
    let source = try DataSource("csv:~/table.csv")
    #expect(source.description.hasPrefix("csv:/") && source.description.hasSuffix("/table.csv"))
  }

  @Test(arguments: ["", "table.csv", "digits:x", "MNIST:x", "imagenet:x", ":x"])
  func anUnknownKindIsAnsweredWithTheKnownOnes(text: String) {
    let error = #expect(throws: DataError.unknownSource(text)) { try DataSource(text) }
    for form in ["digits", "mnist:FOLDER", "cifar10:ARCHIVE-OR-FOLDER", "csv:FILE", "npz:FILE"] {
      #expect(error?.description.contains(form) == true)
    }
  }

  @Test(arguments: ["mnist", "mnist:", "csv:"])
  func aMissingPathIsAskedFor(text: String) {
    let error = #expect(throws: DataError.self) { try DataSource(text) }
    #expect(error?.description.hasSuffix(":PATH.") == true)
  }

  /// Numbers that its path gives.
  private struct CountingReader: DataReader {
    static let name = "tests.counting"
    static let place: String? = "COUNT"
    static let contents = "whole numbers from 0 on"
    let path: String
    func read(options: CSVOptions, images: ImageFolderOptions) throws -> RawData {
      guard let count = Int(path), count > 0 else { throw DataError.missingPath(kind: Self.name) }
      return RawData(
        training: RawDataset(
          Dataset(
            features: Tensor((0..<count).map { Float($0) }, shape: [count, 1]),
            targets: .classes([Int](repeating: 0, count: count), count: 1),
            name: "numbers")))
    }
  }

  @Test func aReaderThatAProgramRegistersIsAskedForByItsName() throws {
    try DataReaderRegistry.shared.register(CountingReader.self)
    let source = try DataSource("tests.counting:7")
    #expect(source == DataSource(CountingReader(path: "7")) && source.description == "tests.counting:7")
    #expect(try source.read().training.count == 7)
    #expect(DataSource.forms.contains { $0 == ("tests.counting:COUNT", "whole numbers from 0 on") })
    #expect(throws: DataError.missingPath(kind: "tests.counting")) { try DataSource("tests.counting") }
  }

  @Test func theDigitsHaveNoTestSetOfTheirOwn() throws {
    let data = try DataSource.digits.read()
    #expect(data.training.count == 1797 && data.test == nil)
  }
}
