import NormaTensor
import TestSupport
import Testing

@Suite struct MatrixProductTests {
  struct Case: Sendable, CustomStringConvertible {
    var rows, inner, columns: Int
    var description: String { "[\(rows), \(inner)] · [\(inner), \(columns)]" }
  }

  static let cases: [Case] = {
    var generator = RandomGenerator(seed: 11)
    let drawn = (0..<12).map { _ in
      Case(
        rows: .random(in: 1...67, using: &generator), inner: .random(in: 1...129, using: &generator),
        columns: .random(in: 1...67, using: &generator))
    }
    // Vectors, and products large enough to be cut into parts along rows or columns.
    return drawn + [
      Case(rows: 1, inner: 1, columns: 1), Case(rows: 1, inner: 301, columns: 7), Case(rows: 7, inner: 301, columns: 1),
      Case(rows: 331, inner: 129, columns: 130), Case(rows: 65, inner: 257, columns: 401),
    ]
  }()

  private func check<Element: TensorElement>(_ type: Element.Type, _ size: Case) {
    var generator = RandomGenerator(seed: UInt64(size.rows * 1_000_003 + size.inner * 1009 + size.columns))
    let a = Tensor<Element>.normal([size.rows, size.inner], using: &generator)
    let b = Tensor<Element>.normal([size.inner, size.columns], using: &generator)
    let (left, right) = (a.elements.map { Double($0) }, b.elements.map { Double($0) })
    var reference = [Double](repeating: 0, count: size.rows * size.columns)
    var magnitudes = reference
    for row in 0..<size.rows {
      for inner in 0..<size.inner {
        for column in 0..<size.columns {
          let product = left[row * size.inner + inner] * right[inner * size.columns + column]
          reference[row * size.columns + column] += product
          magnitudes[row * size.columns + column] += abs(product)
        }
      }
    }
    // An inner product of k terms is off by at most k·u·Σ|a||b| in any order (Higham 2002, equation 3.5, to first
    // order); the reference, in double precision, adds its own error.
    let bound = magnitudes.map { 1.01 * Double(size.inner) * (Element.unitRoundoff + Double.unitRoundoff) * $0 }
    let (at, bt) = (a.transposed([1, 0]), b.transposed([1, 0]))
    let products = [
      a.matrixProduct(b), at.matrixProduct(b, transposingSelf: true), a.matrixProduct(bt, transposingOther: true),
      at.matrixProduct(bt, transposingSelf: true, transposingOther: true),
    ]
    for product in products {
      #expect(product.shape == [size.rows, size.columns])
      #expect(errorOverBound(product, reference: reference, bound: bound) <= 1)
    }
  }

  @Test(arguments: cases) func productsAreThoseOfThreeLoops(size: Case) {
    check(Float.self, size)
    check(Double.self, size)
  }

  @Test func productsOfSlicesReadTheSlices() {
    var generator = RandomGenerator(seed: 5)
    let a = Tensor<Float>.normal([9, 5], using: &generator)
    let b = Tensor<Float>.normal([5, 6], using: &generator)
    let copied = Tensor(a[rows: 3..<7].elements, shape: [4, 5])
    #expect(haveSameBits(a[rows: 3..<7].matrixProduct(b), copied.matrixProduct(b)))
  }

  private func checkAccumulation<Element: TensorElement>(_ type: Element.Type) {
    let a: [Element] = [1, 2, 3, 4, 5, 6]
    let b: [Element] = [1, 0, 2, 1, 0, 3]
    for transposed in [false, true] {
      var result: [Element] = [100, 200, 300, 400]
      a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          result.withUnsafeMutableBufferPointer { result in
            Element.multiply(
              MatrixProduct(
                rows: 2, columns: 2, inner: 3,
                left: .init(elements: a.baseAddress!, rowStride: 3, isTransposed: false),
                right: .init(elements: b.baseAddress!, rowStride: transposed ? 3 : 2, isTransposed: transposed),
                result: result.baseAddress!, resultStride: 2, accumulates: true))
          }
        }
      }
      // [1 2 3; 4 5 6] · [1 0; 2 1; 0 3], or with the second read as the transpose of [1 0 2; 1 0 3].
      #expect(result == (transposed ? [107, 210, 316, 422] : [105, 211, 314, 423]))
    }
  }

  @Test func anAccumulatingProductAddsToWhatIsThere() {
    checkAccumulation(Float.self)
    checkAccumulation(Double.self)
  }

  @Test(arguments: [(331, 129, 130), (65, 257, 401), (64, 784, 512), (17, 33, 9)])
  func productsHaveTheSameBitsForEveryThreadCount(rows: Int, inner: Int, columns: Int) {
    var generator = RandomGenerator(seed: 13)
    let a = Tensor<Float>.normal([rows, inner], using: &generator)
    let b = Tensor<Float>.normal([inner, columns], using: &generator)
    let g = Tensor<Float>.normal([rows, columns], using: &generator)
    let results = resultsByThreadCount {
      [a.matrixProduct(b), a.matrixProduct(g, transposingSelf: true), g.matrixProduct(b, transposingOther: true)]
    }
    let doubles = resultsByThreadCount { a.converted(to: Double.self).matrixProduct(b.converted()) }
    for (result, double) in zip(results, doubles) {
      #expect(zip(result, results[0]).allSatisfy { haveSameBits($0, $1) })
      #expect(haveSameBits(double, doubles[0]))
    }
  }
}
