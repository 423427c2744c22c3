import Foundation
import NormaServe
import Testing

/// The reader of numbers, held against the C library's and Foundation's.
@Suite struct JSONNumbersTests {
  private func read(_ text: String, limit: Int = 1_000_000) throws -> JSONNumbers {
    try Array(text.utf8).withUnsafeBytes { try JSONNumbers($0, limit: limit) }
  }

  @Test func numbersHaveTheBitsOfTheNearestOnes() throws {
    var state: UInt64 = 1
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
    var texts = [
      "0", "-0", "0.0", "1", "-1.5", "1e22", "1e23", "9007199254740993", "123456789012345", "1234567890123456", "0.1",
      "1e-22", "1e-23", "4.9e-324", "2.2250738585072011e-308", "1.7976931348623157e308", "1e-400", "0e99999",
      "0.000000000000000000000000000001", "100000000000000000000000000000", "1E+2", "1.25E-2", "12345678901234567890.5",
    ]
    for _ in 0..<20_000 {
      let number = Double(bitPattern: next())
      if number.isFinite { texts.append("\(number)") }
      texts.append("\(Float(bitPattern: UInt32(truncatingIfNeeded: next() % 0x7f80_0000)))")
      texts.append(
        "\(Int64(bitPattern: next()) >> Int64(next() % 60)).\(next() >> (next() % 60))e\(Int(next() % 80) - 40)")
    }
    for text in texts {
      let own = try read("[\(text)]").numbers[0]
      let expected = strtod(text, nil)
      #expect(own.bitPattern == expected.bitPattern, "\(text)")
    }
  }

  @Test func arraysHaveTheirLengths() throws {
    #expect(try read(" [ ] ").lengths == [0])
    #expect(try read("[1,2\n,\t3]").lengths == [3])
    let cube = try read("[[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, 10], [11, 12]]]")
    #expect(cube.lengths == [3, 2, 2] && cube.numbers == (1...12).map(Double.init))
    #expect(throws: JSONNumbers.Problem.self) { try read("[1, 2, 3]", limit: 2) }
  }

  @Test func whatIsWrongIsSaidWithItsPlace() throws {
    for (text, place) in [
      ("", 0), ("1", 0), ("[1, x]", 4), ("[1, 2", 5), ("[1] 2", 4), ("[[1], [2, 3]]", 11), ("[1, [2]]", 4),
      ("[[1], 2]", 6), ("[1e400]", 6), ("[1,]", 3), ("[--1]", 1), ("[1.e5]", 3),
    ] {
      let problem = #expect(throws: JSONNumbers.Problem.self) { try read(text) }
      #expect(problem?.place == place, "\(text): \(problem?.description ?? "")")
    }
  }

  /// Cut and altered at every place a document is read as before, or refused; never is the process stopped.
  @Test func anyBytesAreReadOrRefused() {
    let text = Array("[[-1.5e-3, 2], [3.25, 4E+2]]".utf8)
    for place in text.indices {
      for byte in [0, 0x20, 0x22, 0x2c, 0x2d, 0x2e, 0x30, 0x39, 0x5b, 0x5d, 0x65, 0xff] as [UInt8] {
        var altered = text
        altered[place] = byte
        for bytes in [altered, Array(text[..<place])] {
          let own = bytes.withUnsafeBytes { try? JSONNumbers($0, limit: 100) }
          let decoded = try? JSONDecoder().decode([[Double]].self, from: Data(bytes))
          // What Foundation takes for rows of numbers is read alike, unless the rows are of several lengths.
          if let decoded, Set(decoded.map(\.count)).count == 1 {
            #expect(own?.numbers == decoded.flatMap(\.self), "\(String(decoding: bytes, as: UTF8.self))")
          }
        }
      }
    }
  }
}
