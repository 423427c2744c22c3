import AllocationCounter
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
    #expect(try written.serialized() == FileAccess.read(fixture("written.safetensors")))
  }

  @Test func whatTheFormatsOwnLibraryWroteIsRead() throws {
    let read = try Safetensors(contentsOf: fixture("written.safetensors"))
    #expect(read.entries == written.entries)
    #expect(read.metadata == written.metadata)
  }

  @Test func numbersOfEveryTypeAreReadAndWrittenByteForByte() throws {
    let bytes = try FileAccess.read(fixture("read.safetensors"))
    #expect(try Safetensors(bytes: bytes, file: "f").serialized() == bytes)
    let large = try FileAccess.read(fixture("large.safetensors"))
    #expect(try Safetensors(bytes: large, file: "f").serialized() == large)
  }

  @Test func numbersOfEveryTypeHaveTheirValues() throws {
    let read = try Safetensors(contentsOf: fixture("read.safetensors"))
    for (name, entry) in read.entries { #expect(entry.elementType.name.lowercased() == name) }
    let smallestHalf: Float = 0x1p-24
    let floats: [String: Tensor<Float>] = [
      "f16": Tensor([1, -2, 0.333251953125, 65504, smallestHalf, 0, .infinity]),
      "bf16": Tensor([1, -3, 0.333984375, 0x1p-133], shape: [2, 2]),
    ]
    let integers: [String: (numbers: [Int64], shape: Shape)] = [
      "i32": ([1, -2, 2_147_483_647], [3]), "i16": ([-32768, 32767], [2]), "i8": ([-128, 127], [2, 1]),
      "u64": ([0, .max], [2]), "u32": ([0, 4_294_967_295], [2]), "u16": ([65535], [1]), "u8": ([0, 255, 7], [3]),
      "bool": ([1, 0, 1], [3]),
    ]
    #expect(Set(read.entries.keys) == Set(floats.keys).union(integers.keys))
    for (name, expected) in floats { #expect(read.entries[name]?.tensor() == expected, "\(name)") }
    for (name, expected) in integers {
      let entry = try #require(read.entries[name])
      #expect(entry.wholeNumbers == expected.numbers && entry.shape == expected.shape, "\(name)")
      #expect(entry.tensor(of: Float.self) == nil && entry.values().elements == expected.numbers.map { Double($0) })
    }
  }

  /// The bits of signalling numbers and infinite ones too, which a conversion to another type may change.
  @Test func halvesKeepEveryBit() throws {
    for type in [StoredNumber.float16, .bfloat16] {
      let bytes = (0...UInt16.max).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
      let file = Safetensors(entries: ["all": .other(StoredTensor(type, shape: [256, 256], bytes: bytes))])
      let read = try Safetensors(bytes: file.serialized(), file: "f")
      #expect(read.entries["all"] == file.entries["all"])
      #expect(read.entries["all"]?.elementType == type)
    }
  }

  @Test func aCountMayBeOfAnyType() {
    func count(_ type: StoredNumber, _ shape: Shape, _ bytes: [UInt8]) -> Int? {
      Safetensors.Entry.other(StoredTensor(type, shape: shape, bytes: bytes)).count
    }
    #expect(Safetensors.Entry.integers([7], shape: []).count == 7)
    #expect(Safetensors.Entry.float(.scalar(20)).count == 20)
    #expect(Safetensors.Entry.double(Tensor([3])).count == 3)
    #expect(count(.uint8, [], [200]) == 200 && count(.int32, [1], [0, 1, 0, 0]) == 256)
    #expect(count(.float16, [], [0, 0x42]) == 3 && count(.bfloat16, [], [0xA0, 0x41]) == 20)
    for entry: Safetensors.Entry in [
      .float(.scalar(0.5)), .float(.scalar(-1)), .float(.scalar(.nan)), .float(.scalar(.infinity)),
      .float(Tensor([1, 2])),
      .double(.scalar(0x1p54)), .integers([-1], shape: []), .integers([.max], shape: []),
      .integers([1], shape: [1, 1]), .other(StoredTensor(.uint64, shape: [], bytes: [UInt8](repeating: 255, count: 8))),
    ] { #expect(entry.count == nil, "\(entry)") }
  }

  @Test func numbersAreReadWhereTheFormatsOwnLibraryOncePutThem() throws {
    let path = fixture("unaligned.safetensors")
    let expected: [String: (shape: Shape, numbers: [Double])] = [
      "a": ([1], [7]), "b": ([1, 2], [2.5, -1]), "c": ([3], [1, 0, 1]), "d": ([2], [1.0 / 3, -2]), "e": ([], [-5]),
      "f": ([3], [1, -2, 3]), "g": ([1], [0.5]),
    ]
    let bytes = try FileAccess.read(path)
    for file in [try Safetensors(contentsOf: path), try Safetensors(bytes: bytes, file: "f")] {
      #expect(file.entries.count == expected.count)
      for (name, (shape, numbers)) in expected {
        #expect(file.entries[name]?.shape == shape && file.entries[name]?.values().elements == numbers, "\(name)")
      }
    }
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

  @Test func theBytesDependOnTheContentsAlone() throws {
    var other = Safetensors(metadata: ["b": "2", "a": "1"])
    var same = Safetensors(metadata: ["a": "1", "b": "2"])
    for index in 0..<100 { other.entries["t\(index)"] = .float(.ones([index])) }
    for index in (0..<100).reversed() { same.entries["t\(index)"] = .float(.ones([index])) }
    #expect(try other.serialized() == same.serialized())
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

  @Test func aFileOnTheDiskHasTheBytesOfOneInMemory() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "file").path
    try written.write(to: path)
    #expect(try FileAccess.read(path) == written.serialized())
    try NumPyArchive(entries: written.entries).write(to: path)
    #expect(try FileAccess.read(path) == NumPyArchive(entries: written.entries).serialized())
  }

  @Test(.enabled(if: allocation_counter_works()), arguments: TensorFile.Format.allCases)
  func writingCopiesNoTensor(format: TensorFile.Format) throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = TensorFile(entries: ["x": .float(.zeros([1 << 20])), "y": .integers([1, 2], shape: [2])])
    let one = TensorFile(entries: file.entries.filter { $0.key == "x" })
    allocation_counter_start()
    try (format == .npy ? one : file).write(to: folder.appending(path: "file").path, as: format)
    // The tensor has 4 MiB.
    #expect(allocation_counter_largest() < 1 << 20)
  }

  @Test(arguments: ["file.safetensors", "file.npz"]) func aNameThatTheFormatCannotHoldIsRefused(file: String) throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: file).path
    let format = try #require(TensorFile.Format(path: path))
    let name = format == .npz ? String(repeating: "n", count: 65_532) : "__metadata__"
    let error = #expect(throws: FormatError.self) {
      try TensorFile(entries: [name: .float(.ones([1]))]).write(to: path, as: format)
    }
    #expect(error?.file == path && error?.location?.contains(name.prefix(12)) == true)
    #expect(FileAccess.kind(of: path) == nil)
    // One byte less can be held.
    guard format == .npz else { return }
    let entries = [String(name.dropLast()): Safetensors.Entry.float(.ones([1]))]
    try TensorFile(entries: entries).write(to: path, as: format)
    #expect(try TensorFile(contentsOf: path).entries == entries)
  }

  @Test(arguments: HalfPrecision.allCases) func tensorsOfHalfWidthKeepTheirBits(precision: HalfPrecision) throws {
    let half = HalfTensor(
      bits: (0..<1000).map { UInt16(truncatingIfNeeded: $0 * 4099) }, shape: [8, 125], precision: precision)
    var file = Safetensors()
    file.entries["half"] = .init(half)
    file.entries["full"] = .float(.ones([2]))
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "half.safetensors").path
    try file.write(to: path)
    let read = try Safetensors(contentsOf: path)
    #expect(read.entries["half"]?.halfWidth == half)
    #expect(read.entries["half"]?.elementType == (precision == .float16 ? .float16 : .bfloat16))
    #expect(read.entries["full"]?.halfWidth == nil)
    #expect(haveSameBits(read.entries["half"]!.values(of: Float.self), half.widened()))
  }
}
