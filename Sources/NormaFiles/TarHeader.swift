/// One block of 512 bytes read as a header.
struct TarHeader {
  let block: ArraySlice<UInt8>

  init(_ block: ArraySlice<UInt8>) { self.block = block }

  private func field(_ offset: Int, _ length: Int) -> ArraySlice<UInt8> {
    block[(block.startIndex + offset)..<(block.startIndex + offset + length)]
  }

  /// The bytes up to the first zero, as UTF-8.
  static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// A number in octal digits, or in GNU's binary form, which a set highest bit announces; nil if it is neither or too large.
  private static func number(_ bytes: ArraySlice<UInt8>) -> Int? {
    if let first = bytes.first, first & 0x80 != 0 {
      var value = Int(first & 0x7F)
      for byte in bytes.dropFirst() {
        guard value >> (Int.bitWidth - 10) == 0 else { return nil }
        value = value << 8 | Int(byte)
      }
      return value
    }
    let isBlank: (UInt8) -> Bool = { $0 == 0 || $0 == UInt8(ascii: " ") }
    let digits = bytes.drop(while: isBlank).prefix { !isBlank($0) }
    return digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self), radix: 8)
  }

  var isEndMark: Bool { block.allSatisfy { $0 == 0 } }
  var size: Int? { TarHeader.number(field(124, 12)) }
  var kind: UInt8 { field(156, 1).first ?? 0 }
  var isRegularFile: Bool { kind == 0 || kind == UInt8(ascii: "0") || kind == UInt8(ascii: "7") }

  /// The sum of all bytes, those of the checksum itself counted as spaces. Some old programs summed signed bytes.
  var hasRightChecksum: Bool {
    guard let expected = TarHeader.number(field(148, 8)), expected > 0 else { return false }
    var unsigned = 8 * 32
    var signed = 8 * 32
    for (index, byte) in block.enumerated() where !(148..<156).contains(index) {
      unsigned += Int(byte)
      signed += Int(Int8(bitPattern: byte))
    }
    return expected == unsigned || expected == signed
  }

  /// The name, with POSIX's prefix, which is another thing in GNU's own format.
  var name: String {
    let name = TarHeader.text(field(0, 100))
    guard field(257, 6).elementsEqual(Array("ustar\0".utf8)) else { return name }
    let prefix = TarHeader.text(field(345, 155))
    return prefix.isEmpty ? name : prefix + "/" + name
  }
}
