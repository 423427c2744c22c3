// The twin of CKernels/loops/vectors.h: what of a vector's width is part of the arithmetic, on every instruction set.

/// The sums that values which stand side by side are added to at once, in each of some groups.
let lanesOfGroup = 16

/// ReLU, if it is asked for. A NaN compares as false, and is passed on.
@inline(__always) func rectified(_ value: Float, _ rectifies: Bool) -> Float { rectifies && value <= 0 ? 0 : value }

/// The sum of terms that stand side by side: in single precision over lanes, which are then added up in double
/// precision.
///
/// Lane l of group g adds the terms `16 · g + l`, `16 · (g + groups) + l` and so on, in this order. The terms after the
/// last sixteen go to the last lanes of the last group. Groups, 2 or 4, are added in pairs; lanes by halves upon
/// halves. Fewer than sixteen terms are added one by one, in double precision.
@inline(__always) func sumOverLanes(_ count: Int, groups: Int, term: (Int) -> Float) -> Double {
  guard count >= lanesOfGroup else { return sumOneByOne(0..<count, term: term) }
  let whole = count / lanesOfGroup * lanesOfGroup

  func sum(_ lane: Int, _ group: Int) -> Float {
    var sum: Float = 0
    for index in stride(from: group * lanesOfGroup + lane, to: whole, by: groups * lanesOfGroup) { sum += term(index) }
    let last = count - lanesOfGroup + lane
    if group == groups - 1 && last >= whole { sum += term(last) }
    return sum
  }
  func sumOfGroups(_ lane: Int) -> Float {
    groups == 2
      ? sum(lane, 0) + sum(lane, 1) : (sum(lane, 0) + sum(lane, 1)) + (sum(lane, 2) + sum(lane, 3))
  }
  /// The sum of every `step`th lane from one on.
  func sumOfLanes(_ lane: Int, step: Int) -> Double {
    step == lanesOfGroup
      ? Double(sumOfGroups(lane)) : sumOfLanes(lane, step: 2 * step) + sumOfLanes(lane + step, step: 2 * step)
  }
  return sumOfLanes(0, step: 1)
}

/// The sum of terms in double precision, one after the other.
@inline(__always) func sumOneByOne(_ range: Range<Int>, term: (Int) -> Float) -> Double {
  var sum = 0.0
  for index in range { sum += Double(term(index)) }
  return sum
}
