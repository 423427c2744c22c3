import Norma
import NormaLab
import NormaTerminal

/// Writes lines of a result to standard output.
func output(_ text: String) throws(FileError) { try FileAccess.writeToStandardOutput(text + "\n") }

/// Writes a result to standard output as JSON.
func outputJSON(_ result: some Encodable) throws {
  try FileAccess.writeToStandardOutput(String(decoding: try ResultFile.data(result), as: UTF8.self))
}

/// Writes a table to standard output, as wide as there is room. In a pipe or file every word stays whole, to be found there.
func output(_ table: TextTable) throws(FileError) {
  try output(
    table.text(
      width: Terminal.outputColumns(), glyphs: Terminal.glyphs(), breaksWords: Terminal.outputIsTerminal))
}

/// A file's bytes, inflated if it is gzip, and what errors call it; `-` is standard input.
func input(_ path: String) throws -> (bytes: [UInt8], name: String) {
  guard path == "-" else { return (try Gzip.contents(ofFile: path), path) }
  let name = "standard input"
  let bytes = try FileAccess.readStandardInput()
  return (Gzip.isGzip(bytes) ? try Gzip.inflated(bytes, file: name) : bytes, name)
}
