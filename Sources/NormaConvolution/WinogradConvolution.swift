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
/// The sums over channels are those of ``TermChunks``, as in any convolution; around them are additions, and halves of the weights'.
/// Tiles are counted from an image's first pixel, and each is computed from its own pixels alone.
///
/// What is rounded are sums of a tile's values: an error follows the size of these, not of the one result, which may be
/// much smaller.
final class WinogradConvolution: ConvolutionAlgorithm {
  private let source, result: norma_tiles
  private let isBackward: Bool
  /// The tiles of all images.
  private let tiles: Int
  /// How the work is cut, by the shape alone: into tickets of tiles.
  private let tilesPerTicket: Int
  /// The tiles whose factors are held at a time by a ticket: few enough for the second cache, enough to make weights worth
  /// their way.
  private let tilesAtOnce: Int
  /// Where there are few tickets, the result's channels are shared out too, in so many parts; the factors of so many tiles are then
  /// found once for all parts.
  private let blockParts, tilesOfPart: Int
  /// The place of each row in a factor of the source, in one of the result, and in a product.
  private let sourcePlaces, resultPlaces, productPlaces: [Int32]
  /// The terms of a row of the source's factors: its channels.
  private let terms: TermChunks

  /// The channels of the source and of the result, filled up to whole blocks.
  private var sourceWidth: Int { Self.filled(source.channels) }
  private var resultWidth: Int { Self.filled(result.channels) }
  private var blocks: Int { resultWidth / columnsOfBlock }

  /// From the rows of one factor, of so many tiles, to the next one's. A line more than they take, since places of a power of
  /// two's distance share few lines of a cache.
  private static func step(_ width: Int, _ tiles: Int) -> Int { tiles * width + columnsOfBlock }

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
    tilesOfPart = Self.even(tiles, in: (tiles - 1) / 96 + 1)
    // A power of two, so that as many threads have as much to do.
    var parts = 1
    while tickets * parts < 16, 2 * parts * columnsOfBlock <= result.channels,
      2 * parts << 19 <= workOfTile * min(tiles, tilesPerTicket)
    { parts *= 2 }
    blockParts = parts

    let (sourceWidth, resultWidth) = (Self.filled(source.channels), Self.filled(result.channels))
    let mostTiles = max(tilesAtOnce, tilesOfPart)
    sourcePlaces = (0..<mostTiles).map { Int32($0 * sourceWidth) }
    resultPlaces = (0..<mostTiles).map { Int32($0 * resultWidth) }
    productPlaces = (0..<mostTiles).map { Int32($0 * columnsOfBlock) }
    terms = TermChunks(of: [(place: 0, length: source.channels)])
  }

  var isDepthwise: Bool { false }
  func applies<Element: TensorElement>(_ function: UnaryOperation<Element>) -> Bool { false }

  func packed<Element: TensorElement>(_ weight: Tensor<Element>) -> PackedWeights<Element> {
    PackedWeights(
      elements: WinogradWeights.transformed(
        weight, sources: source.channels, results: result.channels, isBackward: isBackward))
  }

  @specialized(where Element == Float)
  @specialized(where Element == Double)
  func multiply<Element: TensorElement>(
    _ source: UnsafePointer<Element>, _ weights: PackedWeights<Element>, into result: UnsafeMutablePointer<Element>,
    then epilogue: Epilogue<Element>
  ) {
    let loops = ConvolutionLoops<Element>()
    let (packed, width) = (weights.elements.address, sourceWidth)
    withExtendedLifetime(weights.elements) {
      withZeros(width) { zeros in
        guard blockParts == 1 else {
          return multiplyInParts(loops, source, zeros, packed, into: result, then: epilogue)
        }
        let step = Self.step(width, tilesAtOnce)
        Parallel.forEach((tiles + tilesPerTicket - 1) / tilesPerTicket) { ticket in
          let end = min((ticket + 1) * tilesPerTicket, tiles)
          withScratch(16 * step, of: Element.self) { values in
            for tile in stride(from: ticket * tilesPerTicket, to: end, by: tilesAtOnce) {
              let group = tile..<min(tile + tilesAtOnce, end)
              loops.transformSource(
                source, self.source, group, zeros: zeros, into: values, width: width, stride: step)
              multiply(loops, values, step, packed, group, blocks: 0..<blocks, into: result, then: epilogue)
            }
          }
        }
      }
    }
  }

  /// All parts of the result's channels read the same factors: these are found before, in pieces.
  private func multiplyInParts<Element: TensorElement>(
    _ loops: ConvolutionLoops<Element>, _ source: UnsafePointer<Element>, _ zeros: UnsafePointer<Element>,
    _ packed: UnsafePointer<Element>, into result: UnsafeMutablePointer<Element>, then epilogue: Epilogue<Element>
  ) {
    let (width, groups, tilesOfPiece) = (sourceWidth, (tiles + tilesOfPart - 1) / tilesOfPart, 8)
    let (step, pieces) = (Self.step(width, tilesOfPart), (tilesOfPart + tilesOfPiece - 1) / tilesOfPiece)
    func group(_ number: Int) -> Range<Int> { number * tilesOfPart..<min((number + 1) * tilesOfPart, tiles) }
    withScratch(groups * 16 * step, of: Element.self) { values in
      Parallel.forEach(groups * pieces) { number in
        let (number, piece) = (number / pieces, number % pieces)
        let tiles = group(number)
        let first = min(tiles.lowerBound + piece * tilesOfPiece, tiles.upperBound)
        loops.transformSource(
          source, self.source, first..<min(first + tilesOfPiece, tiles.upperBound), zeros: zeros,
          into: values + number * 16 * step + piece * tilesOfPiece * width, width: width, stride: step)
      }
      Parallel.forEach(groups * blockParts) { number in
        let (number, part) = (number / blockParts, number % blockParts)
        multiply(
          loops, values + number * 16 * step, step, packed, group(number),
          blocks: part * blocks / blockParts..<(part + 1) * blocks / blockParts, into: result, then: epilogue)
      }
    }
  }

  /// The results of some tiles, in some blocks of channels, from the source's factors, which are `step` apart.
  private func multiply<Element: TensorElement>(
    _ loops: ConvolutionLoops<Element>, _ values: UnsafePointer<Element>, _ step: Int,
    _ packed: UnsafePointer<Element>, _ group: Range<Int>, blocks: Range<Int>,
    into result: UnsafeMutablePointer<Element>, then epilogue: Epilogue<Element>
  ) {
    let productStep = Self.step(columnsOfBlock, group.count)
    withScratch(16 * productStep, of: Element.self) { products in
      terms.withChunks { chunks in
        for block in blocks {
          for k in 0..<16 {
            for chunk in chunks {
              loops.sumShiftedRows(
                values + k * step, sourcePlaces, productPlaces, rows: group.count, chunk,
                packed + ((block * 16 + k) * source.channels + chunk.firstTerm) * columnsOfBlock,
                into: products + k * productStep, columns: columnsOfBlock, accumulates: !chunk.isFirst, then: .none)
            }
          }
          let channel = block * columnsOfBlock
          loops.transformResult(
            products, stride: productStep, into: result + channel, self.result, group,
            columns: min(columnsOfBlock, self.result.channels - channel),
            then: epilogue.from(bias: channel, result: channel))
        }
      }
    }
  }

  /// The sum over tiles: a chain over those that are held at a time begins at zero, and is added to the sums of its part. Tiles are cut
  /// into parts and chains by the shape alone, and parts are added up in their order.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  func weightGradient<Element: TensorElement>(
    _ gradient: UnsafePointer<Element>, input: UnsafePointer<Element>, into result: UnsafeMutablePointer<Element>
  ) {
    let loops = ConvolutionLoops<Element>()
    let (sourceWidth, resultWidth) = (self.sourceWidth, self.resultWidth)
    let (step, gradientStep) = (Self.step(sourceWidth, tilesAtOnce), Self.step(resultWidth, tilesAtOnce))
    let sources = source.channels
    let length = 16 * sources * resultWidth
    let groups = (tiles + tilesAtOnce - 1) / tilesAtOnce
    let parts = max(1, min(groups, length <= 1 << 15 ? 16 : (length <= 1 << 20 ? 8 : 4)))

    withScratch(parts * length, of: Element.self) { sums in
      withZeros(max(sourceWidth, resultWidth)) { zeros in
        Parallel.forEach(parts) { part in
          let sums = sums + part * length
          sums.update(repeating: 0, count: length)
          withScratch(16 * (step + gradientStep), of: Element.self) { values in
            let gradients = values + 16 * step
            terms.withChunks { chunks in
              for number in part * groups / parts..<(part + 1) * groups / parts {
                let group = number * tilesAtOnce..<min((number + 1) * tilesAtOnce, tiles)
                loops.transformSource(
                  input, source, group, zeros: zeros, into: values, width: sourceWidth, stride: step)
                loops.transformGradient(
                  gradient, self.result, group, zeros: zeros, into: gradients, width: resultWidth, stride: gradientStep)
                for k in 0..<16 {
                  for column in stride(from: 0, to: resultWidth, by: columnsOfBlock) {
                    for chunk in chunks {
                      loops.addShiftedRowProducts(
                        values + k * step, sourcePlaces, gradients + k * gradientStep + column, resultPlaces,
                        rows: group.count, chunk,
                        to: sums + (k * sources + chunk.firstTerm) * resultWidth + column, stride: resultWidth)
                    }
                  }
                }
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

  /// Lends so many zeros.
  private func withZeros<Element: TensorElement>(_ count: Int, _ body: (UnsafePointer<Element>) -> Void) {
    withScratch(count, of: Element.self) { zeros in
      zeros.update(repeating: 0, count: count)
      body(zeros)
    }
  }
}
