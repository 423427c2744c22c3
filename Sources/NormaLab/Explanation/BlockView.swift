import Foundation

/// A block of 4 × 4 × 4 numbers, examples by channels by places, as it is seen from one side. The script has the same.
struct BlockView {
  let yaw: Double, pitch: Double
  static let side = 4

  /// A corner of the block's cells on the page; coordinates from 0 to 4: examples, channels, places.
  private func point(_ corner: [Double]) -> (Double, Double) {
    let half = Double(Self.side) / 2
    let (x, z, y) = (corner[0] - half, corner[1] - half, corner[2] - half)
    let across = x * cos(yaw) - z * sin(yaw), depth = x * sin(yaw) + z * cos(yaw)
    return (180 + 44 * across, 165 - 44 * (y * cos(pitch) - depth * sin(pitch)))
  }

  /// For each axis, whether its upper side is seen.
  private var seesUpper: [Bool] { [sin(yaw) > 0, cos(yaw) > 0, true] }

  /// The cells of the three sides that are seen.
  func cells(_ isMarked: ((example: Int, channel: Int, place: Int)) -> Bool) -> [Markup] {
    let last = Self.side - 1
    return (0..<3).flatMap { axis -> [Markup] in
      let (first, second) = ((axis + 1) % 3, (axis + 2) % 3)
      let plane = seesUpper[axis] ? Self.side : 0
      return (0..<Self.side * Self.side).map { index in
        var cell = [0, 0, 0]
        cell[axis] = seesUpper[axis] ? last : 0
        (cell[first], cell[second]) = (index / Self.side, index % Self.side)
        let corners = [(0, 0), (1, 0), (1, 1), (0, 1)].map { step in
          var corner = [0.0, 0, 0]
          corner[axis] = Double(plane)
          corner[first] = Double(cell[first] + step.0)
          corner[second] = Double(cell[second] + step.1)
          return point(corner)
        }
        let marked = isMarked((cell[0], cell[1], cell[2]))
        return PageElements.path(
          PageElements.line(corners) + "z", "cell side-\(axis)\(marked ? " marked" : "")")
      }
    }
  }

  /// What the three axes are called, each beside an edge that is seen.
  var labels: [(axis: String, text: String, x: Double, y: Double)] {
    let side = Double(Self.side), upper = seesUpper
    let (ex, ch) = (upper[0] ? side : 0, upper[1] ? side : 0)
    func out(_ corner: [Double], _ text: String, _ axis: String) -> (String, String, Double, Double) {
      let (x, y) = point(corner)
      return (axis, text, min(326, max(34, x)), min(314, y + 4))
    }
    let places = out([upper[0] ? -0.5 : 4.5, ch + (upper[1] ? 0.3 : -0.3), side / 2], "places", "places")
    return [
      out([side / 2, ch + (upper[1] ? 0.5 : -0.5), -0.2], "examples", "examples"),
      out([ex + (upper[0] ? 0.5 : -0.5), side / 2, -0.2], "channels", "channels"),
      // Away from the block, whose edge it stands beside.
      (places.0, places.1, places.2 + (places.2 < 180 ? -14 : 14), places.3),
    ]
  }
}
