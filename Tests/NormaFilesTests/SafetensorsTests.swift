import Foundation
import NormaFiles
import NormaTensor
import TestSupport
import Testing

@Suite struct SafetensorsTests {
  /// What `make_file_fixtures.py` put into `written.safetensors`.
  let written = Safetensors(
    entries: [
      "layer.0.weight": .float(Tensor([1.5, -2.25, 3e-8, 0.1, -0.0, 1e30], shape: [2, 3])),
      "layer.0.bias": .float(Tensor([0.5, -0.5])),
      "reference": .double(Tensor([1.0 / 3, 2.0 / 3])),
      "layer.1.num_batches_tracked": .integers([12_345_678_901], shape: []),
      "größe \"q\"": .integers([7], shape: [1]),
      "empty": .float(Tensor([], shape: [0, 3])),
    ],
    metadata: ["note": "a \"quoted\" word,\na back\\slash, 数 and / a tab\t"])

  @Test func theBytesAreThoseOfTheFormatsOwnLibrary() throws {
    #expect(written.serialized() == (try FileAccess.read(fixture("written.safetensors"))))
  }

  @Test func whatTheFormatsOwnLibraryWroteIsRead() throws {
    let read = try Safetensors(contentsOf: fixture("written.safetensors"))
    #expect(read.entries == written.entries)
    #expect(read.metadata == written.metadata)
  }

  @Test func otherTypesAreReadAsTheNextWiderOne() throws {
    let read = try Safetensors(contentsOf: fixture("read.safetensors"))
    let smallestHalf: Float = 0x1p-24
    #expect(
      read.entries == [
        "f16": .float(Tensor([1, -2, 0.333251953125, 65504, smallestHalf, 0, .infinity])),
        "bf16": .float(Tensor([1, -3, 0.333984375, 0x1p-133], shape: [2, 2])),
        "i32": .integers([1, -2, 2_147_483_647], shape: [3]),
        "i16": .integers([-32768, 32767], shape: [2]),
        "i8": .integers([-128, 127], shape: [2, 1]),
        "u64": .integers([0, .max], shape: [2]),
        "u32": .integers([0, 4_294_967_295], shape: [2]),
        "u16": .integers([65535], shape: [1]),
        "u8": .integers([0, 255, 7], shape: [3]),
        "bool": .integers([1, 0, 1], shape: [3]),
      ])
  }

  @Test func numbersAreReadWhereTheFormatsOwnLibraryOncePutThem() throws {
    let path = fixture("unaligned.safetensors")
    let expected: [String: Safetensors.Entry] = [
      "a": .integers([7], shape: [1]), "b": .float(Tensor([2.5, -1], shape: [1, 2])),
      "c": .integers([1, 0, 1], shape: [3]), "d": .double(Tensor([1.0 / 3, -2])), "e": .integers([-5], shape: []),
      "f": .integers([1, -2, 3], shape: [3]), "g": .float(Tensor([0.5])),
    ]
    #expect(try Safetensors(contentsOf: path).entries == expected)
    let bytes = try FileAccess.read(path)
    #expect(try Safetensors(bytes: bytes, file: "f").entries == expected)
    // The file is none of today's: numbers of four bytes begin at an odd offset.
    #expect(String(decoding: bytes, as: UTF8.self).contains(#""dtype":"F32","shape":[1,2],"data_offsets":[1,9]"#))
  }

  @Test func numbersMayStandAtAnyByte() throws {
    // Headers of any length.
    let header = #"{"x":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}   "#
    for padding in 0..<8 {
      let text = header + String(repeating: " ", count: padding)
      var bytes = withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { Array($0) } + Array(text.utf8)
      for number in [0.1, -2.5] {
        bytes += withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
      }
      #expect(try Safetensors(bytes: bytes, file: "f").entries == ["x": .double(Tensor([0.1, -2.5]))])
    }
  }

  @Test func nothingAtAllIsAFileToo() throws {
    let empty = try Safetensors(bytes: Safetensors().serialized(), file: "f")
    #expect(empty.entries.isEmpty && empty.metadata.isEmpty)
  }

  @Test func theBytesDependOnTheContentsAlone() {
    var other = Safetensors(metadata: ["b": "2", "a": "1"])
    var same = Safetensors(metadata: ["a": "1", "b": "2"])
    for index in 0..<100 { other.entries["t\(index)"] = .float(.ones([index])) }
    for index in (0..<100).reversed() { same.entries["t\(index)"] = .float(.ones([index])) }
    #expect(other.serialized() == same.serialized())
  }

  @Test func specialNumbersKeepTheirBits() throws {
    let numbers = [Float.nan, -.infinity, -0.0, .leastNonzeroMagnitude, Float(nan: 5, signaling: false)]
    let file = Safetensors(entries: ["x": .float(Tensor(numbers))])
    let read = try Safetensors(bytes: file.serialized(), file: "f")
    let tensor: Tensor<Float>? = read.entries["x"]?.tensor()
    #expect(tensor?.elements.map(\.bitPattern) == numbers.map(\.bitPattern))
  }

  @Test func aFileIsWrittenAndReadAgain() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "model.safetensors").path
    try written.write(to: path)
    #expect(try Safetensors(contentsOf: path).entries == written.entries)
  }
}
