import Foundation
import NormaTensor

// Texts.
extension OperatorCall {
  /// An input of texts.
  private func texts(_ index: Int) throws(ONNXError) -> ONNXStrings {
    guard case .strings(let texts) = try input(index) else {
      throw malformed("input \(index + 1) has elements of type \(try input(index).elementType), and no texts")
    }
    return texts
  }

  /// Two inputs of texts, repeated to the shape that they have in common.
  func commonTexts() throws(ONNXError) -> (left: ONNXStrings, right: ONNXStrings) {
    let (left, right) = (try texts(0), try texts(1))
    guard let common = commonShape(left.shape, right.shape) else {
      throw malformed("shapes \(left.shape) and \(right.shape) do not go together")
    }
    let shape = try shape(common)
    guard case .strings(let x) = ONNXTensor.strings(left).broadcast(to: shape),
      case .strings(let y) = ONNXTensor.strings(right).broadcast(to: shape)
    else { return (left, right) }
    return (x, y)
  }

  /// `StringConcat`: one behind the other.
  func concatenateTexts() throws(ONNXError) -> [ONNXTensor] {
    let (left, right) = try commonTexts()
    let longest =
      (left.values.map(\.utf8.count).max() ?? 0) + (right.values.map(\.utf8.count).max() ?? 0)
    guard longest <= 1 << 20 else { throw unsupported("texts of \(longest) bytes") }
    return [.strings(ONNXStrings(zip(left.values, right.values).map { $0 + $1 }, shape: left.shape))]
  }

  /// `StringSplit`: the parts between delimiters, as many for each text as the one has that has most, and how many there are; between
  /// white space where there is no delimiter.
  func splitTexts() throws(ONNXError) -> [ONNXTensor] {
    let x = try texts(0)
    let delimiter = try string("delimiter", or: "")
    let most = node.attributes["maxsplit"] == nil ? Int.max : try integer("maxsplit", or: 0)
    let parts = x.values.map { Self.parts(of: $0, delimiter, atMost: max(0, most)) }
    let count = parts.map(\.count).max() ?? 0
    let shape = try shape(Array(x.shape) + [count])
    let all = parts.flatMap { $0 + [String](repeating: "", count: count - $0.count) }
    return [
      .strings(ONNXStrings(all, shape: shape)),
      .integers(ONNXIntegers(parts.map { Int64($0.count) }, shape: x.shape)),
    ]
  }

  private static func parts(of text: String, _ delimiter: String, atMost most: Int) -> [String] {
    guard delimiter.isEmpty else {
      var (parts, rest) = ([String](), text[...])
      while parts.count < most, let range = rest.range(of: delimiter, options: .literal) {
        parts.append(String(rest[..<range.lowerBound]))
        rest = rest[range.upperBound...]
      }
      return parts + [String(rest)]
    }
    var (parts, rest) = ([String](), text.drop(while: \.isWhitespace))
    while !rest.isEmpty {
      guard parts.count < most else {
        parts.append(String(rest))
        break
      }
      let part = rest.prefix { !$0.isWhitespace }
      parts.append(String(part))
      rest = rest[part.endIndex...].drop(while: \.isWhitespace)
    }
    return parts
  }

  /// `StringNormalizer`: without some words, and in upper or lower case.
  func normalizeTexts() throws(ONNXError) -> [ONNXTensor] {
    let x = try texts(0)
    guard x.shape.rank == 1 || x.shape.rank == 2 && x.shape[0] == 1 else {
      throw malformed("texts of shape \(x.shape), which are no row")
    }
    let change = try string("case_change_action", or: "NONE")
    let isSensitive = try integer("is_case_sensitive", or: 0) != 0
    guard ["NONE", "LOWER", "UPPER"].contains(change) else { throw malformed("'case_change_action' is '\(change)'") }
    let stops = try strings("stopwords") ?? []
    func lowered(_ text: String) -> String { isSensitive ? text : text.lowercased() }
    let unwanted = Set(stops.map(lowered))
    var values = x.values.filter { !unwanted.contains(lowered($0)) }
    if change != "NONE" { values = values.map { change == "LOWER" ? $0.lowercased() : $0.uppercased() } }
    if values.isEmpty { values = [""] }
    return [.strings(ONNXStrings(values, shape: x.shape.rank == 1 ? [values.count] : [1, values.count]))]
  }

  /// `TfIdfVectorizer`: how often sequences of words, or of numbers, are there, each with a weight.
  func countSequences() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let most = try integer("max_gram_length", or: 0)
    let least = try integer("min_gram_length", or: 0)
    let skips = try integer("max_skip_count", or: 0)
    let (starts, places) = (try integers("ngram_counts") ?? [], try integers("ngram_indexes") ?? [])
    let mode = try string("mode", or: "")
    guard least > 0, most >= least, most <= 1 << 10, (0...1 << 16).contains(skips),
      ["TF", "IDF", "TFIDF"].contains(mode)
    else { throw malformed("sequences of \(least) to \(most), with \(skips) left out, by '\(mode)'") }
    let (pool, words): ([String], [String])
    switch x {
    case .integers(let tensor):
      (pool, words) = ((try integers("pool_int64s") ?? []).map { "\($0)" }, tensor.values.map { "\($0)" })
    case .strings(let tensor): (pool, words) = (try strings("pool_strings") ?? [], tensor.values)
    default: throw unsupported("elements of type \(x.elementType)")
    }
    guard x.shape.rank <= 2 else { throw malformed("words of shape \(x.shape)") }
    // The number of each sequence, by its words.
    var numbers: [[String]: Int] = [:]
    var number = 0
    for (index, start) in starts.enumerated() {
      let end = index + 1 < starts.count ? starts[index + 1] : pool.count
      let width = index + 1
      guard start >= 0, end >= start, end <= pool.count else { throw malformed("'ngram_counts' is \(starts)") }
      for place in stride(from: start, to: end, by: width) where place + width <= end {
        if (least...most).contains(width) { numbers[Array(pool[place..<place + width])] = number }
        number += 1
      }
    }
    let weights = try self.numbers("weights")
    guard places.count >= number, places.allSatisfy({ $0 >= 0 && $0 < maximumElementCount }),
      weights.map({ $0.count >= number }) ?? true
    else { throw malformed("\(places.count) places and \(weights?.count ?? 0) weights for \(number) sequences") }
    let width = (places.max() ?? -1) + 1
    let rows = x.shape.rank == 2 ? x.shape[0] : 1
    let columns = x.shape.rank == 0 ? 1 : x.shape[x.shape.rank - 1]
    let shape = try shape(x.shape.rank == 2 ? [rows, width] : [width])
    try limit(Double(rows) * Double(columns) * Double(skips + 1) * Double(most), what: "sequences of words")
    var counts = [Float](repeating: 0, count: shape.elementCount)
    var weightOfPlace = [Float](repeating: 1, count: width)
    for (index, place) in places.prefix(number).enumerated() { weightOfPlace[place] = weights?[index] ?? 1 }
    for row in 0..<rows {
      for size in least...most {
        // A single word leaves none out.
        for distance in 1...(size == 1 ? 1 : skips + 1) {
          for start in 0..<max(0, columns - (size - 1) * distance) {
            let sequence = (0..<size).map { words[row * columns + start + $0 * distance] }
            if let number = numbers[sequence] { counts[row * width + places[number]] += 1 }
          }
        }
      }
    }
    for index in counts.indices {
      let weight = weightOfPlace[index % width]
      switch mode {
      case "IDF": counts[index] = counts[index] > 0 ? weight : 0
      case "TFIDF": counts[index] *= weight
      default: break
      }
    }
    return [.floats(Tensor(counts, shape: shape))]
  }
}
