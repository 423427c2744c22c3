import NormaFiles
import NormaTensor
import TestSupport
import Testing

@Suite struct NumPyBadInputTests {
  private func problem(_ bytes: [UInt8]) -> String? {
    #expect(throws: FormatError.self) { try NumPyArray(bytes: bytes, file: "f") }?.problem
  }

  /// A header in which one member is replaced.
  private func header(
    descr: String = "'<f4'", order: String = "False", shape: String = "(2,)", rest: String = ""
  ) -> String { "{'descr': \(descr), 'fortran_order': \(order), 'shape': \(shape)\(rest)}" }

  static let names = ["f4", "scalar", "empty", "columns-i8", "version-2", "version-3", "big-f8", "b1"]

  @Test(arguments: names) func aFileCutAtAnyByteIsRefused(name: String) throws {
    let bytes = try FileAccess.read(numpyFixture("\(name).npy"))
    for length in 0..<bytes.count {
      let error = #expect(throws: FormatError.self, "\(length) bytes") {
        try NumPyArray(bytes: Array(bytes.prefix(length)), file: "f")
      }
      if length >= 6 { #expect(error?.location == "byte \(length)" || error?.location?.hasPrefix("byte") == true) }
    }
    #expect(problem(bytes + [0]) == "1 bytes follow the array")
  }

  @Test(arguments: names) func noDamagedByteOfAHeaderCrashes(name: String) throws {
    let bytes = try FileAccess.read(numpyFixture("\(name).npy"))
    for position in 0..<min(bytes.count, 160) {
      for change in [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xFF] as [UInt8] {
        var damaged = bytes
        damaged[position] ^= change
        _ = try? NumPyArray(bytes: damaged, file: "f")
      }
    }
  }

  @Test(arguments: [
    ("object", "Python objects, which would have to be unpickled, and a pickle can run any program"),
    ("complex", "complex numbers"), ("text", "text"), ("dates", "dates"),
  ])
  func whatIsNoArrayOfNumbersIsRefusedByName(name: String, kind: String) throws {
    let error = try #require(throws: FormatError.self) { try NumPyArray(contentsOf: numpyFixture("\(name).npy")) }
    #expect(error.problem.hasSuffix("stands for \(kind)"), "\(error)")
    #expect(error.file == numpyFixture("\(name).npy"))
  }

  @Test func numbersOfATypeThatIsNotReadAreRefused() {
    #expect(
      problem(array(header(descr: "'<f16'"), [UInt8](repeating: 0, count: 32)))
        == "its type '<f16' stands for numbers of a type that is not supported")
  }

  @Test func integersThatAreTooLargeAreKeptAndAreNoWholeNumbersToComputeWith() throws {
    let entry = try NumPyArray(contentsOf: numpyFixture("large-u8.npy")).entry
    #expect(entry.elementType == .uint64 && entry.wholeNumbers == nil)
    #expect(entry.values().elements == [7, 0x1p63])
  }

  @Test func structuredArraysAreRefused() throws {
    let error = try #require(throws: FormatError.self) { try NumPyArray(contentsOf: numpyFixture("structured.npy")) }
    #expect(error.problem == "it is a structured array, of several values an element")
    #expect(error.remedy == "Store each field as an array of its own.")
  }

  @Test func aHeaderThatSaysSomethingElseIsRefused() {
    let eight = [UInt8](repeating: 0, count: 8)
    #expect(throws: Never.self) { try NumPyArray(bytes: array(header(), eight), file: "f") }
    for text in [
      header(rest: ", 'more': True"), header(rest: ", 'shape': (2,)"), "{'descr': '<f4', 'fortran_order': False}",
      header(order: "0"), header(order: "'False'"), header(order: "Falsehood"), header(shape: "[2]"),
      header(shape: "(2)"), header(shape: "2"), header(shape: "(2,,)"), header(shape: "(-2,)"),
      header(shape: "(2.0,)"), header(shape: "('2',)"), header(shape: "(99999999999999999999,)"),
      header(shape: "(2,"), header(descr: "f4"), header(descr: "'<f4"), header(descr: "'=f4'"),
      header(descr: "'|f4'"), header(descr: "'f4'"), header(descr: "''"), header(descr: "'<'"),
      header(descr: "'<f16'"), header(descr: "'<i3'"), header(descr: "'<\\x664'"), header(descr: "(2,)"),
      header() + "}", header() + " x", "", " ", "{", "{'descr'", "[]", "{}", "'{}'", "{,}", "\0",
      header(shape: "(1,1,1,1,1,1,1,1,2)"),
    ] {
      #expect(throws: FormatError.self, "\(text)") { try NumPyArray(bytes: array(text, eight), file: "f") }
    }
  }

  @Test func sizesThatCannotBeAreRefused() {
    #expect(problem(array(header(shape: "(9223372036854775807,)"), [])) == "its shape is too large")
    #expect(problem(array(header(shape: "(4294967296,4294967296)"), [])) == "its shape is too large")
    #expect(problem(array(header(shape: "(0,4294967296,4294967296)"), [])) == "its shape is too large")
    #expect(
      problem(array(header(shape: "(3,)"), [UInt8](repeating: 0, count: 8)))
        == "shape [3] of '<f4' takes 12 bytes, and 8 follow; it is cut off")
    #expect(
      problem([0x93] + Array("NUMPY".utf8) + [4, 0] + [UInt8](repeating: 0, count: 99)) == "it is of version 4.0")
    #expect(problem(Array("PK and so on".utf8)) == "it does not begin as a .npy file does")
  }
}
