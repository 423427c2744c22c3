import NormaData
import NormaFiles
import NormaTensor
import TestSupport
import Testing

/// Tables that people reported to pandas, scikit-learn and Keras because they were read or prepared as something else than what
/// they are. Each is named by project and number in that project's public tracker and told in own words; what is right is
/// computed by hand.
@Suite struct ReportedTableTests {
  private func source(_ text: String, _ options: CSVOptions = CSVOptions()) throws -> RawData {
    try CSV.data(bytes: Array(text.utf8), file: "reported.csv", options: options)
  }

  private func read(_ text: String, _ options: CSVOptions = CSVOptions()) throws -> Dataset<Float> {
    try source(text, options).datasets().training
  }

  private func error(_ text: String, _ options: CSVOptions = CSVOptions()) -> String? {
    do {
      _ = try source(text, options)
      return nil
    } catch { return "\(error)" }
  }

  private func prepared(_ text: String, _ options: CSVOptions = CSVOptions(), setAside: Int = 0) throws -> DataSplits {
    try DataSplits(
      source(text, options), validationCount: setAside, standardizing: .perFeature, random: RandomGenerator(seed: 3))
  }

  private func table(_ text: String, _ options: CSVOptions = CSVOptions()) throws -> Table? {
    if case .table(let table) = try source(text, options).training.features { table } else { nil }
  }

  private func values(_ dataset: Dataset<Float>) -> Tensor<Float>? {
    if case .values(let values) = dataset.targets { values } else { nil }
  }

  private func classes(_ targets: Dataset<some TensorElement>.Targets) -> [Int]? {
    if case .classes(let classes, _) = targets { classes } else { nil }
  }

  private let numbers = CSVOptions(task: .regression)

  // MARK: Marks, separators and names

  // pandas#13497, pandas#4793: a byte order mark before a name in quotation marks left mark and quotation marks in the name.
  @Test func aByteOrderMarkIsNoPartOfAQuotedName() throws {
    let dataset = try read("\u{FEFF}\"Country Name\",\"x\",\"label\"\n1,2,a\n3,4,b\n")
    #expect(dataset.featureNames == ["Country Name", "x"] && dataset.classNames == ["a", "b"])
  }

  // pandas#12933: semicolons between cells and commas within numbers were not understood by one of two readers.
  @Test func semicolonsAndDecimalCommasAreFoundOut() throws {
    let dataset = try read("1,2;2,3\n3,4;4,5\n", numbers)
    #expect(dataset.features == Tensor([1.2, 3.4], shape: [2, 1]))
    #expect(values(dataset) == Tensor([2.3, 4.5], shape: [2, 1]))
  }

  // pandas#31920: decimal commas beside exponents stayed text.
  @Test func decimalCommasMayHaveExponents() throws {
    let dataset = try read("a\tb\n1,2\t3,5E-1\n1,2e2\t3,5\n", numbers)
    #expect(dataset.featureNames == ["a"] && dataset.features == Tensor([1.2, 120], shape: [2, 1]))
    #expect(values(dataset) == Tensor([0.35, 3.5], shape: [2, 1]))
  }

  // pandas#13839, pandas#17333, pandas#28458: in files of one column, letters were found to be what separates cells.
  @Test(arguments: [
    "name\n1\n2\n3\n4\n", "col1\nval1\nval2d\nval3\nval4\n",
    "email\ntest@gmail.com\ntest2@yahoo.com\ntest3@microsoft.com\n",
  ])
  func noLetterSeparatesCells(text: String) {
    #expect(error(text)?.contains("it has 1 column, which leaves none for the features") == true)
  }

  // pandas#14124, pandas#15203: a comma at the end of each row, but not of the header, moved all names by a column in silence.
  @Test func aSeparatorAtTheEndOfRowsMovesNoNames() throws {
    let dataset = try read("A,B,C\n1,4,7,\n2,5,8,\n3,6,9,\n", numbers)
    #expect(dataset.featureNames == ["A", "B"] && dataset.features == Tensor([1, 4, 2, 5, 3, 6], shape: [3, 2]))
    #expect(values(dataset) == Tensor([7, 8, 9], shape: [3, 1]))
  }

  // pandas#41304: weather data, all cells in quotation marks, many of them empty, names in Cyrillic, and a semicolon more in
  // the rows than in the header: the pressure stood under the name of the temperature.
  @Test func quotedSemicolonsCyrillicAndEmptyCellsGoTogether() throws {
    let dataset = try read(
      """
      "Местное время";"T";"Po";"E'"
      "04.05.2021 09:00";"9.8";"759.0";"";
      "04.05.2021 06:00";"7.1";"";"";
      "04.05.2021 03:00";"5.5";"757.0";"";

      """, CSVOptions(labelColumns: [.name("T")], task: .regression))
    #expect(values(dataset) == Tensor([9.8, 7.1, 5.5], shape: [3, 1]))
    let names = try #require(dataset.featureNames)
    #expect(names.suffix(2) == ["Po", "Po missing"] && names.count == 5)
    #expect((0..<3).map { dataset.features[$0, 3] } == [759, 758, 757])
    #expect((0..<3).map { dataset.features[$0, 4] } == [0, 1, 0])
  }

  // pandas#7160: of two columns of one name the second's values stood in both.
  @Test func aNameThatStandsTwiceIsRefused() {
    let said = error("a,b,a\n0,1,2\n3,4,5\n", numbers)
    #expect(said?.contains("the header names 'a' again, as column 1") == true)
  }

  // pandas#56380, pandas#11357: what pandas itself writes of a table without names: a column that counts the rows, without a
  // name, and columns that are called 0, 1, 2.
  @Test(arguments: ["target", "kind of thing"]) func countingColumnsAndRowsAreNoData(label: String) throws {
    let source = try source(",0,1,2,\(label)\n0,5,6.5,7,x\n1,8,9,1.5,y\n2,2,3,4,x\n3,1,1,2,y\n")
    let dataset = try source.datasets().training
    #expect(dataset.featureNames == ["0", "1", "2"] && dataset.classNames == ["x", "y"])
    #expect(dataset.features == Tensor([5, 6.5, 7, 8, 9, 1.5, 2, 3, 4, 1, 1, 2], shape: [4, 3]))
    #expect(source.notes.contains { $0.contains("counts the rows") })
  }

  // pandas#57792: a first row of numbers was taken for names, and was one row less of data.
  @Test func aFirstRowOfNumbersThatDoNotCountIsData() throws {
    let dataset = try read(
      """
      0,1.992422433360555e-06,0,0.01867750880504259,0,0.8
      3e-12,1.992418292306889e-06,3e-12,0.01867750887016915,3e-12,0.8
      9.000000000000001e-12,1.992416874989637e-06,9.000000000000001e-12,0.01867750900743637,9.000000000000001e-12,0.8
      """, numbers)
    #expect(dataset.count == 3 && dataset.featureNames == nil)
  }

  // pandas#10018: a carriage return within quotation marks ended the row.
  @Test func aCarriageReturnWithinQuotationMarksEndsNoRow() throws {
    let dataset = try read("a,b\n1,one\n2,\"two\rrow\"\n3,three\n")
    #expect(dataset.count == 3 && dataset.classNames == ["one", "three", "two\rrow"])
  }

  // pandas#9710: rows of a 0 after spaces were thrown away as blank.
  @Test func spacesBeforeAZeroAreNoBlankLine() throws {
    let dataset = try read("MyColumn,kind\n   0,a\n   1,b\n   0,a\n   1,b\n")
    #expect(dataset.features == Tensor([0, 1, 0, 1], shape: [4, 1]))
  }

  // pandas#14012, pandas#19886: a byte of 0 ended a row, or what followed it in a cell was dropped.
  @Test func aByteOfZeroIsRefused() {
    #expect(error("var1,var2,var3\n1,2,0\n2,\0,0\n3,4,0\n4,5,0\n")?.contains("a byte 0 is no text") == true)
  }

  // MARK: Numbers

  // pandas#17154, pandas#39514, pandas#12340: the same number read to two values, nine digits of a small one lost, and an
  // identifier of sixteen digits two less than it is.
  @Test(arguments: [
    ("-15.361", -15.361), ("-15.361000", -15.361), ("0.00000000000001953", 1.953e-14),
    ("6144039378640938.000000", 6_144_039_378_640_938), ("400917.6", 400_917.6), ("33.8967352", 33.8967352),
  ])
  func aNumberIsTheNearestInDoublePrecision(text: String, expected: Double) throws {
    let table = try #require(try table("\(text),1\n2,2\n", numbers))
    guard case .numbers(let numbers) = table.columns[0].cells else {
      Issue.record("the column is not one of numbers")
      return
    }
    #expect(numbers[0] == expected)
  }

  // pandas#12340: what differs in the sixteenth digit alone is told apart after standardization, though no `Float` could.
  @Test func identifiersOfSixteenDigitsStayApart() throws {
    let data = try prepared("6144039378640938.000000,1\n6144039378640936.000000,2\n", numbers)
    #expect(data.training.features.elements.sorted() == [-1, 1])
  }

  // pandas#22584: thousands set apart by commas: read with one option they stayed text, with another they were numbers.
  @Test func thousandsThatAreSetApartAreRefusedByPlace() {
    let said = error("area_code,indicator,kind\narea_1,\"1,000\",a\narea_2,\"2,000\",b\narea_3,\"54,908\",a\n")
    #expect(said?.contains("row 2, column 2 ('indicator'): '1,000' is not a number") == true)
  }

  // MARK: Gaps and truth

  // pandas#16078, pandas#5153, pandas#10700, pandas#30152: which spellings stand for a missing value.
  @Test(arguments: [
    "", "NA", "N/A", "n/a", "NULL", "null", "NaN", "nan", "-NaN", "-nan", "#N/A", "#NA", "#N/A N/A", "<NA>", "None",
    "1.#IND",
    "-1.#QNAN",
  ])
  func aMissingNumberBecomesTheMedianAndIsMarked(spelling: String) throws {
    let dataset = try read("x,kind\n1,a\n\(spelling),b\n3,a\n")
    #expect(dataset.featureNames == ["x", "x missing"])
    #expect(dataset.features == Tensor([1, 0, 2, 1, 3, 0], shape: [3, 2]))
  }

  // pandas#59968: a column that marks gaps was made where there are none, the same in all rows.
  @Test func whereNothingIsMissingNothingIsMarked() throws {
    #expect(try read("x,kind\n0,a\n1,b\n").featureNames == ["x"])
  }

  // pandas#10647, pandas#11839: NA is North America, and was missing. Missing is a kind of its own among words, so that those
  // rows are told from the others either way.
  @Test func aMissingWordIsAKindOfItsOwn() throws {
    let dataset = try read("zone,sold\nAPAC,0\nEUR,1\nNA,0\nAPAC,1\n")
    #expect(dataset.featureNames == ["zone=APAC", "zone=EUR", "zone missing"])
    #expect(dataset.features == Tensor([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0], shape: [4, 3]))
  }

  // pandas#16698: a gap in a column of yes and no, made a number, was a yes.
  @Test func aGapAmongTruthValuesIsNoYes() throws {
    let dataset = try read("c1,c2\nfalse,1\n,1\n", numbers)
    #expect(dataset.features == Tensor([0, 0, 0, 1], shape: [2, 2]))
  }

  // pandas#34859: a blank line, spaces before names and values, and a gap in a column of 1.0 and 0.0.
  @Test func spacesAreNoPartOfNamesAndValues() throws {
    let dataset = try read("\nboolean_column, string_column\n1.0, a\n0.0, b\n,c")
    #expect(dataset.featureNames == ["boolean_column", "boolean_column missing"])
    #expect(dataset.features == Tensor([1, 0, 0, 0, 0.5, 1], shape: [3, 2]) && dataset.classNames == ["a", "b", "c"])
  }

  // scikit-learn#14109: a column without any value has no median, and was dropped without a word.
  @Test func aColumnWithoutValuesIsLeftOutAndSaidToBe() throws {
    let source = try source("x,y,kind\n1,,a\n2,,b\n4,,a\n")
    #expect(try source.datasets().training.featureNames == ["x"])
    #expect(source.notes.contains { $0.contains("'y' holds nothing") })
  }

  // MARK: Other files than the one learned from

  // scikit-learn#7242: columns in another order were taken by their place, and all predictions were wrong in silence.
  @Test func columnsAreFoundByNameInWhateverOrder() throws {
    let data = try prepared("a,b,kind\n1,10,x\n2,20,y\n4,60,x\n", CSVOptions(labelColumns: [.name("kind")]))
    let encoding = try #require(data.preparation.encoding)
    func features(_ text: String) throws -> Tensor<Float> {
      var notes: [String] = []
      let table = try CSV.table(bytes: Array(text.utf8), file: "later.csv", encoding: encoding)
      return try data.preparation.features(of: .table(table), notes: &notes)
    }
    let expected = try features("a,b\n3,40\n5,0\n")
    #expect(try features("b,other,kind,a\n40,7,x,3\n0,8,y,5\n") == expected)
    let said = #expect(throws: FormatError.self) { try features("b,c\n40,1\n") }
    #expect(said?.description.contains("lacks the model's column 'a'") == true)
  }

  // pandas#15629, pandas#8918, scikit-learn#18072: a file with fewer words had fewer features, and one with a new word was
  // refused, or the new word was taken for the first.
  @Test func wordsThatAreMissingOrNewChangeNoFeatures() throws {
    let data = try prepared("size,cost\ns,1.5\nm,2.5\nl,3.5\n", numbers)
    let encoding = try #require(data.preparation.encoding)
    func features(_ text: String) throws -> ([Float], [String]) {
      var notes: [String] = []
      let table = try CSV.table(bytes: Array(text.utf8), file: "later.csv", encoding: encoding)
      return (try data.preparation.features(of: .table(table), notes: &notes).elements, notes)
    }
    #expect(encoding.featureNames == ["size=l", "size=m", "size=s"])
    let fewer = try features("size\ns\ns\nl\n")
    #expect(fewer.0 == [0, 0, 1, 0, 0, 1, 1, 0, 0] && fewer.1.isEmpty)
    let new = try features("size\nxl\nm\n")
    #expect(new.0 == [0, 0, 0, 0, 1, 0] && new.1.contains { $0.contains("'xl'") })
  }

  // MARK: Scaling

  // scikit-learn#17794, scikit-learn#3722: a constant whose mean is rounded was divided by that rounding, and became −1 or 1.
  @Test(arguments: [("14.62", 14.62, 1000), ("-11.512925464970229", -11.512925464970229, 22)])
  func aConstantIsStandardizedToZero(text: String, value: Double, count: Int) throws {
    let data = try prepared((0..<count).map { "\(text),\($0 % 2)\n" }.joined())
    #expect(data.standardization?.mean.elements == [value] && data.standardization?.scale.elements == [1])
    #expect(data.training.features.elements.allSatisfy { $0 == 0 })
  }

  // scikit-learn#13007, scikit-learn#12333: sums of many numbers in half or single precision ran over, or stood still.
  @Test func manyNumbersHaveTheMeanOfEach() throws {
    let fitted = try Standardization(fittedOn: Tensor<Float>(repeating: 10, shape: [70_000, 1]), mode: .perFeature)
    #expect(fitted.mean.elements == [10] && fitted.scale.elements == [1])
  }

  // scikit-learn#19726: numbers of the order of 1e-20 are small, not constant.
  @Test(arguments: [1, 1e-10, 1e-20, 1e-100]) func smallNumbersAreNotTakenForAConstant(unit: Double) throws {
    let data = try prepared((0..<4).map { "\(Double($0) * unit),\($0 % 2)\n" }.joined())
    // The deviation of 0, 1, 2, 3 is √1.25.
    let expected = (0..<4).map { (Double($0) - 1.5) / 1.25.squareRoot() }
    let bound = expected.map { 4 * Float.unitRoundoff * abs($0) }
    #expect(errorOverBound(Tensor(data.training.features.elements.sorted()), reference: expected, bound: bound) <= 1)
  }

  // keras#20011: a pixel that is 0 in all of the training, and 255 later, was divided by a ten-millionth.
  @Test func whatWasConstantInTrainingMayVaryLater() throws {
    let fitted = try Standardization(fittedOn: Tensor<Double>.zeros([5, 1]), mode: .perFeature)
    #expect(try fitted.applied(to: Tensor([255], shape: [1, 1])).item == 255)
  }

  // scikit-learn#6002, scikit-learn#6124: what was predicted of scaled targets stayed in their scale.
  @Test func targetsComeBackInTheirOwnUnits() throws {
    let text = "0,0,1,0.1,-0.2\n1,0,0,0.9,1.1\n2,2,2,6.2,5.9\n2,5,4,11.9,12.3\n"
    let data = try prepared(text, CSVOptions(labelColumns: [.number(4), .number(5)], task: .regression))
    let scaled = try #require(values(data.training))
    // Each has mean 0 and deviation 1.
    for column in 0..<2 {
      let numbers = (0..<4).map { Double(scaled[$0, column]) }
      #expect(abs(numbers.reduce(0, +)) < 1e-6 && abs(numbers.reduce(0) { $0 + $1 * $1 } - 4) < 1e-5)
    }
    let back = try data.preparation.originalUnits(scaled)
    let rows = (0..<4).map { [back[$0, 0], back[$0, 1]] }.sorted { $0[0] < $1[0] }.flatMap(\.self)
    let expected = [0.1, -0.2, 0.9, 1.1, 6.2, 5.9, 11.9, 12.3]
    // A `Float` of at most 2 times a deviation of at most 5, and a mean that is exact to a `Double`.
    #expect(zip(rows, expected).allSatisfy { abs($0 - $1) < 10 * Float.unitRoundoff })
  }

  // MARK: Labels and parts

  // scikit-learn#31752: counts, of which nearly each is another, were taken for as many classes.
  @Test func manyDifferentWholeNumbersAreNumbersAndThatIsSaid() throws {
    let source = try source((0..<200).map { "\($0 % 7),\($0 * 7 % 150)\n" }.joined())
    #expect(classes(source.training.targets) == nil)
    #expect(source.notes.contains { $0.contains("--classification") })
  }

  // scikit-learn#14104: prices such as 24.0 and 21.6 were numbered like classes.
  @Test func numbersThatAreNotWholeAreNoClasses() throws {
    let dataset = try read("1,24.0\n2,21.6\n3,34.7\n4,33.4\n5,36.2\n")
    #expect(values(dataset) == Tensor([24, 21.6, 34.7, 33.4, 36.2], shape: [5, 1]))
    #expect(error("1,24.0\n2,21.6\n3,34.7\n", CSVOptions(task: .classification))?.contains("not whole") == true)
  }

  // scikit-learn#18424: of classes with two and three members some were in one part alone. Each stays among those learned
  // from, and the parts keep the proportions.
  @Test func noClassIsLostToThoseThatAreSetAside() throws {
    let counts = [40, 20, 8, 3, 3, 2, 2, 2]
    let labels = counts.enumerated().flatMap { [String](repeating: "label \($0)", count: $1) }
    let data = try prepared(labels.enumerated().map { "\($0 % 9),\($1)\n" }.joined(), setAside: 24)
    #expect(data.training.count == 56 && data.validation.count == 24)
    let training = try #require(classes(data.training.targets))
    #expect(Set(training).count == counts.count)
    // Three tenths of forty and of twenty.
    #expect(training.count { $0 == 0 } == 28 && training.count { $0 == 1 } == 14)
  }

  // scikit-learn#6177: of six rows in three classes, divided into six parts, four parts were empty.
  @Test func noPartIsEmpty() throws {
    let source = try source("1,2,three\n3,4,three\n5,6,one\n7,8,one\n9,10,two\n11,12,two\n")
    let folds = try DataSplits.Folds(source, count: 6, standardizing: nil, random: RandomGenerator(seed: 1))
    #expect((0..<6).map { folds.validationRows($0).count } == [1, 1, 1, 1, 1, 1])
    #expect(Set((0..<6).flatMap { folds.validationRows($0) }) == Set(0..<6))
    #expect(throws: DataError.self) {
      try DataSplits.Folds(source, count: 7, standardizing: nil, random: RandomGenerator(seed: 1))
    }
  }
}
