/// Stops the program with a message unless a condition holds that the calling code must see to, such as shapes that fit.
///
/// Unlike `precondition`, whose message is left out of release builds, it always says what was wrong.
@inline(__always)
package func require(
  _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
  if !condition { fatalError(message(), file: file, line: line) }
}
