import Foundation
import NormaFiles
import NormaTensor
import TestSupport
import Testing

/// The path of a file that `make_numpy_fixtures.py` made.
func numpyFixture(_ name: String) -> String { fixturesDirectory.appending(path: "numpy").appending(path: name).path }

/// What `make_numpy_fixtures.py` made the files of.
enum NumPyFixtures {
  /// From -5 on in row-major order.
  static let signed: [Int64] = (0..<24).map { $0 - 5 }
  /// From 0 on.
  static let unsigned: [Int64] = (0..<24).map { $0 }
  static let shape: Shape = [2, 3, 4]

  /// The arrays that are written as NumPy writes them.
  static let written: [String: Safetensors.Entry] = [
    "f4": .float(Tensor(signed.map { Float($0) / 3 }, shape: shape)),
    "f8": .double(Tensor(signed.map { Double($0) / 3 }, shape: shape)),
    "i8": .integers(signed, shape: shape),
    "scalar": .float(.scalar(1.5)),
    "vector": .double(Tensor((0..<7).map { Double($0) })),
    "empty": .float(.zeros([0, 3])),
    "deep": .integers(Array(unsigned.prefix(8)), shape: [1, 2, 1, 2, 1, 2, 1, 1]),
  ]
}

@Suite struct NumPyArrayTests {
  @Test(arguments: NumPyFixtures.written.keys.sorted()) func theBytesAreNumPys(name: String) throws {
    let entry = try #require(NumPyFixtures.written[name])
    #expect(NumPyArray(entry).serialized() == (try FileAccess.read(numpyFixture("\(name).npy"))))
    #expect(try NumPyArray(contentsOf: numpyFixture("\(name).npy")).entry == entry)
  }

  @Test func numbersWithFractionsOfAllWidthsAndByteOrdersKeepTheirType() throws {
    let expected = Tensor(NumPyFixtures.signed.map { Float($0) }, shape: NumPyFixtures.shape)
    #expect(try NumPyArray(contentsOf: numpyFixture("big-f4.npy")).entry == .float(expected))
    for name in ["f2", "big-f2"] {
      let entry = try NumPyArray(contentsOf: numpyFixture("\(name).npy")).entry
      #expect(entry.elementType == .float16 && entry.tensor() == expected, "\(name)")
    }
    let wide = Safetensors.Entry.double(Tensor(NumPyFixtures.signed.map { Double($0) }, shape: NumPyFixtures.shape))
    #expect(try NumPyArray(contentsOf: numpyFixture("big-f8.npy")).entry == wide)
  }

  @Test func integersOfAllWidthsAndByteOrdersAreRead() throws {
    func check(_ name: String, _ type: StoredNumber, _ numbers: [Int64]) throws {
      let entry = try NumPyArray(contentsOf: numpyFixture("\(name).npy")).entry
      #expect(entry.elementType == type && entry.shape == NumPyFixtures.shape, "\(name)")
      #expect(entry.wholeNumbers == numbers, "\(name)")
    }
    for (name, type) in [
      ("i4", .int32), ("i2", .int16), ("i1", .int8), ("big-i8", .int64), ("big-i4", .int32), ("big-i2", .int16),
    ] as [(String, StoredNumber)] { try check(name, type, NumPyFixtures.signed) }
    for (name, type) in [
      ("u8", .uint64), ("u4", .uint32), ("u2", .uint16), ("u1", .uint8), ("big-u8", .uint64), ("big-u4", .uint32),
      ("big-u2", .uint16),
    ] as [(String, StoredNumber)] { try check(name, type, NumPyFixtures.unsigned) }
    try check("b1", .boolean, NumPyFixtures.unsigned.map { $0 % 3 == 0 ? 1 : 0 })
  }

  /// Little-endian arrays of every type that NumPy has come back byte for byte.
  @Test(arguments: ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1", "large-u8"])
  func everyTypeIsWrittenAsItWasRead(name: String) throws {
    let bytes = try FileAccess.read(numpyFixture("\(name).npy"))
    #expect(try NumPyArray(bytes: bytes, file: "f").serialized() == bytes)
  }

  /// 1, -3, and a number that is subnormal in single precision.
  @Test func whatNumPyHasNoTypeForIsWrittenInTheNextWiderOne() throws {
    let numbers = StoredTensor(.bfloat16, shape: [3], bytes: [0x80, 0x3F, 0x40, 0xC0, 0x01, 0x00])
    let read = try NumPyArray(bytes: NumPyArray(.other(numbers)).serialized(), file: "f").entry
    #expect(read == .float(Tensor([1, -3, 0x1p-133])))
  }

  @Test func arraysWithTheirColumnsSideBySideAreRead() throws {
    let floats = NumPyFixtures.unsigned.map { Float($0) }
    for (name, expected) in [
      ("f4", .float(Tensor(floats, shape: NumPyFixtures.shape))),
      ("f4-big", .float(Tensor(floats, shape: NumPyFixtures.shape))),
      ("f8", .double(Tensor(floats.map { Double($0) }, shape: NumPyFixtures.shape))),
      ("i8", .integers(NumPyFixtures.unsigned, shape: NumPyFixtures.shape)),
      (
        "u1",
        .other(StoredTensor(.uint8, shape: NumPyFixtures.shape, bytes: NumPyFixtures.unsigned.map { UInt8($0) }))
      ),
    ] as [(String, Safetensors.Entry)] {
      #expect(try NumPyArray(contentsOf: numpyFixture("columns-\(name).npy")).entry == expected, "\(name)")
    }
  }

  @Test(arguments: 1...3) func allVersionsOfTheFormatAreRead(version: Int) throws {
    let expected = Safetensors.Entry.float(Tensor(NumPyFixtures.signed.map { Float($0) }, shape: NumPyFixtures.shape))
    #expect(try NumPyArray(contentsOf: numpyFixture("version-\(version).npy")).entry == expected)
  }

  @Test func theHeadersOfOtherWritersAreRead() throws {
    let one: [UInt8] = [0, 0, 128, 63]
    for (header, shape) in [
      (#"{"shape":(1,1),"descr":"<f4","fortran_order":False}"#, [1, 1]),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1L, 1L), }\n", [1, 1]),
      ("  { 'fortran_order' : True , 'shape' : ( 1 , ) , 'descr' : '<f4' } \n", [1]),
      ("{'descr':'<f4','fortran_order':True,'shape':()}", []),
    ] as [(String, Shape)] {
      #expect(
        try NumPyArray(bytes: array(header, one), file: "f").entry == .float(Tensor([1], shape: shape)), "\(header)")
    }
  }

  @Test func anArrayIsWrittenAndReadAgain() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "x.npy").path
    let array = NumPyArray(.double(.linearlySpaced(from: 0, through: 1, shape: [3, 50, 7])))
    try array.write(to: path)
    #expect(try NumPyArray(contentsOf: path) == array)
  }
}

/// A file of version 1 with the given header and numbers.
func array(_ header: String, _ data: [UInt8]) -> [UInt8] {
  [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)]
    + Array(header.utf8) + data
}
