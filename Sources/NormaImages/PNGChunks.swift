/// The chunks that a PNG file consists of (ISO/IEC 15948), of which a few decide what is seen.
struct PNGChunks {
  /// The file with those chunks alone that say which samples there are: none that libpng would take for a reason to compute
  /// other ones from them, such as `gAMA`, `sRGB` and `iCCP`.
  private(set) var samplesOnly: [UInt8]
  /// What `eXIf` says, in the form of a TIFF file; nil if there is none.
  private(set) var exif: ArraySlice<UInt8>?

  /// Looks a file through. Where it is cut off or damaged the rest stays as it is, so that libpng says what is wrong.
  init(_ bytes: [UInt8]) {
    samplesOnly = Array(bytes.prefix(PNG.signature.count))
    samplesOnly.reserveCapacity(bytes.count)
    var position = PNG.signature.count
    // A chunk: the length of its data, four letters, the data, and a checksum.
    while position + 12 <= bytes.count {
      let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      let end = position + 12 + length
      guard end <= bytes.count else { break }
      let kind = bytes[position + 4..<position + 8]
      // A small first letter marks what the samples can be had without; of these only `tRNS` says what they are.
      let isNeeded = kind.first.map { $0 & 0x20 == 0 } ?? true || kind.elementsEqual("tRNS".utf8)
      if isNeeded { samplesOnly += bytes[position..<end] }
      if exif == nil && kind.elementsEqual("eXIf".utf8) { exif = bytes[position + 8..<end - 4] }
      position = end
    }
    samplesOnly += bytes[position...]
  }
}
