import NormaData
import NormaFiles
import NormaTensor
import Testing

/// What is found out of a table before anything is learned from it.
@Suite struct TableReadingTests {
  /// A data set, and what the person is told of it.
  private func read(_ text: String, _ options: CSVOptions = CSVOptions()) throws -> (Dataset<Float>, [String]) {
    let data = try CSV.data(bytes: Array(text.utf8), file: "t.csv", options: options)
    let prepared = try DataSplits(
      data, validationCount: 0, standardizing: nil, standardizesTargets: false, random: RandomGenerator(seed: 0))
    // In the order of the file.
    return (try data.datasets().training, prepared.notes)
  }

  private func classes(_ dataset: Dataset<Float>) -> [Int]? {
    if case .classes(let classes, _) = dataset.targets { classes } else { nil }
  }

  private func values(_ dataset: Dataset<Float>) -> [Float]? {
    if case .values(let values) = dataset.targets { values.elements } else { nil }
  }

  // MARK: Dialects

  @Test(arguments: [
    "x,y,kind\n1.5,-2,a\n3,0.25,b\n", "x;y;kind\n1.5;-2;a\n3;0.25;b\n", "x\ty\tkind\n1.5\t-2\ta\n3\t0.25\tb\n",
    "x|y|kind\n1.5|-2|a\n3|0.25|b\n", "x;y;kind\n1,5;-2;a\n3;0,25;b\n", "x\ty\tkind\r\n1,5\t-2\ta\r\n3\t0,25\tb",
    "sep=;\r\nx;y;kind\r\n1,5;-2;a\r\n3;0,25;b\r\n",
    "\u{FEFF}\"x\";\"y\";\"kind\"\n\"1,5\";\"-2\";\"a\"\n\"3\";\"0,25\";\"b\"\n",
    "x,y,kind,\n1.5,-2,a,\n3,0.25,b,\n", "x,y,kind\n1.5,-2,a,\n3,0.25,b,\n", " x , y ,kind \n 1.5 , -2 , a\n3,0.25,b\n",
    "x;y;kind\n1,5;-2;\"a\"\n\n3;+0,25;b",
  ])
  func separatorsAndDecimalMarksAreFoundOut(text: String) throws {
    let (dataset, notes) = try read(text)
    #expect(dataset.features == Tensor([1.5, -2, 3, 0.25], shape: [2, 2]))
    #expect(dataset.featureNames == ["x", "y"] && dataset.classNames == ["a", "b"])
    #expect(notes == [])
  }

  @Test func withoutAHeaderNumbersTellTheSeparator() throws {
    // Commas divide each row into three, too.
    #expect(try read("1,5;2,5;a\n3,5;4,5;b\n").0.features == Tensor([1.5, 2.5, 3.5, 4.5], shape: [2, 2]))
    #expect(try read("1;2,a\n3;4,b\n", CSVOptions(hasHeader: false, separator: .comma)).0.classNames == ["a", "b"])
  }

  @Test func separatorsInQuotesAndTextDoNotCount() throws {
    let (dataset, _) = try read("name;x;kind\n\"a;b\";1;\"u,v\"\n\"c;;d\";2;w\n", CSVOptions())
    #expect(dataset.featureNames == ["name=a;b", "name=c;;d", "x"] && dataset.classNames == ["u,v", "w"])
  }

  @Test func whatIsSaidOfTheDialectHolds() throws {
    let options = CSVOptions(separator: .comma, decimalMark: .comma)
    #expect(try read("\"1,5\",a\n\"2\",b\n", options).0.features == Tensor([1.5, 2], shape: [2, 1]))
    #expect(throws: FormatError.self) { try read("x,kind\n1.5,a\n2.5,b\n", options) }
    #expect(throws: FormatError.self) { try read("x;kind\n1;a\n2;b\n", CSVOptions(separator: .tab)) }
  }

  @Test func textOfTwoBytesACharacterIsNamed() {
    let error = #expect(throws: FormatError.self) {
      try CSV.dataset(bytes: [0xFF, 0xFE, 0x31, 0, 0x2C, 0, 0x61, 0], file: "t.csv")
    }
    #expect(error?.problem == "it is UTF-16 text")
  }

  // MARK: Headers

  @Test(arguments: [
    "0,1,target\n5,1,0\n6,2,1\n7,1,0\n8,2,1\n", "0,1,2\n5,1,0\n6,2,1\n7,1,0\n8,2,1\n",
    "\"0\",\"1\",\"target\"\r\n5,1,0\r\n6,2,1\r\n7,1,0\r\n8,2,1\r\n", "1,2,target\n5,1,0\n6,2,1\n7,1,0\n8,2,1\n",
    "0;1;target\n5,0;1,0;0\n6,0;2,0;1\n7,0;1,0;0\n8,0;2,0;1\n",
  ])
  func aHeaderOfNumbersThatCountUpIsOne(text: String) throws {
    let (dataset, _) = try read(text)
    #expect(dataset.features == Tensor([5, 1, 6, 2, 7, 1, 8, 2], shape: [4, 2]))
    #expect(dataset.classNames == ["0", "1"] && classes(dataset) == [0, 1, 0, 1])
    #expect(dataset.featureNames?.count == 2)
  }

  @Test func aHeaderOfNumbersIsOneOverClassesOfTextToo() throws {
    let (dataset, notes) = try read("0,1,target\n5,1,cat\n6,2,dog\n7,1,cat\n8,2,dog\n")
    #expect(dataset.classNames == ["cat", "dog"] && dataset.count == 4)
    #expect(notes.count == 1 && notes[0].contains("--no-header"))
    // Here the text is a class like others.
    #expect(try read("0,1,cat\n5,1,cat\n6,2,dog\n7,1,cat\n").0.count == 4)
  }

  @Test func anIndexThatPandasWroteIsLeftOut() throws {
    for name in ["", "Unnamed: 0"] {
      let (dataset, notes) = try read("\(name),0,1,target\n0,5,1,0\n1,6,2,1\n2,7,1,0\n3,8,2,1\n")
      #expect(dataset.features == Tensor([5, 1, 6, 2, 7, 1, 8, 2], shape: [4, 2]))
      #expect(notes.count == 1 && notes[0].contains("counts the rows"))
    }
    let (kept, notes) = try read("id,x,target\n" + (1...10).map { "\($0),\($0 % 3),\($0 % 2)\n" }.joined())
    #expect(kept.featureNames == ["id", "x"] && notes == ["Column 'id' counts the rows; --ignore leaves it out."])
  }

  @Test func aNumberThatIsAColumnsNameIsTheName() throws {
    let text = "0,1,target\n5,1,0\n6,2,1\n7,1,0\n8,2,1\n"
    #expect(try read(text, CSVOptions(labelColumns: [.number(0)])).0.featureNames == ["1", "target"])
    #expect(try read(text, CSVOptions(labelColumns: [.number(1)], task: .classification)).0.classNames == ["1", "2"])
    #expect(try read(text, CSVOptions(labelColumns: [.number(-1)])).0.featureNames == ["0", "1"])
  }

  @Test func aTableOfCategoriesAloneHasAHeaderIfItsTextsDoNotOccurBelow() throws {
    let named = try read("color,size,kind\nred,big,a\nblue,big,b\nred,small,a\n").0
    #expect(named.featureNames == ["color=blue", "color=red", "size=big", "size=small"] && named.count == 3)
    let bare = try read("red,big,a\nblue,big,b\nred,small,a\n").0
    #expect(bare.count == 3)
    #expect(bare.featureNames == ["column 1=blue", "column 1=red", "column 2=big", "column 2=small"])
  }

  @Test func aRowOfNumbersAndTextIsDataWhereItsColumnsAreSuch() throws {
    #expect(try read("5.1,red,a\n4.9,blue,b\n").0.count == 2)
    #expect(try read("yes,1,a\nno,2,b\n").0.count == 2)
    #expect(try read("member,n,kind\nyes,1,a\nno,2,b\n").0.count == 2)
    #expect(try read(",1,a\n3,4,b\n").0.count == 2)
  }

  @Test func aHeaderAloneIsNoData() {
    let error = #expect(throws: FormatError.self) { try read("a,b,c\n") }
    #expect(error?.problem == "it has no rows of data")
  }

  // MARK: Kinds of columns

  @Test func wordsForYesAndNoBecomeOneAndZero() throws {
    let (dataset, _) = try read("a,b,c,kind\nTrue,yes,1,x\nFALSE,No,true,y\ntrue,no,0,x\n")
    #expect(dataset.features == Tensor([1, 1, 1, 0, 0, 1, 1, 0, 0], shape: [3, 3]))
    #expect(dataset.featureNames == ["a", "b", "c"])
  }

  @Test func oneMistakeInAColumnOfNumbersIsNoCategory() {
    let rows = (0..<999).map { "\($0),\($0 % 2 == 0 ? "a" : "b")\n" }
    for mistake in ["12..5", "abc", "inf", "-Infinity", "1,5", "5 %", "€ 7", "true"] {
      let text = "x,kind\n" + rows.prefix(700).joined() + "\"\(mistake)\",a\n" + rows.dropFirst(700).joined()
      let error = #expect(throws: FormatError.self) { try read(text) }
      #expect(error?.location == "row 702, column 1 ('x')")
      #expect(error?.remedy.contains("999 of the column's 1000") == true)
    }
  }

  @Test func aColumnOfMostlyTextIsACategoryThoughSomeOfItAreNumbers() throws {
    let (dataset, _) = try read("size,kind\nS,a\nM,b\n42,a\nS,b\n")
    #expect(dataset.featureNames == ["size=42", "size=M", "size=S"])
  }

  @Test func columnsAreCategoriesWhereThatIsAsked() throws {
    var options = CSVOptions()
    options.categoryColumns = [.name("zip")]
    let (dataset, _) = try read("zip,x,kind\n02134,1,a\n10,2,b\n02134,3,a\n", options)
    #expect(dataset.featureNames == ["zip=10", "zip=02134", "x"])
    #expect(dataset.features == Tensor([0, 1, 1, 1, 0, 2, 0, 1, 3], shape: [3, 3]))
  }

  @Test(arguments: [
    "", "NA", "NaN", "nan", "null", "NULL", "None", "N/A", "n/a", "#N/A", "<NA>", "?", "-", "-nan", "1.#QNAN",
  ])
  func whatStandsForNothingIsMissing(text: String) throws {
    let (dataset, notes) = try read("x,y,kind\n1,u,a\n\(text),\(text),b\n4,v,a\n6,u,b\n")
    #expect(dataset.featureNames == ["x", "x missing", "y=u", "y=v", "y missing"])
    // The median of 1, 4 and 6.
    #expect(dataset.features == Tensor([1, 0, 1, 0, 0, 4, 1, 0, 0, 1, 4, 0, 0, 1, 0, 6, 0, 1, 0, 0], shape: [4, 5]))
    #expect(notes == [])
  }

  @Test func columnsThatHoldNothingAreLeftOut() throws {
    let (dataset, notes) = try read("x,empty,gaps,kind\n1,,NA,a\n2,,?,b\n")
    #expect(dataset.featureNames == ["x"])
    #expect(notes == ["Column 'empty' holds nothing and is left out.", "Column 'gaps' holds nothing and is left out."])
    let error = #expect(throws: FormatError.self) { try read("empty,kind\n,a\n,b\n") }
    #expect(error?.remedy.contains("'empty' holds nothing") == true)
  }

  @Test func columnsCanBeIgnored() throws {
    var options = CSVOptions()
    options.ignoredColumns = [.name("note"), .number(1)]
    let (dataset, notes) = try read("id,x,note,kind\na,1,what,a\nb,2,ever,b\n", options)
    #expect(dataset.featureNames == ["x"] && notes == [])
    options.ignoredColumns = [.name("none")]
    #expect(throws: FormatError.self) { try read("id,x,kind\na,1,a\nb,2,b\n", options) }
    options.ignoredColumns = [.number(-1)]
    let error = #expect(throws: FormatError.self) { try read("id,x,kind\na,1,a\nb,2,b\n", options) }
    #expect(error?.problem == "column 'kind' is the label, and is to be ignored")
  }

  @Test func textsThatNameTheRowsAreLeftOut() throws {
    let rows = (0..<40).map { "person \($0),\($0 % 7),\($0 % 2 == 0 ? "a" : "b")\n" }
    let (dataset, notes) = try read("name,x,kind\n" + rows.joined())
    #expect(dataset.featureNames == ["x"])
    #expect(notes.count == 1 && notes[0].hasPrefix("Column 'name' holds 40 different texts in 40 rows"))
    var options = CSVOptions()
    options.categoryColumns = [.name("name")]
    #expect(try read("name,x,kind\n" + rows.joined(), options).0.featureNames?.count == 41)
  }

  @Test func ofManyTextsTheMostFrequentGetAFeature() throws {
    // Text i occurs i + 1 times: the fifty that occur most are 10 to 59.
    let rows = (0..<60).flatMap { index in (0...index).map { "t\(index + 10),\($0 % 2)\n" } }
    let (dataset, notes) = try read("city,kind\n" + rows.joined())
    #expect(dataset.featureNames?.count == 50)
    #expect(dataset.featureNames?.contains("city=t20") == true && dataset.featureNames?.contains("city=t19") == false)
    #expect(notes.count == 1 && notes[0].contains("60 different texts"))
  }

  @Test func datesBecomeSecondsWhereThatIsAsked() throws {
    var options = CSVOptions()
    options.dateColumns = [.name("when")]
    // From `date -u -d … +%s`.
    let times: [(String, Double)] = [
      ("1970-01-01", 0), ("2024-02-29", 1_709_164_800), ("1969-12-31T23:59:59Z", -1), ("2000-03-01 12:30", 951_913_800),
      ("2024-02-29T23:59:59.5+01:00", 1_709_247_599.5), ("1900-01-01", -2_208_988_800),
      ("2100-12-31t00:00:00-0530", 4_133_914_200),
    ]
    let text = "when,x,kind\n" + times.map { "\($0.0),1,a\n" }.joined() + ",2,b\n"
    let data = try CSV.data(bytes: Array(text.utf8), file: "t.csv", options: options)
    guard case .table(let table) = data.training.features, case .numbers(let seconds) = table.columns[0].cells else {
      Issue.record("no numbers")
      return
    }
    #expect(Array(seconds.dropLast()) == times.map(\.1) && seconds.last?.isNaN == true)
    for wrong in [
      "2023-02-29", "2024-13-01", "29.02.2024", "2024-02-29T25:00", "2024-02-29T12", "2024-02-29T12:00:00.",
      "0000-01-01",
    ] {
      let error = #expect(throws: FormatError.self) { try read("when,x,kind\n2024-01-01,1,a\n\(wrong),2,b\n", options) }
      #expect(error?.problem == "'\(wrong)' is no date" && error?.location == "row 3, column 1 ('when')")
    }
  }

  @Test func datesThatNobodyAskedForAreLeftOut() throws {
    let (dataset, notes) = try read("when,x,kind\n2024-01-01,1,a\n2024-01-02,2,b\n")
    #expect(dataset.featureNames == ["x"])
    #expect(notes.count == 1 && notes[0].contains("--dates"))
  }

  @Test func namesMayBeInAnyScript() throws {
    let (dataset, _) = try read("größe,色,метка\n1,红,да\n2,蓝,нет\n", CSVOptions(labelColumns: [.name("метка")]))
    #expect(dataset.featureNames == ["größe", "色=红", "色=蓝"] || dataset.featureNames == ["größe", "色=蓝", "色=红"])
    #expect(dataset.classNames == ["да", "нет"])
  }

  // MARK: Labels

  @Test func rowsWithoutALabelAreLeftOut() throws {
    let (dataset, notes) = try read("x,kind\n1,a\n2,\n3,b\n4,NaN\n5,none\n")
    #expect(dataset.features.elements == [1, 3, 5] && dataset.classNames == ["a", "b", "none"])
    #expect(notes == ["2 rows have no label and are left out, the first of them row 3."])
    let numbers = try read("x,y\n1,0.5\n2,?\n3,1.5\n")
    #expect(values(numbers.0) == [0.5, 1.5] && numbers.1.contains("Row 3 has no label and is left out."))
  }

  @Test func numbersThatAreNotAllWholeAreToBePredicted() throws {
    let (dataset, notes) = try read("x,y\n1,1\n2,2\n3,2.5\n")
    #expect(values(dataset) == [1, 2, 2.5] && notes.count == 1 && notes[0].contains("(regression)"))
  }

  @Test func manyWholeNumbersAreToBePredictedAndFewAreClasses() throws {
    func label(_ count: Int, of values: Int) throws -> (Dataset<Float>, [String]) {
      try read("x,y\n" + (0..<count).map { "\(Double($0 % 13) / 8),\($0 % values)\n" }.joined())
    }
    // Up to 20 different ones with 5 examples each.
    #expect(try label(100, of: 20).0.classNames?.count == 20)
    #expect(try label(100, of: 20).1 == [])
    for (count, values) in [(1000, 21), (99, 20), (14, 3)] {
      let (dataset, notes) = try label(count, of: values)
      #expect(dataset.classNames == nil)
      #expect(notes.count == 1 && notes[0].contains("--classification takes each for a class"))
    }
    // Two are classes however few rows there are.
    #expect(try label(3, of: 2).0.classNames == ["0", "1"])
    #expect(try label(15, of: 3).0.classNames == ["0", "1", "2"])
  }

  @Test func theTaskCanBeSaid() throws {
    let text = "x,y\n1,10\n2,20\n3,30\n"
    #expect(try read(text, CSVOptions(task: .classification)).0.classNames == ["10", "20", "30"])
    #expect(try values(read("x,y\n1,0\n2,1\n", CSVOptions(task: .regression)).0) == [0, 1])
    #expect(
      try read("x,y\n1,0\n2,1\n3,many\n4,1\n", CSVOptions(task: .classification)).0.classNames == ["0", "1", "many"])
    let error = #expect(throws: FormatError.self) { try read("x,y\n1,0\n2,1\n3,many\n4,1\n") }
    #expect(error?.location == "row 4, column 2 ('y')" && error?.remedy.contains("--classification") == true)
  }

  @Test func labelsThatAreMostlyDifferentAreSaid() throws {
    let (dataset, notes) = try read("x,name\n" + (0..<60).map { "\($0 % 7),person \($0)\n" }.joined())
    #expect(
      dataset.classNames?.count == 60
        && notes == ["The label 'name' has 60 classes in 60 rows; --label names another column."])
  }

  @Test func truthValuesAreClasses() throws {
    let (dataset, notes) = try read("x,y\n1,True\n2,False\n3,True\n")
    #expect(dataset.classNames == ["False", "True"] && classes(dataset) == [1, 0, 1] && notes == [])
  }

  @Test func aClassIsKnownByOtherSpellingsToo() throws {
    let encoding = TableEncoding(numbers: 1, names: ["x"])
    func numbers(_ text: String, _ names: [String]) throws -> [Int] {
      let options = CSVOptions(task: .classification, classNames: names)
      let data = try CSV.data(bytes: Array(text.utf8), file: "t.csv", encoding: encoding, options: options)
      guard case .classes(let classes, _) = data.training.targets else { return [] }
      return classes
    }
    #expect(try numbers("x,y\n1,1.0\n1,0\n1,2\n", ["0", "1", "2"]) == [1, 0, 2])
    #expect(try numbers("x,y\n1,true\n1,FALSE\n", ["False", "True"]) == [1, 0])
    #expect(throws: FormatError.self) { try numbers("x,y\n1,3\n", ["0", "1"]) }
  }

  @Test func aTableOfThousandsOfRowsIsReadWhole() throws {
    let rows = (0..<5000).map {
      "\($0),\($0 % 3 == 0 ? "" : "\(Double($0) / 4)"),\(["red", "green", "blue"][$0 % 3]),\($0 % 2)\n"
    }
    let (dataset, notes) = try read("n,half,color,kind\n" + rows.joined())
    #expect(dataset.features.shape == [5000, 6] && notes.count == 1)
    #expect(dataset.featureNames == ["n", "half", "half missing", "color=blue", "color=green", "color=red"])
    #expect(dataset.features.gathering(rows: [4]).elements == [4, 1, 0, 0, 1, 0])
  }
}
