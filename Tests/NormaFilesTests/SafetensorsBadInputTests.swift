import NormaFiles
import Testing

@Suite struct SafetensorsBadInputTests {
  /// A file with the given header and data.
  private func file(_ header: String, data: Int = 0) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
      + [UInt8](repeating: 0, count: data)
  }

  private func problem(_ bytes: [UInt8]) -> String? {
    let error = #expect(throws: FormatError.self) { try Safetensors(bytes: bytes, file: "f") }
    return error?.problem
  }

  @Test(arguments: ["written", "read"])
  func aFileCutAtAnyByteIsRefused(name: String) throws {
    let bytes = try FileAccess.read(fixture("\(name).safetensors"))
    for length in 0..<bytes.count {
      #expect(throws: FormatError.self, "\(length) bytes") {
        try Safetensors(bytes: Array(bytes.prefix(length)), file: "f")
      }
    }
  }

  @Test func noSingleDamagedByteOfTheHeaderCrashes() throws {
    let bytes = try FileAccess.read(fixture("written.safetensors"))
    for position in 0..<(bytes.count - 64) {
      for change in [1, 0x10, 0x80, 0xFF] as [UInt8] {
        var damaged = bytes
        damaged[position] ^= change
        _ = try? Safetensors(bytes: damaged, file: "f")
      }
    }
  }

  @Test func moreThanTheTensorsIsRefused() throws {
    let bytes = try FileAccess.read(fixture("written.safetensors"))
    #expect(problem(bytes + [0]) == "1 bytes follow the last tensor")
  }

  @Test func aHeaderThatIsNoObjectIsRefused() {
    #expect(problem(file("[]")) == "the header does not begin with '{'")
    #expect(problem(file("{\"a\"")) == "the header is not valid JSON")
    #expect(problem(file("{} x")) == "the header is not valid JSON")
    #expect(problem(file("{" + String(repeating: "\"a\":{", count: 100_000))) == "the header is not valid JSON")
    #expect(problem(Array("\u{89}PNG and so on".utf8))?.hasSuffix("so it is no safetensors file") == true)
  }

  @Test func aNameThatOccursTwiceIsRefused() {
    let tensor = #"{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#
    #expect(problem(file(#"{"a":\#(tensor),"a":\#(tensor)}"#)) == "a name occurs twice in the header")
    #expect(
      problem(file(#"{"a":{"dtype":"F32","dtype":"F64","shape":[0],"data_offsets":[0,0]}}"#))
        == "a name occurs twice in the header")
    #expect(throws: Never.self) { try Safetensors(bytes: file(#"{"a:\":":\#(tensor)}"#), file: "f") }
  }

  @Test(arguments: [
    ("shape [2] of F32 takes 8 bytes, its data_offsets span 4", #""dtype":"F32","shape":[2],"data_offsets":[0,4]"#),
    ("its data begin at offset 4, but those before end at 0", #""dtype":"F32","shape":[1],"data_offsets":[4,8]"#),
    (
      "the file ends within the data of the tensor 'a'; it is cut off",
      #""dtype":"F64","shape":[2],"data_offsets":[0,16]"#
    ),
    ("4 bytes follow the last tensor", #""dtype":"F32","shape":[1],"data_offsets":[0,4]"#),
    ("its data_offsets are not two ascending positions", #""dtype":"F32","shape":[1],"data_offsets":[4,0]"#),
    ("its data_offsets are not two ascending positions", #""dtype":"F32","shape":[1],"data_offsets":[0,4,8]"#),
    ("its data_offsets are not two ascending positions", #""dtype":"F32","shape":[1],"data_offsets":[-4,0]"#),
    ("its dtype 'U3' is not supported", #""dtype":"U3","shape":[1],"data_offsets":[0,4]"#),
    (
      "it has 9 axes, more than the 8 that are supported",
      #""dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]"#
    ),
    ("the header lacks its dtype, shape or data_offsets", #""dtype":"F32","shape":[1]"#),
    ("the header lacks its dtype, shape or data_offsets", #""dtype":4,"shape":[1],"data_offsets":[0,4]"#),
  ])
  func aTensorThatDoesNotFitItsDataIsRefused(expected: String, members: String) {
    #expect(problem(file("{\"a\":{\(members)}}", data: 8)) == expected)
  }

  @Test(arguments: [
    "[4611686018427387904,4]", "[9223372036854775807,9223372036854775807]",
    "[0,4611686018427387904,4611686018427387904]", "[-1]", "[1.5]", "[9223372036854775808]", "[\"1\"]", "[null]",
  ])
  func aShapeThatCannotBeHadIsRefused(shape: String) {
    let header = #"{"a":{"dtype":"F32","shape":\#(shape),"data_offsets":[0,0]}}"#
    #expect(problem(file(header)) == "its shape has a length that is negative, no whole number or too large")
  }

  @Test func overlapsAndGapsAreRefused() {
    func pair(_ second: String) -> [UInt8] {
      file(
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":\#(second)}}"#,
        data: 16)
    }
    #expect(problem(pair("[4,8]")) == "its data begin at offset 4, but those before end at 8")
    #expect(problem(pair("[12,16]")) == "its data begin at offset 12, but those before end at 8")
  }

  @Test func aTypeThatIsNotReadIsNamed() throws {
    let error = #expect(throws: FormatError.self) { try Safetensors(contentsOf: fixture("unsupported.safetensors")) }
    #expect(
      error?.description
        == "'\(fixture("unsupported.safetensors"))', tensor 'waves': its dtype 'C64' is not supported. "
        + "Store it as F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8 or BOOL.")
  }

  @Test func truthIsOneOrZero() {
    let header = #"{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}"#
    #expect(throws: Never.self) { try Safetensors(bytes: file(header) + [1], file: "f") }
    #expect(problem(file(header) + [2]) == "it is BOOL, and has bytes that are neither 0 nor 1")
  }

  @Test func metadataMustBeText() {
    #expect(problem(file(#"{"__metadata__":{"a":1}}"#)) == "the metadata 'a' are no text")
    #expect(problem(file(#"{"__metadata__":[]}"#)) == "the metadata are no object")
  }
}
