import Foundation
import Norma
import TestSupport
import Testing

/// Where memory cannot be had: the shell holds the command to less than files and networks ask for. Only Linux holds
/// processes to such a limit, and sanitizers take more than any.
@Suite(.enabled(if: limitsHold, "this system holds no process to a limit of memory, or a sanitizer needs more"))
struct MemoryTests {
  private func limited(_ arguments: String, in folder: Folder) throws -> Norma.Outcome {
    try Norma.shell("ulimit -v 1500000; \"$norma\" \(arguments)", directory: folder.url)
  }

  /// A file with holes, as long as one likes, and nothing on the disk.
  private func makeLongFile(_ start: [UInt8], count: Int, named name: String, in folder: Folder) throws {
    try #require(truncate(try folder.write(start, to: name), off_t(start.count + count)) == 0)
  }

  @Test func aFileThatPromisesMoreThanThereIsMemoryForIsBadData() throws {
    let folder = try Folder()
    let count = 800_000_000
    let npy = Array("{'descr': '<f4', 'fortran_order': False, 'shape': (\(count),)}".utf8)
    try makeLongFile(
      [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(npy.count), 0] + npy, count: 4 * count, named: "x.npy", in: folder)
    let header = Array(#"{"x":{"dtype":"F32","shape":[\#(count)],"data_offsets":[0,\#(4 * count)]}}"#.utf8)
    try makeLongFile(
      withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header, count: 4 * count,
      named: "x.safetensors", in: folder)
    try makeLongFile(Array("1,2\n".utf8), count: 4 * count, named: "x.csv", in: folder)
    // One image of many pixels.
    try makeLongFile(
      [0, 0, 8, 3, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0xFF, 0xFF], count: 0xFFFF << 16, named: "train-images-idx3-ubyte",
      in: folder)
    try folder.write([0, 0, 8, 1, 0, 0, 0, 1, 0], to: "train-labels-idx1-ubyte")
    for arguments in [
      "convert x.npy -o y.npz", "convert x.safetensors -o y.npz", "inspect x.npy", "evaluate x.safetensors",
      "explain x.csv", "train --data csv:x.csv --out out", "train --data mnist:. --out out",
    ] {
      let outcome = try limited(arguments, in: folder)
      expectFailure(outcome, status: 65, saying: "of memory, and ")
    }
  }

  @Test func aSmallFileThatInflatesToAnySizeIsBadDataAndSoonSeenToBe() throws {
    let folder = try Folder()
    try #require(
      try Norma.shell(
        "{ printf '\\000\\000\\010\\003\\000\\000\\000\\001\\000\\000\\000\\034\\000\\000\\000\\034'; "
          + "head -c 2000000000 /dev/zero; } | gzip -1 > train-images-idx3-ubyte.gz; "
          + "head -c 2000000000 /dev/zero | gzip -1 > zeros.tar.gz", directory: folder.url
      ).status == 0)
    try folder.write([0, 0, 8, 1, 0, 0, 0, 1, 0], to: "train-labels-idx1-ubyte")
    for (arguments, words) in [
      ("train --data mnist:. --out out", "65536 or more bytes follow the last of the 784 elements"),
      ("train --data cifar10:zeros.tar.gz --out out", "it goes on behind its end"),
      ("explain zeros.tar.gz", "of memory, and "),
    ] {
      let outcome = try limited(arguments, in: folder)
      expectFailure(outcome, status: 65, saying: words)
    }
  }

  @Test func aNetworkThatTakesMoreThanThereIsEndsWithASentence() throws {
    let folder = try Folder()
    let outcome = try limited("train --model mlp:20000,20000 --epochs 1 --quiet --out out", in: folder)
    #expect(outcome.status == 70)
    #expect(outcome.error.contains("norma: There is not enough memory: "), "\(outcome.error)")
    #expect(try folder.names(in: "out").allSatisfy { $0 == ".norma.lock" })
  }
}

private let limitsHold: Bool = {
  #if os(Linux)
    !isSanitized
  #else
    false
  #endif
}()
