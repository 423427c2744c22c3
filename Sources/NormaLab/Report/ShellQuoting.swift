import Foundation

extension String {
  /// The text as one word for a shell: in quotes, unless none of its characters means anything to one.
  package var shellQuoted: String {
    let plain = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=+@%^")
    return !isEmpty && unicodeScalars.allSatisfy(plain.contains)
      ? self : "'" + replacingOccurrences(of: "'", with: "'\\''") + "'"
  }
}
