import NormaData
import NormaFiles
import NormaTensor
import Testing

@Suite struct CSVBadInputTests {
  private func error(_ text: String, _ options: CSVOptions = CSVOptions()) -> FormatError? {
    #expect(throws: FormatError.self) {
      try CSV.dataset(bytes: Array(text.utf8), file: "t.csv", options: options)
    }
  }

  @Test(arguments: [
    ("inf", "'inf' is no finite number"), ("-inf", "'-inf' is no finite number"),
    ("Infinity", "'Infinity' is no finite number"), ("1 234", "'1 234' is not a number"),
    ("12%", "'12%' is not a number"),
    ("$5", "'$5' is not a number"), ("\"1,234\"", "'1,234' is not a number"),
    ("abc", "'abc' is not a number"), ("1 2", "'1 2' is not a number"), ("0x10", "'0x10' is not a number"),
    ("1e", "'1e' is not a number"), ("--1", "'--1' is not a number"),
    ("1e399", "'1e399' is too large for a 64-bit number"),
    ("\"1,5\"", "'1,5' is not a number"), ("\"1\n2\"", "'1␤2' is not a number"),
    (String(repeating: "x", count: 50), "'\(String(repeating: "x", count: 40))…' is not a number"),
  ])
  func aCellThatIsNoNumberIsNamedWithItsPlace(cell: String, problem: String) {
    let named = error("width,height,kind\n1,2,a\n3,\(cell),b\n")
    #expect(named?.location == "row 3, column 2 ('height')")
    #expect(named?.problem == problem)
    let bare = error("1,2,a\n\n3,\(cell),b\n")
    #expect(bare?.location == "row 3, column 2")
    let target = error("1,2\n3,\(cell)\n", CSVOptions(task: .regression))
    #expect(target?.location == "row 2, column 2" && target?.problem == problem)
  }

  @Test(arguments: ["inf", "1e999", "abc"])
  func aSpoiltFirstRowIsNotTakenForAHeader(cell: String) {
    #expect(error("1,\(cell),a\n3,4,b\n")?.location == "row 1, column 2")
  }

  @Test(arguments: [("1,a\n2,b,c\n", 3, 2), ("1,2,a\n3,b\n", 2, 3), ("1,a\n2,b,,\n", 4, 2)])
  func everyRowMustHaveAsManyCellsAsTheFirst(text: String, count: Int, expected: Int) {
    #expect(
      error(text)?.description
        == "'t.csv', row 2: it has \(count) cells, the first row has \(expected). "
        + "Give every row the same number of cells; they are taken to be separated by commas.")
  }

  @Test(arguments: [
    ("1,\"a\n2,b\n", "row 1, column 2", "a quotation mark opens a cell and is never closed"),
    ("1,a\n2,\"b\"c\n", "row 2, column 2", "something follows the closing quotation mark of a cell"),
    ("1,a\n2\",b\n", "row 2, column 1", "a quotation mark stands inside a cell that does not begin with one"),
    ("1,\"\"\"", "row 1, column 2", "a quotation mark opens a cell and is never closed"),
  ])
  func misplacedQuotationMarksAreRefused(text: String, location: String, problem: String) {
    let error = error(text)
    #expect(error?.location == location && error?.problem == problem)
  }

  @Test(arguments: ["", "\n\n", "a,b\n", "a,b"])
  func aFileWithNoRowsIsRefused(text: String) {
    #expect(error(text)?.problem == "it has no rows of data")
  }

  @Test func aHeaderThatNamesAColumnTwiceIsRefused() {
    let error = error("x,y,x\n1,2,a\n")
    #expect(error?.location == "row 1, column 3" && error?.problem == "the header names 'x' again, as column 1")
  }

  @Test func aSingleClassIsRefused() {
    #expect(error("1,a\n2,a\n")?.problem == "all rows have the label 'a'")
  }

  @Test func labelsThatAreMissingThroughoutAreRefused() {
    #expect(error("a,b\n1,\n2,NaN\n")?.problem == "the label is missing in all rows")
  }

  @Test func labelsThatAreNoClassesLeadToRegression() {
    let error = error("1,0.5\n2,0.7\n", CSVOptions(task: .classification))
    #expect(error?.problem == "the labels are numbers that are not whole, such as '0.5'")
    #expect(error?.remedy.contains("regression") == true)
  }

  @Test func aColumnThatIsNotThereIsAnsweredWithThoseThatAre() {
    #expect(
      error("a,b\n1,x\n", CSVOptions(labelColumns: [.name("kind")]))?.description
        == "'t.csv': no column is called 'kind'. The columns are called 'a', 'b'.")
    for number in [0, 3, -3, .max, .min] {
      #expect(error("1,x\n", CSVOptions(labelColumns: [.number(number)]))?.problem == "there is no column \(number)")
    }
    let noHeader = error("1,x\n", CSVOptions(labelColumns: [.name("kind")], hasHeader: false))
    #expect(noHeader?.problem == "there is no header in which a column could be called 'kind'")
    let twice = error("1,2,3\n", CSVOptions(labelColumns: [.number(3), .number(-1)], task: .regression))
    #expect(twice?.problem == "column 3 is named as a label column twice")
  }

  @Test func oneColumnIsNotEnough() {
    let error = error("1\n2\n")
    #expect(error?.problem == "it has 1 column, which leaves none for the features")
    #expect(error?.remedy.contains("semicolons") == true)
  }

  @Test func whatIsNoTextIsRefused() {
    let bytes: [UInt8] = [0x50, 0x4B, 3, 4]
    let zip = #expect(throws: FormatError.self) { try CSV.dataset(bytes: bytes, file: "t.xlsx") }
    #expect(zip?.location == "byte 2" && zip?.problem == "a byte 3 is no text")
    let latin = #expect(throws: FormatError.self) { try CSV.dataset(bytes: [0x31, 0x2C, 0xE9], file: "t.csv") }
    #expect(latin?.location == "row 1, column 2" && latin?.problem == "the text is not UTF-8")
  }

  @Test func aCutOffTableNeverCrashes() {
    let text = Array("\"wi\"\"dth\",height,kind\r\n1,2.5,\"a\"\r\n-3e2,.5,b\r\n".utf8)
    for length in 0...text.count {
      for hasHeader in [nil, true, false] {
        let bytes = Array(text.prefix(length))
        _ = try? CSV.dataset(bytes: bytes, file: "t.csv", options: CSVOptions(hasHeader: hasHeader))
        _ = try? CSV.table(
          bytes: bytes, file: "t.csv", encoding: TableEncoding(numbers: 2, names: ["wi\"dth", "height"]))
      }
    }
  }
}

@Suite struct CSVEncodingTests {
  private func read(
    _ text: String, names: [String]? = nil, _ options: CSVOptions = CSVOptions()
  ) throws -> Tensor<Float> {
    let encoding = TableEncoding(numbers: 2, names: names)
    let table = try CSV.table(bytes: Array(text.utf8), file: "t.csv", encoding: encoding, options: options)
    var notes: [String] = []
    return try Preparation(encoding: encoding).features(of: .table(table), notes: &notes)
  }

  private let expected = Tensor<Float>([1, 2, 3, 4], shape: [2, 2])

  @Test func rowsWithAndWithoutLabelsGiveTheSame() throws {
    #expect(try read("1,2\n3,4\n") == expected)
    #expect(try read("a,b\n1,2\n3,4\n") == expected)
    #expect(try read("1,2,x\n3,4,y\n") == expected)
    #expect(try read("a,b,kind\n1,2,x\n3,4,\n") == expected)
    #expect(try read("x,1,2\ny,3,4\n", CSVOptions(labelColumns: [.number(1)])) == expected)
  }

  @Test func namedColumnsAreTakenInTheModelsOrderAndOthersPassedOver() throws {
    #expect(try read("id,b,kind,a\nq,2,x,1\nr,4,y,3\n", names: ["a", "b"]) == expected)
    #expect(try read("\" b \";a\r\n2;1\r\n4,0;3\r\n", names: ["a", "b"]) == expected)
    #expect(try read("1,2\n3,4\n", names: ["a", "b"]) == expected)
    #expect(try read("1,2\n3,4\n", names: ["a", "b"], CSVOptions(hasHeader: false)) == expected)
  }

  @Test func aHeaderWithOtherNamesIsRefusedWithThoseItLacks() {
    let error = #expect(throws: FormatError.self) { try read("a,c\n1,2\n", names: ["a", "b"]) }
    #expect(error?.problem == "the header lacks the model's column 'b'")
    let both = #expect(throws: FormatError.self) { try read("c,d,e\n1,2,3\n", names: ["a", "b"]) }
    #expect(both?.problem == "the header lacks the model's columns 'a', 'b'")
  }

  @Test func anotherNumberOfColumnsIsRefused() {
    for text in ["1\n", "1,2,3,4\n"] {
      let error = #expect(throws: FormatError.self) { try read(text) }
      #expect(error?.problem.hasSuffix("but the model takes 2 features") == true)
    }
  }

  @Test func aSpoiltCellIsNamed() {
    let error = #expect(throws: FormatError.self) { try read("a,b\n1,2\n3,x\n") }
    #expect(error?.location == "row 3, column 2 ('b')")
  }

  @Test func aGapThatNothingStandsForIsRefused() {
    #expect(throws: DataError.gap(column: "'b'")) { try read("a,b\n1,2\n3,?\n", names: ["a", "b"]) }
  }

  @Test func noRowsAreRefused() {
    #expect(throws: FormatError.self) { try read("a,b\n") }
    #expect(throws: FormatError.self) { try read("") }
  }
}
