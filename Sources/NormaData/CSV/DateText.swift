/// Dates and times as ISO 8601 writes them.
enum DateText {
  /// The seconds since the beginning of 1970 (UTC) that a text such as `2024-02-29`, `2024-02-29T23:59:59.5Z`,
  /// `2024-02-29 23:59` or `2024-02-29T12:00:00+01:00` stands for; nil for all else, such as the 30th of February. Without
  /// an offset the time is that of UTC.
  static func seconds(_ text: String) -> Double? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
      year >= 1, (1...12).contains(month), day >= 1, day <= dayCount(year: year, month: month)
    else { return nil }
    let date = Double(days(year: year, month: month, day: day)) * 86_400
    guard bytes.count > 10 else { return date }
    guard bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t") || bytes[10] == UInt8(ascii: " ") else {
      return nil
    }
    guard let time = timeOfDay(bytes[11...]) else { return nil }
    return date + time
  }

  /// The seconds after midnight, those of the offset from UTC taken off.
  private static func timeOfDay(_ bytes: ArraySlice<UInt8>) -> Double? {
    var clock = bytes
    var offset = 0.0
    if clock.last == UInt8(ascii: "Z") || clock.last == UInt8(ascii: "z") {
      clock = clock.dropLast()
    } else if let sign = clock.lastIndex(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }) {
      let digits = clock[(sign + 1)...].filter { $0 != UInt8(ascii: ":") }
      guard digits.count == 2 || digits.count == 4, let hours = number(digits[0..<2]), hours < 24,
        let minutes = digits.count == 4 ? number(digits[2..<4]) : 0, minutes < 60
      else { return nil }
      offset = Double(hours * 3600 + minutes * 60) * (clock[sign] == UInt8(ascii: "-") ? -1 : 1)
      clock = clock[..<sign]
    }
    let parts = clock.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), parts[0].count == 2, parts[1].count == 2, let hours = number(parts[0]),
      hours < 24, let minutes = number(parts[1]), minutes < 60
    else { return nil }
    var seconds = 0.0
    if parts.count == 3 {
      let text = parts[2]
      guard text.count >= 2, number(text.prefix(2)) != nil,
        text.count == 2 || text.dropFirst(2).first == UInt8(ascii: "."),
        text.count == 2 || (text.count > 3 && text.dropFirst(3).allSatisfy(isDigit)),
        let value = Double(String(decoding: text, as: UTF8.self)), value < 61
      else { return nil }
      seconds = value
    }
    return Double(hours * 3600 + minutes * 60) + seconds - offset
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private static func number(_ bytes: some Collection<UInt8>) -> Int? {
    guard !bytes.isEmpty, bytes.allSatisfy(isDigit) else { return nil }
    return bytes.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }

  private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  private static func dayCount(year: Int, month: Int) -> Int {
    month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  /// The days since the beginning of 1970 in the Gregorian calendar.
  private static func days(year: Int, month: Int, day: Int) -> Int {
    let before = year - 1
    let leapDays = before / 4 - before / 100 + before / 400
    let inYear = (1..<month).reduce(0) { $0 + dayCount(year: year, month: $1) } + day - 1
    // 719,162 days lie between the first day of year 1 and that of 1970.
    return before * 365 + leapDays + inYear - 719_162
  }
}
