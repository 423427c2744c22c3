import Foundation
import NormaData
import NormaFiles
import NormaTensor
import TestSupport
import Testing

@Suite struct CSVTests {
  private func read(_ text: String, _ options: CSVOptions = CSVOptions()) throws -> Dataset<Float> {
    try CSV.dataset(bytes: Array(text.utf8), file: "folder/table.csv", options: options)
  }

  private func classes(_ dataset: Dataset<Float>) -> [Int]? {
    if case .classes(let classes, _) = dataset.targets { classes } else { nil }
  }

  private func values(_ dataset: Dataset<Float>) -> Tensor<Float>? {
    if case .values(let values) = dataset.targets { values } else { nil }
  }

  @Test func aHeaderIsToldFromData() throws {
    let named = try read("width,height,kind\n1,2.5,cat\n-3e2,.5,dog\n")
    #expect(named.features == Tensor([1, 2.5, -300, 0.5], shape: [2, 2]))
    #expect(named.featureNames == ["width", "height"])
    #expect(named.classNames == ["cat", "dog"] && classes(named) == [0, 1])
    #expect(named.name == "table.csv")
    let bare = try read("1,2.5,cat\n-3e2,.5,dog\n")
    #expect(bare.features == named.features && bare.featureNames == nil)
  }

  @Test func aHeaderOfNumbersCanBeSaidToBeOneOrNone() throws {
    let text = "5,6,7\n1,2,a\n3,4,b\n"
    #expect(try read(text, CSVOptions(hasHeader: true)).featureNames == ["5", "6"])
    #expect(try read(text).count == 3)
    #expect(try read("0,1,2\n1,2,a\n3,4,b\n", CSVOptions(hasHeader: false)).count == 3)
    #expect(throws: FormatError.self) { try read("a,b,c\n1,2,x\n", CSVOptions(hasHeader: false)) }
  }

  @Test(arguments: [
    (CSVOptions.Column("kind"), true), (CSVOptions.Column("2"), true), (CSVOptions.Column("-2"), true),
    (CSVOptions.Column("2"), false), (CSVOptions.Column("-2"), false),
  ])
  func theLabelColumnIsFoundByNameOrNumber(column: CSVOptions.Column, hasHeader: Bool) throws {
    let rows = "1,x,2\n3,y,4\n"
    let dataset = try read((hasHeader ? "a,kind,b\n" : "") + rows, CSVOptions(labelColumns: [column]))
    #expect(dataset.features == Tensor([1, 2, 3, 4], shape: [2, 2]))
    #expect(dataset.classNames == ["x", "y"])
    #expect(dataset.featureNames == (hasHeader ? ["a", "b"] : nil))
  }

  @Test func classesAreNumberedInTheirOrder() throws {
    let numbers = try read("1,10\n1,9\n1,-2\n1,10\n", CSVOptions(task: .classification))
    #expect(numbers.classNames == ["-2", "9", "10"] && classes(numbers) == [2, 1, 0, 2])
    let words = try read("1,b\n1,10\n1,9\n", CSVOptions(task: .classification))
    #expect(words.classNames == ["10", "9", "b"])
  }

  @Test func knownClassesKeepTheirNumbers() throws {
    let options = CSVOptions(classNames: ["dog", "cat", "bird"])
    let dataset = try read("1,cat\n2,cat\n", options)
    #expect(classes(dataset) == [1, 1] && dataset.classNames == ["dog", "cat", "bird"])
    let error = #expect(throws: FormatError.self) { try read("1,cat\n2,cow\n", options) }
    #expect(
      error?.description
        == "'folder/table.csv', row 2, column 2: the class 'cow' is not known. The classes are 'dog', 'cat', 'bird'.")
  }

  @Test func regressionTakesOneOrMoreTargetColumns() throws {
    let one = try read("1,2,0.5\n3,4,1.5\n", CSVOptions(task: .regression))
    #expect(values(one) == Tensor([0.5, 1.5], shape: [2, 1]) && one.classNames == nil)
    let two = try read("t,x,u\n1,2,3\n4,5,6\n", CSVOptions(labelColumns: [.name("u"), .name("t")], task: .regression))
    #expect(two.features == Tensor([2, 5], shape: [2, 1]))
    #expect(values(two) == Tensor([3, 1, 6, 4], shape: [2, 2]))
    #expect(throws: DataError.labelColumnCount(0, task: .regression)) {
      try read("1,2\n", CSVOptions(labelColumns: [], task: .regression))
    }
    #expect(throws: DataError.labelColumnCount(2, task: .classification)) {
      try read("1,2,3\n", CSVOptions(labelColumns: [.number(1), .number(2)], task: .classification))
    }
  }

  @Test func everyWayOfEndingLinesIsTheSame() throws {
    let expected = try read("x,y\n1,a\n2,b\n")
    for text in [
      "x,y\r\n1,a\r\n2,b\r\n", "x,y\r1,a\r2,b", "\u{FEFF}x,y\n1,a\n2,b", "x,y\n\n1,a\n\r\n2,b\n\n\n",
      " x ,y\n1\t, a\n 2,b \n",
    ] {
      let dataset = try read(text)
      #expect(dataset.features == expected.features && dataset.classNames == expected.classNames)
      #expect(dataset.featureNames == ["x"])
    }
  }

  @Test func quotedCellsMayHoldAnything() throws {
    let dataset = try read("\"a, \"\"b\"\"\",\"two\nlines\"\r\n\"1.5\",\" c,d\"\r\n2 , \"e\" \r\n")
    #expect(dataset.featureNames == ["a, \"b\""])
    #expect(dataset.features == Tensor([1.5, 2], shape: [2, 1]))
    #expect(dataset.classNames == [" c,d", "e"])
  }

  @Test func aCompressedFileIsReadTheSame() throws {
    let dataset = try CSV.dataset(contentsOf: fixturesDirectory.appending(path: "files/table.csv.gz").path)
    #expect(dataset.features == Tensor([1, 2.5, -3, 4], shape: [2, 2]) && dataset.classNames == ["cat", "dog"])
    #expect(dataset.name == "table.csv.gz")
  }

  @Test func shortAndLongSpellingsOfANumberAgree() throws {
    var generator = RandomGenerator(seed: 2)
    let texts = (0..<5000).map { index in
      let digits = String(Int.random(in: 0...999_999, using: &generator))
      let point = Int.random(in: 0...digits.count, using: &generator)
      return index % 5 == 0 ? digits : digits.prefix(point) + "." + digits.dropFirst(point)
    }
    let dataset = try read(texts.map { "\($0),\($0)e0\n" }.joined(), CSVOptions(task: .regression))
    #expect(dataset.features.elements == texts.map { Float("0" + $0)! })
    #expect(values(dataset)?.elements == dataset.features.elements)
    for notANumber in [".", "1.2.3", "..", "+"] {
      #expect(throws: FormatError.self) { try read("1,a\n\(notANumber),b\n") }
    }
  }

  @Test func numbersKeepTheDigitsOfADouble() throws {
    let texts = [
      "0.1", "16777217", "1700000000.25", "5e-324", "1.7976931348623157e308", "-123456789012345", "9007199254740993",
    ]
    let data = try CSV.data(bytes: Array(("1,a\n" + texts.map { "\($0),b\n" }.joined()).utf8), file: "t.csv")
    guard case .table(let table) = data.training.features, case .numbers(let numbers) = table.columns[0].cells else {
      Issue.record("no numbers")
      return
    }
    #expect(
      numbers == [
        1, 0.1, 16_777_217, 1_700_000_000.25, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -123_456_789_012_345,
        9_007_199_254_740_992,
      ])
  }
}
