import NormaTensor

/// What a function gives with 1, 2, 3 and 8 threads, in that order.
///
/// The thread count belongs to the whole process. Tests beside this one may see it change, which must not matter to them.
public func resultsByThreadCount<Result>(_ body: () throws -> Result) rethrows -> [Result] {
  let before = Parallel.threadCount
  defer { Parallel.threadCount = before }
  return try [1, 2, 3, 8].map { count in
    Parallel.threadCount = count
    return try body()
  }
}
