/// Batch normalization of one channel and its gradients, a line a step: the lines that the explanation's page shows beside its graph,
/// copied into `PageSources.swift` by `Utils/embed-scripts`. They give the same bits as the graph.
///
/// The names are the nodes' names, and those of gradients with a `d` before them.
package enum StagedSteps {
  package static func values(
    x: [Double], gamma: Double, beta: Double, epsilon: Double, dy: [Double]
  ) -> [String: [Double]] {
    let n = Double(x.count)
    // The lines that are shown begin here.
    let mu = 1 / n * sum(x)
    let c = x.map { $0 - mu }
    let q = c.map { $0 * $0 }
    let v = 1 / n * sum(q)
    let u = v + epsilon
    let s = u.squareRoot()
    let r = 1 / s
    let xhat = c.map { $0 * r }
    let t = xhat.map { $0 * gamma }
    let y = t.map { $0 + beta }
    let dt = dy
    let dbeta = sum(dy)
    let dxhat = dt.map { $0 * gamma }
    let dgamma = sum(products(dt, xhat))
    let dr = sum(products(dxhat, c))
    let ds = -(dr * (r * r))
    let du = ds / (2 * s)
    let dv = du
    let dq = 1 / n * dv
    let dc = zip(dxhat, c).map { $0 * r + 2 * (dq * $1) }
    let dmu = -sum(dc)
    let dx = dc.map { $0 + 1 / n * dmu }
    // And end here.
    return [
      "x": x, "gamma": [gamma], "beta": [beta], "mu": [mu], "c": c, "q": q, "v": [v], "u": [u], "s": [s], "r": [r],
      "xhat": xhat, "t": t, "y": y, "dx": dx, "dgamma": [dgamma], "dbeta": [dbeta], "dmu": [dmu], "dc": dc,
      "dq": x.map { _ in dq }, "dv": [dv], "du": [du], "ds": [ds], "dr": [dr], "dxhat": dxhat, "dt": dt, "dy": dy,
      "dcFromXhat": dxhat.map { $0 * r }, "dcFromQ": c.map { 2 * (dq * $0) }, "dxFromC": dc,
      "dxFromMu": x.map { _ in 1 / n * dmu },
    ]
  }

  private static func sum(_ numbers: [Double]) -> Double { numbers.reduce(0, +) }

  private static func products(_ one: [Double], _ other: [Double]) -> [Double] { zip(one, other).map { $0 * $1 } }
}
