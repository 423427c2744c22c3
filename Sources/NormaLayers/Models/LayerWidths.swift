import Synchronization

/// How many channels layers are built with in place of what their recipe says, and what number each of them has.
package final class LayerWidths: Sendable {
  /// Those by which networks are being built; nil for what recipes say.
  @TaskLocal static var current: LayerWidths?

  private let widths: [Int: Int]
  private let numbers = Mutex<[ObjectIdentifier: Int]>([:])
  /// Those that these were made in, which record the layers, too.
  private let outer = LayerWidths.current

  /// Widths by the numbers of layers.
  package init(_ widths: [Int: Int] = [:]) { self.widths = widths }

  /// Builds by these widths.
  package func applied<Network>(
    _ build: () throws(ModelArchitectureError) -> Network
  ) throws(ModelArchitectureError) -> Network {
    try Self.$current.withValue(self) {
      Result { () throws(ModelArchitectureError) -> Network in try build() }
    }.get()
  }

  /// The number of a layer that was built by these widths; nil for any other.
  package func number(of layer: AnyObject) -> Int? { numbers.withLock { $0[ObjectIdentifier(layer)] } }

  /// How many channels the layer of a number has.
  func width(_ number: Int, _ usual: Int) -> Int { widths[number] ?? usual }

  func record(_ layer: AnyObject, _ number: Int) {
    numbers.withLock { $0[ObjectIdentifier(layer)] = number }
    outer?.record(layer, number)
  }
}
