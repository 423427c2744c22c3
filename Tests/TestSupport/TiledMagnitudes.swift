import NormaConvolution
import NormaTensor

/// What bounds the rounding errors of a 3×3 convolution that is computed from transformed tiles: the same operations on
/// magnitudes, with the magnitudes of the transformations' coefficients (Lavin and Gray 2016, section 4.1).
///
/// A value passes at most two additions before its product if it is a pixel, four if it is a weight, then the sum over
/// channels or tiles, and four additions behind it.
public struct TiledMagnitudes {
  private typealias Matrix = [[Double]]
  private static let ofPixels: Matrix = [[1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 0, 1]]
  private static let ofWeights: Matrix = [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0, 0, 1]]
  private static let ofResults: Matrix = [[1, 0], [1, 1], [1, 1], [0, 1]]

  private let padding: Extent2d

  /// Nil where a convolution is not computed so.
  public init?(window: Window, groups: Int, weight: Tensor<Double>) {
    guard window == Window(3, padding: window.padding), groups == 1, weight.shape[0] >= 16, weight.shape[1] >= 16,
      max(window.padding.height, window.padding.width) <= 2
    else { return nil }
    padding = window.padding
  }

  /// m·v·m', a square of values with a square of coefficients on either side.
  private static func transformed(_ value: (Int, Int) -> Double, by m: Matrix) -> Matrix {
    m.map { row in
      m.map { column in
        var sum = 0.0
        for i in row.indices { for j in column.indices { sum += row[i] * column[j] * value(i, j) } }
        return sum
      }
    }
  }

  private static func transposed(_ m: Matrix) -> Matrix { m[0].indices.map { column in m.map { $0[column] } } }

  private static func pixel(_ x: Tensor<Double>, _ n: Int, _ row: Int, _ column: Int, _ channel: Int) -> Double {
    guard (0..<x.shape[1]).contains(row), (0..<x.shape[2]).contains(column) else { return 0 }
    return x[n, row, column, channel]
  }

  /// Those of the output, for magnitudes of images and weights.
  public func output(of x: Tensor<Double>, weight: Tensor<Double>) -> Tensor<Double> {
    Self.convolved(x, weight, padding)
  }

  /// Those of the input's gradient, for magnitudes of the output's gradient and of weights.
  public func inputGradient(of g: Tensor<Double>, weight: Tensor<Double>) -> Tensor<Double> {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    var turned: [Double] = []
    for input in 0..<inputs {
      for output in 0..<outputs {
        for tap in 0..<9 { turned.append(weight[output, input, 2 - tap / 3, 2 - tap % 3]) }
      }
    }
    return Self.convolved(
      g, Tensor(turned, shape: [inputs, outputs, 3, 3]),
      Extent2d(height: 2 - padding.height, width: 2 - padding.width))
  }

  private static func convolved(_ x: Tensor<Double>, _ weight: Tensor<Double>, _ padding: Extent2d) -> Tensor<Double> {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let shape: Shape = [
      x.shape[0], x.shape[1] + 2 * padding.height - 2, x.shape[2] + 2 * padding.width - 2, outputs,
    ]
    let weights = (0..<outputs * inputs).map { pair in
      transformed({ weight[pair / inputs, pair % inputs, $0, $1] }, by: ofWeights)
    }
    var y = [Double](repeating: 0, count: shape.elementCount)
    for (n, row, column) in tiles(shape) {
      let pixels = (0..<inputs).map { channel in
        transformed({ pixel(x, n, row + $0 - padding.height, column + $1 - padding.width, channel) }, by: ofPixels)
      }
      for output in 0..<outputs {
        let sums = transformed(
          { i, j in (0..<inputs).reduce(0) { $0 + weights[output * inputs + $1][i][j] * pixels[$1][i][j] } },
          by: transposed(ofResults))
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] where row + i < shape[1] && column + j < shape[2] {
          y[((n * shape[1] + row + i) * shape[2] + column + j) * outputs + output] = sums[i][j]
        }
      }
    }
    return Tensor(y, shape: shape)
  }

  /// Those of the weights' gradient, for magnitudes of the output's gradient and of images.
  public func weightGradient(of g: Tensor<Double>, input x: Tensor<Double>) -> Tensor<Double> {
    let (outputs, inputs) = (g.shape[3], x.shape[3])
    var sums = [Double](repeating: 0, count: 16 * inputs * outputs)
    for (n, row, column) in Self.tiles(g.shape) {
      let pixels = (0..<inputs).map { channel in
        Self.transformed(
          { Self.pixel(x, n, row + $0 - padding.height, column + $1 - padding.width, channel) }, by: Self.ofPixels)
      }
      for output in 0..<outputs {
        let gradients = Self.transformed({ Self.pixel(g, n, row + $0, column + $1, output) }, by: Self.ofResults)
        for input in 0..<inputs {
          for k in 0..<16 {
            sums[(output * inputs + input) * 16 + k] += pixels[input][k / 4][k % 4] * gradients[k / 4][k % 4]
          }
        }
      }
    }
    var gradient: [Double] = []
    for pair in 0..<outputs * inputs {
      let taps = Self.transformed({ sums[pair * 16 + 4 * $0 + $1] }, by: Self.transposed(Self.ofWeights))
      gradient += taps.flatMap { $0 }
    }
    return Tensor(gradient, shape: [outputs, inputs, 3, 3])
  }

  /// The image, row and column at which each tile begins.
  private static func tiles(_ shape: Shape) -> [(Int, Int, Int)] {
    (0..<shape[0]).flatMap { n in
      stride(from: 0, to: shape[1], by: 2).flatMap { row in
        stride(from: 0, to: shape[2], by: 2).map { (n, row, $0) }
      }
    }
  }
}
