import Norma

extension ServiceDescription {
  /// The page of `GET /docs`: what is served, and how it is asked, without a script or anything from elsewhere.
  func page() -> String {
    var body = ""
    for (index, model) in models.enumerated() {
      let path = index == 0 ? "/predict" : "/models/\(model.name)/predict"
      body += """
        <h2>\(escaped(model.name))</h2>
        <dl><dt>Network</dt><dd>\(escaped(model.network))</dd>
        <dt>An example</dt><dd>\(model.featureCount) numbers, shape \(escaped("\(model.shape)"))\(model.imageShape == nil ? "" : ", or a PNG or JPEG file")</dd>
        <dt>An answer</dt><dd>\(escaped(answer(model)))</dd>
        <dt>Asked at</dt><dd><code>POST /models/\(escaped(model.name))/predict</code>\(index == 0 ? " and <code>POST /predict</code>" : "")</dd></dl>
        <pre>\(escaped(command(model, path)))</pre>

        """
    }
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
      <title>norma-serve</title>
      <style>
      :root { color-scheme: light dark }
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
      pre { padding: .75rem; overflow-x: auto; border: 1px solid #8886 }
      dt { font-weight: 600 } dd { margin: 0 0 .5rem }
      table { border-collapse: collapse } td { padding: .2rem 1rem .2rem 0; vertical-align: top }
      </style></head><body>
      <h1>norma-serve</h1>
      <p>An example is sent as a JSON array of its numbers or as 32-bit floats, little-endian, in row-major order and in the units of the
      data that the model learned from. Up to \(configuration.batchSize) examples may be sent at once: a JSON array of such arrays, or
      their floats one after another. With <code>Accept: application/octet-stream</code> the answer comes as 32-bit floats too.</p>
      \(body)<h2>The rest</h2>
      <table>
      <tr><td><a href="models">GET /models</a></td><td>the models with their shapes and classes</td></tr>
      <tr><td><a href="openapi.json">GET /openapi.json</a></td><td>this interface as OpenAPI 3.1</td></tr>
      <tr><td><a href="health">GET /health</a></td><td>whether the process lives</td></tr>
      <tr><td><a href="ready">GET /ready</a></td><td>whether requests are wanted</td></tr>
      <tr><td><a href="metrics">GET /metrics</a></td><td>counts and times for Prometheus</td></tr>
      </table>
      </body></html>

      """
  }

  private func answer(_ model: ServedModel) -> String {
    switch model.outputs {
    case .classes(let names):
      let shown = names.prefix(10).joined(separator: ", ") + (names.count > 10 ? ", …" : "")
      return "one of \(names.count) classes, with the \(model.writer.kind) of all: \(shown)"
    case .values(let count): return count == 1 ? "a number" : "\(count) numbers"
    }
  }

  private func command(_ model: ServedModel, _ path: String) -> String {
    let numbers = (0..<min(model.featureCount, 4)).map { _ in "0" }.joined(separator: ", ")
    let (type, body) =
      model.imageShape == nil
      ? ("application/json", "-d '[\(numbers)\(model.featureCount > 4 ? ", … \(model.featureCount) numbers" : "")]'")
      : ("image/png", "--data-binary @image.png")
    return
      "curl -H 'Content-Type: \(type)' \\\n  \(body) \\\n  http://\(configuration.host):\(configuration.port)\(path)"
  }

  private func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
  }
}
