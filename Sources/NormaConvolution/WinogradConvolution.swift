import CKernels
import NormaTensor

/// A 3×3 convolution in steps of one, by Winograd's minimal filtering F(2×2, 3×3): A. Lavin and S. Gray, Fast
/// algorithms for convolutional neural networks, 2016, arXiv:1509.09308.
///
/// A tile of 2×2 results is found with sixteen products for each pair of channels, where the definition takes
/// thirty-six. With the tile's pixels d (4×4) and the weights g (3×3), Y = A'[(GgG') ∘ (B'dB)]A, whose sums over
/// channels are sixteen matrix products. The gradient of the input is such a convolution too; that of the weights is
/// G'[(B'dB) ∘ (A∂YA')]G, summed over tiles.
///
/// What is rounded are sums of a tile's values: an error follows the size of these, not of the one result, which may be
/// much smaller.
final class WinogradConvolution: KernelConvolution {
  private let source, result: norma_tiles
  private let isBackward: Bool
  /// The tiles of all images.
  private let tiles: Int
  /// The tiles whose factors are held at a time: few enough for the second cache, enough to make weights worth their
  /// way.
  private let tilesAtOnce: Int
  /// How the work is cut, by the shape alone: into tickets of tiles, and into parts of the result's channels where
  /// there are few.
  private let tilesPerTicket, blockParts: Int
  /// Zeros for each channel of the source, or of the result; the place of each row in a factor of each of them, and in
  /// a product.
  private let zeros: [Float]
  private let sourcePlaces, resultPlaces, productPlaces: [Int32]

  /// The channels of the source and of the result, filled up to whole blocks.
  private var sourceWidth: Int { Self.filled(source.channels) }
  private var resultWidth: Int { Self.filled(result.channels) }
  private var blocks: Int { resultWidth / columnsOfBlock }

  /// From one factor's rows to the next one's. A line more than they take, since places of a power of two's distance
  /// share few lines of a cache.
  private func step(_ width: Int) -> Int { tilesAtOnce * width + columnsOfBlock }

  /// The length of parts as equal as may be, a multiple of two: the kernels take six rows at a time, or four.
  private static func even(_ count: Int, in parts: Int) -> Int { max(2, ((count + parts - 1) / parts + 1) / 2 * 2) }

  private static func filled(_ channels: Int) -> Int { blockCount(channels) * columnsOfBlock }

  /// Whether such a convolution is done this way. With fewer channels than a block, what stands before and behind the
  /// products costs more than they save.
  static func canDo(_ window: Window, inputs: Int, outputs: Int, groups: Int) -> Bool {
    window.size == 3 && window.stride == 1 && window.dilation == 1 && window.padding.height <= 2
      && window.padding.width <= 2 && groups == 1 && inputs >= columnsOfBlock && outputs >= columnsOfBlock
  }

  /// A convolution of images `[N, H, W, C]`, or the gradient of its input.
  init(input: Shape, outputs: Int, padding: Extent2d, isBackward: Bool) {
    self.isBackward = isBackward
    let output = Extent2d(height: input[1] + 2 * padding.height - 2, width: input[2] + 2 * padding.width - 2)
    let images = norma_tiles(
      height: input[1], width: input[2], channels: input[3], down: 0, across: 0, top: 0, left: 0)
    let outputImages = norma_tiles(
      height: output.height, width: output.width, channels: outputs, down: 0, across: 0, top: 0, left: 0)
    var (source, result) = isBackward ? (outputImages, images) : (images, outputImages)
    (result.down, result.across) = ((result.height + 1) / 2, (result.width + 1) / 2)
    (source.down, source.across) = (result.down, result.across)
    (source.top, source.left) = isBackward ? (2 - padding.height, 2 - padding.width) : (padding.height, padding.width)
    (self.source, self.result) = (source, result)

    let most = max(source.channels, result.channels)
    tiles = input[0] * result.down * result.across
    let workOfTile = 16 * source.channels * result.channels
    // Tickets worth a claim, enough for many threads, of so many tiles that reading the weights is the smaller part.
    let aim = min(max(workOfTile * tiles / 32, 1 << 18), 1 << 23)
    let tickets = max(1, min(workOfTile * tiles / aim, tiles / 16))
    tilesPerTicket = Self.even(tiles, in: tickets)
    tilesAtOnce = Self.even(tilesPerTicket, in: (tilesPerTicket - 1) / (most <= 128 ? 24 : 96) + 1)
    // A power of two, so that as many threads have as much to do.
    var parts = 1
    while tickets * parts < 16, 2 * parts * columnsOfBlock <= result.channels,
      2 * parts << 19 <= workOfTile * min(tiles, tilesPerTicket)
    { parts *= 2 }
    blockParts = parts

    zeros = [Float](repeating: 0, count: Self.filled(most))
    let (sourceWidth, resultWidth) = (Self.filled(source.channels), Self.filled(result.channels))
    sourcePlaces = (0..<tilesAtOnce).map { Int32($0 * sourceWidth) }
    resultPlaces = (0..<tilesAtOnce).map { Int32($0 * resultWidth) }
    productPlaces = (0..<tilesAtOnce).map { Int32($0 * columnsOfBlock) }
  }

  var isDepthwise: Bool { false }

  func packed(_ weight: Tensor<Float>) -> PackedWeights {
    PackedWeights(
      elements: WinogradWeights.transformed(
        weight, sources: source.channels, results: result.channels, isBackward: isBackward))
  }

  func multiply(
    _ kernels: norma_kernels, _ source: UnsafePointer<Float>, _ weights: PackedWeights,
    into result: UnsafeMutablePointer<Float>,
    bias: UnsafePointer<Float>?, residual: UnsafePointer<Float>?, rectifies: Bool
  ) {
    let (step, productStep) = (self.step(sourceWidth), self.step(columnsOfBlock))
    let sources = self.source.channels
    // The source is transformed once for each part, which one thread alone is spared.
    let parts = Parallel.threadCount > 1 ? blockParts : 1
    weights.elements.withUnsafeElements { packed in
      guard let packed = packed.baseAddress else { return }
      Parallel.forEach((tiles + tilesPerTicket - 1) / tilesPerTicket * parts) { number in
        let first = number / parts * tilesPerTicket
        let end = min(first + tilesPerTicket, tiles)
        let part = number % parts
        let blocksOfPart = part * blocks / parts..<(part + 1) * blocks / parts
        withScratch(16 * (step + productStep), of: Float.self) { values in
          let products = values + 16 * step
          for tile in stride(from: first, to: end, by: tilesAtOnce) {
            let count = min(tilesAtOnce, end - tile)
            withUnsafePointer(to: self.source) { tiles in
              kernels.winograd_source(source, tiles, tile, count, zeros, values, sourceWidth, step)
            }
            for block in blocksOfPart {
              for k in 0..<16 {
                var (place, length) = (Int32(0), Int32(sources))
                kernels.shifted_rows(
                  values + k * step, sourcePlaces, productPlaces, count, &place, &length, 1,
                  packed + (block * 16 + k) * sources * columnsOfBlock, products + k * productStep, columnsOfBlock,
                  nil, nil, false, false)
              }
              let channel = block * columnsOfBlock
              withUnsafePointer(to: self.result) { tiles in
                kernels.winograd_result(
                  products, productStep, result + channel, tiles, tile, count,
                  min(columnsOfBlock, tiles.pointee.channels - channel), bias.map { $0 + channel },
                  residual.map { $0 + channel }, rectifies)
              }
            }
          }
        }
      }
    }
  }

  /// Tiles are cut into parts by the shape alone; each adds into sums of its own, which are added up in their order.
  func weightGradient(
    _ kernels: norma_kernels, _ gradient: UnsafePointer<Float>, input: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>
  ) {
    let (step, gradientStep) = (self.step(sourceWidth), self.step(resultWidth))
    let sources = source.channels
    let length = 16 * sources * resultWidth
    let groups = (tiles + tilesAtOnce - 1) / tilesAtOnce
    let parts = max(1, min(groups, length <= 1 << 15 ? 16 : (length <= 1 << 20 ? 8 : 4)))

    withScratch(parts * length, of: Float.self) { sums in
      Parallel.forEach(parts) { part in
        let sums = sums + part * length
        sums.update(repeating: 0, count: length)
        withScratch(16 * (step + gradientStep), of: Float.self) { values in
          let gradients = values + 16 * step
          for group in part * groups / parts..<(part + 1) * groups / parts {
            let tile = group * tilesAtOnce
            let count = min(tilesAtOnce, tiles - tile)
            withUnsafePointer(to: source) { tiles in
              kernels.winograd_source(input, tiles, tile, count, zeros, values, sourceWidth, step)
            }
            withUnsafePointer(to: self.result) { tiles in
              kernels.winograd_gradient(gradient, tiles, tile, count, zeros, gradients, resultWidth, gradientStep)
            }
            for k in 0..<16 {
              for block in 0..<blocks {
                var (place, length) = (Int32(0), Int32(sources))
                kernels.shifted_rows_gradient(
                  values + k * step, sourcePlaces, gradients + k * gradientStep + block * columnsOfBlock, resultPlaces,
                  count, &place, &length, 1, sums + k * sources * resultWidth + block * columnsOfBlock, resultWidth)
              }
            }
          }
        }
      }
      Parallel.forEach(sources) { source in
        for k in 0..<16 {
          let first = sums + (k * sources + source) * resultWidth
          for part in 1..<parts {
            for channel in 0..<resultWidth { first[channel] += first[part * length + channel] }
          }
        }
        WinogradWeights.writeGradient(
          of: source, from: sums, sources: sources, resultWidth: resultWidth, results: self.result.channels,
          into: result)
      }
    }
  }
}
