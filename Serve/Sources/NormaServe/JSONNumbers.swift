import Foundation

/// Numbers of a JSON document that is an array of numbers, or of such arrays, all of the same lengths.
///
/// Foundation's decoder makes a value of each number, and takes a fifth of a millisecond for an image of MNIST's; numbers are nearly all
/// that such a request holds.
package struct JSONNumbers: Equatable {
  /// The numbers in row-major order, all finite.
  package var numbers: [Double] = []
  /// The lengths of the arrays, from the outermost inwards.
  package var lengths: [Int] = []

  /// What is wrong with a document.
  package struct Problem: Error, Equatable, CustomStringConvertible {
    /// The byte where it shows, counted from 0.
    package let place: Int
    package let description: String
  }

  /// Arrays within each other beyond which no document goes.
  package static let mostLevels = 16

  /// Reads a document.
  ///
  /// - Parameters:
  ///   - bytes: the document.
  ///   - limit: how many numbers there may be.
  package init(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(Problem) {
    var reader = Reader(bytes: bytes, limit: limit)
    try reader.readDocument()
    (numbers, lengths) = (reader.numbers, reader.lengths.map { max(0, $0) })
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    let limit: Int
    var place = 0
    var numbers: [Double] = []
    /// The length of the arrays of each level, -1 where none is complete yet.
    var lengths: [Int] = []

    init(bytes: UnsafeRawBufferPointer, limit: Int) {
      self.bytes = bytes
      self.limit = limit
      // A number and what separates it take two bytes at least.
      numbers.reserveCapacity(min(limit, bytes.count / 2 + 1))
    }

    func problem(_ text: String) -> Problem { Problem(place: place, description: text) }

    mutating func skipSpace() {
      while place < bytes.count, bytes[place] == 0x20 || (0x09...0x0d).contains(bytes[place]) { place += 1 }
    }

    func peek() -> UInt8? { place < bytes.count ? bytes[place] : nil }

    mutating func readDocument() throws(Problem) {
      skipSpace()
      guard peek() == UInt8(ascii: "[") else { throw problem("an array of numbers must begin with [") }
      /// How many elements the open arrays have so far, the innermost last.
      var counts: [Int] = []
      /// At which level numbers stand.
      var leafLevel: Int?
      repeat {
        skipSpace()
        guard let byte = peek() else { throw problem("it ends within an array") }
        if byte == UInt8(ascii: "[") {
          guard counts.count < mostLevels else { throw problem("arrays are nested more than \(mostLevels) deep") }
          if let leafLevel, counts.count >= leafLevel { throw problem("an array stands among numbers") }
          if !counts.isEmpty { counts[counts.count - 1] += 1 }
          counts.append(0)
          if lengths.count < counts.count { lengths.append(-1) }
          place += 1
          skipSpace()
          if peek() == UInt8(ascii: "]") {
            try close(&counts)
          } else {
            continue
          }
        } else {
          if let leafLevel, leafLevel != counts.count { throw problem("a number stands among arrays") }
          if lengths.count > counts.count { throw problem("a number stands among arrays") }
          leafLevel = counts.count
          let number = try readNumber()
          guard numbers.count < limit else { throw problem("there are more than \(limit) numbers") }
          numbers.append(number)
          counts[counts.count - 1] += 1
        }
        // What follows an element: a comma, or the ends of arrays.
        while !counts.isEmpty {
          skipSpace()
          guard let next = peek() else { throw problem("it ends within an array") }
          if next == UInt8(ascii: ",") {
            place += 1
            break
          }
          guard next == UInt8(ascii: "]") else { throw problem("a comma or ] is missing") }
          try close(&counts)
        }
      } while !counts.isEmpty
      skipSpace()
      guard place == bytes.count else { throw problem("something follows the array") }
    }

    private mutating func close(_ counts: inout [Int]) throws(Problem) {
      let count = counts.removeLast()
      if lengths[counts.count] >= 0, lengths[counts.count] != count {
        throw problem("an array has \(count) elements, and one before it \(lengths[counts.count])")
      }
      lengths[counts.count] = count
      place += 1
    }

    /// Reads a number in JSON's form.
    private mutating func readNumber() throws(Problem) -> Double {
      let start = place
      let isNegative = peek() == UInt8(ascii: "-")
      if isNegative { place += 1 }
      var digits: UInt64 = 0
      var (digitCount, exponent) = (0, 0)
      func isDigit(_ byte: UInt8?) -> Bool { byte.map { (0x30...0x39).contains($0) } ?? false }
      let first = place
      while let byte = peek(), isDigit(byte) {
        if digitCount < 19 { digits = digits * 10 + UInt64(byte - 0x30) } else { exponent += 1 }
        if digits > 0 { digitCount += 1 }
        place += 1
      }
      guard place > first, place == first + 1 || bytes[first] != 0x30 else {
        place = start
        throw problem("a number is expected")
      }
      if peek() == UInt8(ascii: ".") {
        place += 1
        let first = place
        while let byte = peek(), isDigit(byte) {
          if digitCount < 19 {
            digits = digits * 10 + UInt64(byte - 0x30)
            exponent -= 1
          }
          if digits > 0 { digitCount += 1 }
          place += 1
        }
        guard place > first else { throw problem("digits must follow the point") }
      }
      if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
        place += 1
        let isDown = peek() == UInt8(ascii: "-")
        if isDown || peek() == UInt8(ascii: "+") { place += 1 }
        let first = place
        var power = 0
        while let byte = peek(), isDigit(byte) {
          power = min(power * 10 + Int(byte - 0x30), 100_000)
          place += 1
        }
        guard place > first else { throw problem("digits must follow the exponent's letter") }
        exponent += isDown ? -power : power
      }
      // Fifteen digits and a power of ten up to 10²² are both exact in double precision, so that one rounding is all there is
      // (W. D. Clinger, 1990). Anything else Swift's own conversion reads.
      if digitCount <= 15, abs(exponent) <= 22 {
        let magnitude =
          exponent < 0
          ? Double(digits) / Self.powersOfTen[-exponent] : Double(digits) * Self.powersOfTen[exponent]
        return isNegative ? -magnitude : magnitude
      }
      let text = String(decoding: bytes[start..<place], as: UTF8.self)
      guard let number = Double(text), number.isFinite else {
        throw problem("\(text.prefix(40)) is too large for a number in double precision")
      }
      return number
    }

    private static let powersOfTen: [Double] = [
      1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
      1e21, 1e22,
    ]
  }
}
