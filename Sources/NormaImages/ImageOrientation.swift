/// How a picture must be turned to be seen as it was taken: what cameras note beside pixels that they left as the sensor
/// gave them (EXIF 2.32, tag 0x0112).
enum ImageOrientation: Int, CaseIterable {
  /// The first row is at the top, the first column at the left.
  case upright = 1
  /// Left and right change places.
  case mirrored = 2
  case upsideDown = 3
  /// Top and bottom change places.
  case flipped = 4
  /// Rows become columns.
  case transposed = 5
  /// To be turned to the right by a quarter.
  case turnedLeft = 6
  /// Rows become columns, from the last to the first both.
  case transverse = 7
  /// To be turned to the left by a quarter.
  case turnedRight = 8

  /// Whether height and width change places.
  var swapsSides: Bool { rawValue >= ImageOrientation.transposed.rawValue }
}

extension ImageOrientation {
  /// The orientation in EXIF data, which have the form of a TIFF file; nil if they say none.
  init?(exif bytes: ArraySlice<UInt8>) {
    let isLittleEndian: Bool
    switch bytes.prefix(2) {
    case [0x49, 0x49]: isLittleEndian = true
    case [0x4D, 0x4D]: isLittleEndian = false
    default: return nil
    }
    /// A number at an offset from the beginning; nil beyond the end.
    func number(_ width: Int, at offset: Int) -> Int? {
      guard offset >= 0, offset <= bytes.count - width else { return nil }
      let part = bytes[bytes.startIndex + offset..<bytes.startIndex + offset + width]
      return (isLittleEndian ? Array(part.reversed()) : Array(part)).reduce(0) { $0 << 8 | Int($1) }
    }
    guard number(2, at: 2) == 42, let directory = number(4, at: 4), let count = number(2, at: directory) else {
      return nil
    }
    // An entry: the tag, the type of its value, how many there are, and the value where it fits into four bytes.
    for entry in 0..<count {
      let place = directory + 2 + 12 * entry
      guard let tag = number(2, at: place), let type = number(2, at: place + 2) else { return nil }
      guard tag == 0x0112 else { continue }
      let widths = [1: 1, 3: 2, 4: 4]
      guard let width = widths[type], number(4, at: place + 4) == 1, let value = number(width, at: place + 8) else {
        return nil
      }
      self.init(rawValue: value)
      return
    }
    return nil
  }

  /// The orientation that a JPEG file says, before its pixels begin; nil if it says none.
  init?(jpeg bytes: [UInt8]) {
    let mark = Array("Exif\0\0".utf8)
    var position = 2
    // A segment: 0xFF, as often as one likes, its kind, its length (these two bytes included), and its data.
    while position + 4 <= bytes.count, bytes[position] == 0xFF {
      let kind = bytes[position + 1]
      if kind == 0xFF {
        position += 1
        continue
      }
      // The scan begins, or the end.
      guard kind != 0xDA, kind != 0xD9 else { return nil }
      let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
      let end = position + 2 + length
      guard length >= 2, end <= bytes.count else { return nil }
      let data = bytes[position + 4..<end]
      if kind == 0xE1 && data.starts(with: mark) {
        self.init(exif: data.dropFirst(mark.count))
        return
      }
      position = end
    }
    return nil
  }
}

extension RasterImage {
  /// The image as it is to be seen.
  func turned(_ orientation: ImageOrientation) -> RasterImage {
    guard orientation != .upright else { return self }
    let (newHeight, newWidth) = orientation.swapsSides ? (width, height) : (height, width)
    // Where the first pixel is from, and how far it is from there to what follows below it and beside it.
    let (right, down) = (channelCount, width * channelCount)
    let (lastRow, lastColumn) = ((height - 1) * down, (width - 1) * right)
    let (first, rowStep, columnStep) =
      switch orientation {
      case .upright: (0, down, right)
      case .mirrored: (lastColumn, down, -right)
      case .upsideDown: (lastRow + lastColumn, -down, -right)
      case .flipped: (lastRow, -down, right)
      case .transposed: (0, right, down)
      case .turnedLeft: (lastRow, right, -down)
      case .transverse: (lastRow + lastColumn, -right, -down)
      case .turnedRight: (lastColumn, -right, down)
      }
    var result: [UInt8] = []
    result.reserveCapacity(pixels.count)
    pixels.withUnsafeBufferPointer { pixels in
      for row in 0..<newHeight {
        for column in 0..<newWidth {
          let place = first + row * rowStep + column * columnStep
          for channel in 0..<channelCount { result.append(pixels[place + channel]) }
        }
      }
    }
    return RasterImage(height: newHeight, width: newWidth, channelCount: channelCount, pixels: result)
  }
}
