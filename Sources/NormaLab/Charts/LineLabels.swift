import Norma

/// Where the names of a chart's lines stand: beside the lines' ends, in the order of the ends, none over another.
///
/// Lines that end near the right edge have their names in a column there; a thin line leads to a name that had to move
/// away from its line's end. The name of a line that ends before that stands at its end, where it hides least.
struct LineLabels {
  /// A line that is to be named.
  struct Line {
    /// The name.
    var name: String
    /// Where it ends.
    var end: Place { course[course.count - 1] }
    /// The places that it passes; at least one.
    var course: [Place]
  }

  /// A place in the drawing.
  struct Place: Equatable {
    var x: Double, y: Double
  }

  /// A rectangle in the drawing.
  struct Box {
    var left: Double, top: Double, right: Double, bottom: Double

    func overlaps(_ other: Box) -> Bool {
      left < other.right && other.left < right && top < other.bottom && other.top < bottom
    }

    func contains(_ place: Place) -> Bool { left < place.x && place.x < right && top < place.y && place.y < bottom }
  }

  /// A name in its place.
  struct Label {
    /// Which of the lines it names.
    let line: Int
    /// The name, in one or more lines of text.
    let lines: [String]
    /// The room it takes.
    let box: Box
    /// Whether it is too long even for several lines of text, so that its end is left out.
    let isCut: Bool
    /// The two ends of the thin line that leads to it, where one does.
    var leader: (from: Place, to: Place)?
  }

  /// The distance between the base lines of a name's lines of text, and the room between two names.
  static let lineHeight = 15.0, spacing = 1.0
  private static let gap = 9.0

  /// From top to bottom in the column, then those of the lines that end before it.
  private(set) var labels: [Label] = []

  /// - Parameters:
  ///   - lines: the lines that are named.
  ///   - room: what names may cover: from the left edge of the plot to that of the drawing, from the plot's top to its bottom.
  ///   - plotRight: the right edge of the plot.
  ///   - labelWidth: the width of a line of a name's text.
  ///   - obstacles: what no name may cover.
  init(_ lines: [Line], room: Box, plotRight: Double, labelWidth: Double, obstacles: [Box] = []) {
    let texts = lines.map { LineLabels.wrapped($0.name, width: labelWidth) }
    let edge = room.left + 0.75 * (plotRight - room.left)
    let late = lines.indices.filter { lines[$0].end.x >= edge }.sorted { LineLabels.isAbove(lines, $0, $1) }
    let x = (late.map { lines[$0].end.x }.max() ?? plotRight) + LineLabels.gap
    let heights = late.map { Double(texts[$0].count) * LineLabels.lineHeight }
    let places = LineLabels.stacked(
      late.map { lines[$0].end.y }, heights: heights, from: room.top, to: room.bottom)
    for (place, (index, middle)) in zip(late, places).enumerated() {
      let end = lines[index].end
      let isFar = abs(middle - end.y) > 5 || x - LineLabels.gap - end.x > 6
      labels.append(
        Label(
          line: index, lines: texts[index],
          box: LineLabels.box(texts[index], left: x, middle: middle, height: heights[place]),
          isCut: LineLabels.isCut(lines[index].name, texts[index]),
          leader: isFar ? (Place(x: end.x + 4, y: end.y), Place(x: x - 2, y: middle)) : nil))
    }
    let courses = lines.map { LineLabels.dense($0.course) }
    for index in lines.indices where lines[index].end.x < edge {
      let label = LineLabels.nearby(
        index, lines[index], texts[index], room: room, courses: courses, taken: obstacles + labels.map(\.box))
      labels.append(label)
    }
  }

  /// Whether a line's name stands above another's: by where the lines end, or else by where they come from.
  private static func isAbove(_ lines: [Line], _ one: Int, _ other: Int) -> Bool {
    for (mine, yours) in zip(lines[one].course.reversed(), lines[other].course.reversed()) where mine.y != yours.y {
      return mine.y < yours.y
    }
    return one < other
  }

  /// The middles of rows that are wished to be at some heights, in that order, so far apart that none overlaps another and
  /// within the ends as far as there is room.
  static func stacked(_ wishes: [Double], heights: [Double], from top: Double, to bottom: Double) -> [Double] {
    guard let first = heights.first, let last = heights.last else { return [] }
    let distances = zip(heights, heights.dropFirst()).map { ($0 + $1) / 2 + spacing }
    let offsets = distances.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    let places = separated(wishes, weights: wishes.map { _ in 1 }, distances: distances)
    let (lowest, highest) = (top + first / 2, bottom - last / 2 - offsets[offsets.count - 1])
    return zip(places, offsets).map { max(lowest, min($0 - $1, highest)) + $1 }
  }

  /// The name of a line that ends in the middle of the plot: of all places around its end the one that is free of other
  /// names and covers least of the lines.
  private static func nearby(
    _ index: Int, _ line: Line, _ texts: [String], room: Box, courses: [[Place]], taken: [Box]
  ) -> Label {
    let end = line.end
    let height = Double(texts.count) * lineHeight
    let width = texts.map { Drawing.textWidth($0, isBold: true) }.max() ?? 0
    var best: (cost: Double, box: Box)?
    let steps = Int((room.bottom - room.top) / 6) + 1
    for step in -steps...steps {
      for (left, penalty) in [(end.x + gap, 0.0), (end.x - gap - width, 4), (end.x - width / 2, 8)] {
        let middle = end.y + 6 * Double(step)
        let candidate = box(texts, left: left, middle: middle, height: height)
        guard candidate.left >= room.left, candidate.right <= room.right, candidate.top >= room.top,
          candidate.bottom <= room.bottom
        else { continue }
        var cost = penalty + 3 * abs(Double(step))
        cost += 6 * Double(courses.joined().count { candidate.contains($0) })
        if taken.contains(where: { $0.overlaps(candidate) }) { cost += 1e6 }
        if best == nil || cost < best!.cost { best = (cost, candidate) }
      }
    }
    let found = best?.box ?? box(texts, left: end.x + gap, middle: end.y, height: height)
    let nearest = Place(
      x: min(max(end.x, found.left), found.right), y: min(max(end.y, found.top + 3), found.bottom - 3))
    let distance = ((nearest.x - end.x) * (nearest.x - end.x) + (nearest.y - end.y) * (nearest.y - end.y)).squareRoot()
    return Label(
      line: index, lines: texts, box: found, isCut: isCut(line.name, texts),
      leader: distance > 16 ? (end, nearest) : nil)
  }

  private static func box(_ texts: [String], left: Double, middle: Double, height: Double) -> Box {
    let width = texts.map { Drawing.textWidth($0, isBold: true) }.max() ?? 0
    return Box(left: left, top: middle - height / 2, right: left + width, bottom: middle + height / 2)
  }

  /// Places along a course, close together.
  private static func dense(_ course: [Place]) -> [Place] {
    zip(course, course.dropFirst()).flatMap { from, to in
      let count = max(1, Int(max(abs(to.x - from.x), abs(to.y - from.y)) / 4))
      return (0..<count).map { step in
        let share = Double(step) / Double(count)
        return Place(x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y))
      }
    } + course.suffix(1)
  }

  /// How wide a line of a name's text may be: most names fit a third of the drawing, a long word gets a little more.
  static func widestLine(_ names: [String], drawingWidth: Double) -> Double {
    let words = names.flatMap { $0.split(separator: " ") }.map { Drawing.textWidth(String($0), isBold: true) }
    return min(max(0.32 * drawingWidth, words.max() ?? 0), 0.42 * drawingWidth)
  }

  /// A name on up to four lines of text of a width. What is too long even for that ends in "…".
  static func wrapped(_ name: String, width: Double) -> [String] {
    var lines: [String] = []
    for word in name.split(separator: " ") {
      if let last = lines.last, Drawing.textWidth("\(last) \(word)", isBold: true) <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    if lines.count > 4 { lines = Array(lines[..<3]) + [lines[3...].joined(separator: " ")] }
    return lines.map { Drawing.fitted($0, width: width, isBold: true) }
  }

  private static func isCut(_ name: String, _ lines: [String]) -> Bool {
    lines.joined(separator: " ") != name.split(separator: " ").joined(separator: " ")
  }
}
