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
    // In a sum each term goes through so many roundings: those of its chain, and one for each block that is added after it (Higham
    // 2002, section 4.2, to first order). A product that is not fused has one of its own. The reference, in double precision, adds its
    // own error.
    let terms = MatrixProduct<Element>.termsOfBlock
    let roundings = min(size.inner, terms) + (size.inner + terms - 1) / terms
    let bound = magnitudes.map {
      1.01 * (Double(roundings) * Element.unitRoundoff + Double(size.inner) * Double.unitRoundoff) * $0
    }
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

  /// The definition, by itself: blocks of 256 terms, each a chain of fused multiply-adds from zero.
  private func definedProduct(
    _ a: Tensor<Float>, _ b: Tensor<Float>, bias: Tensor<Float>? = nil, rectifies: Bool = false
  ) -> Tensor<Float> {
    let (rows, inner, columns) = (a.shape[0], a.shape[1], b.shape[1])
    let (left, right) = (a.elements, b.elements)
    let elements = (0..<rows * columns).map { place -> Float in
      let (row, column) = (place / columns, place % columns)
      var result: Float?
      for first in stride(from: 0, to: inner, by: 256) {
        var sum: Float = 0
        for k in first..<min(first + 256, inner) { sum.addProduct(left[row * inner + k], right[k * columns + column]) }
        result = result.map { $0 + sum } ?? sum
      }
      var value = result ?? 0
      if let bias { value += bias[column] }
      return rectifies && value <= 0 ? 0 : value
    }
    return Tensor(elements, shape: [rows, columns])
  }

  /// Sizes that are computed in each of the ways there are: few rows, either factor brought into panels, the right one read in place,
  /// rows some pages apart, more rows than are done at once, long sums with few results.
  static let sizesOfWays = [
    Case(rows: 1, inner: 300, columns: 77), Case(rows: 3, inner: 520, columns: 40), Case(rows: 4, inner: 9, columns: 5),
    Case(rows: 5, inner: 257, columns: 130), Case(rows: 8, inner: 1024, columns: 64),
    Case(rows: 40, inner: 1024, columns: 19), Case(rows: 50, inner: 100, columns: 10),
    Case(rows: 13, inner: 77, columns: 1), Case(rows: 530, inner: 40, columns: 37),
    Case(rows: 70, inner: 31, columns: 200),
    Case(rows: 10, inner: 20000, columns: 11), Case(rows: 2, inner: 0, columns: 3),
    Case(rows: 96, inner: 64, columns: 1024),
  ]

  @Test(arguments: sizesOfWays) func theBitsAreThoseOfTheDefinition(size: Case) {
    var generator = RandomGenerator(seed: UInt64(size.rows + 1000 * size.columns))
    var values = Tensor<Float>.normal([size.rows, size.inner], using: &generator)
    // Rectified activations hold zeros, and gradients become too small for ordinary floats.
    for index in stride(from: 0, to: size.inner, by: 3) { values[0, index] = 0 }
    for index in stride(from: 1, to: size.inner, by: 5) { values[size.rows - 1, index] *= 0x1p-130 }
    let (a, b) = (values, Tensor<Float>.normal([size.inner, size.columns], using: &generator))
    let bias = Tensor<Float>.normal([size.columns], using: &generator)
    let (at, bt) = (a.transposed([1, 0]), b.transposed([1, 0]))
    let expected = definedProduct(a, b)
    let expectedAll = definedProduct(a, b, bias: bias, rectifies: true)
    let results = resultsByKernels {
      let packed = [PackedMatrix(b), PackedMatrix(bt, transposing: true)]
      let plain = resultsByThreadCount {
        [
          a.matrixProduct(b), at.matrixProduct(b, transposingSelf: true), a.matrixProduct(bt, transposingOther: true),
          at.matrixProduct(bt, transposingSelf: true, transposingOther: true),
        ] + packed.map { $0.product(a) }
      }
      let withAll = [
        a.matrixProduct(b, bias: bias, rectifies: true),
        a.matrixProduct(bt, transposingOther: true, bias: bias, rectifies: true),
        packed[1].product(a, bias: bias, rectifies: true),
      ]
      return (plain: plain.flatMap { $0 }, withAll: withAll)
    }
    for (name, found) in results {
      #expect(found.plain.allSatisfy { haveSameBits($0, expected) }, "\(name)")
      #expect(found.withAll.allSatisfy { haveSameBits($0, expectedAll) }, "\(name)")
    }
  }

  @Test func aRowDoesNotDependOnTheOthers() {
    var generator = RandomGenerator(seed: 17)
    let weight = Tensor<Float>.normal([75, 600], using: &generator)
    let x = Tensor<Float>.normal([700, 600], using: &generator)
    let packed = PackedMatrix(weight, transposing: true)
    let all = x.matrixProduct(weight, transposingOther: true)
    for count in [1, 2, 4, 5, 13, 49, 513] {
      let part = x[rows: 9..<9 + count]
      #expect(haveSameBits(part.matrixProduct(weight, transposingOther: true), all[rows: 9..<9 + count]))
      #expect(haveSameBits(packed.product(part), all[rows: 9..<9 + count]))
    }
  }

  @Test func whatIsNotFiniteAndTheSignsOfZerosAreThoseOfTheDefinition() {
    let special: [Float] = [0, -0, .infinity, -.infinity, .nan, 1, -1, 0x1p-149, -0x1p-149, 0x1.fffffep127, 0x1p-126]
    var generator = RandomGenerator(seed: 23)
    let draw = { (count: Int) in (0..<count).map { _ in special.randomElement(using: &generator)! } }
    for (rows, inner, columns) in [(1, 2, 40), (6, 3, 33), (30, 2, 9)] {
      let a = Tensor(draw(rows * inner), shape: [rows, inner])
      let b = Tensor(draw(inner * columns), shape: [inner, columns])
      let expected = definedProduct(a, b)
      let results = resultsByKernels {
        [a.matrixProduct(b), a.matrixProduct(b.transposed([1, 0]), transposingOther: true)]
      }
      for (name, found) in results { #expect(found.allSatisfy { haveSameBits($0, expected) }, "\(name)") }
    }
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
