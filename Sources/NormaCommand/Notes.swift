import NormaTerminal

/// Tells the person on standard error what was supposed of their data and what was left out; of many notes the first ten.
func tell(_ notes: [String]) {
  let shown = 10
  for note in notes.prefix(shown) { remark(note) }
  if notes.count > shown { remark("There are \(notes.count - shown) more such notes.") }
}
