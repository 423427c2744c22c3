// Part 10: weights that are a times as large.

{
  const factor = slider("scale-factor", value => "a = " + numberText(10 ** value, 2), draw);
  const rows = start.scaleInputs, gradient = [1, 0, 0, 0];

  // Drawn lengths grow with the root of true ones, so that large and small fit one drawing.
  function place(weights) {
    const length = Math.hypot(...weights), drawn = length > 0 ? 80 * Math.sqrt(length) / length : 0;
    return [60 + drawn * weights[0], 180 - drawn * weights[1]];
  }

  // The gradient's arrow points downhill, where a step goes.
  function gradientTip(tip, gradient) {
    const length = Math.hypot(...gradient), drawn = length > 0 ? Math.min(120, 60 * Math.sqrt(length)) / length : 0;
    return [tip[0] - drawn * gradient[0], tip[1] + drawn * gradient[1]];
  }

  function arrow(from, to) {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]], length = Math.max(1e-9, Math.hypot(dx, dy));
    const [ux, uy] = [dx / length, dy / length], head = Math.min(9, length);
    return line([from, to]) + line([
      [to[0] - head * ux - 0.5 * head * uy, to[1] - head * uy + 0.5 * head * ux], to,
      [to[0] - head * ux + 0.5 * head * uy, to[1] - head * uy - 0.5 * head * ux],
    ]);
  }

  function draw() {
    const scale = Number((10 ** factor.value).toPrecision(2)), weights = start.scaleWeights.map(weight => weight * scale);
    const x = rows.map(row => row[0] * weights[0] + row[1] * weights[1]);
    const { y, dx } = walk({ x, gamma: 1, beta: 0, gradient }, 1e-5);
    const weightGradient = [0, 1].map(place => sum(rows.map((row, index) => row[place] * dx[index])));
    const tip = place(weights), end = gradientTip(tip, weightGradient);
    find("scale-weights").setAttribute("d", arrow([60, 180], tip));
    find("scale-gradient").setAttribute("d", arrow(tip, end));
    move("scale-name", tip[0] + 8, tip[1] + 18);
    move("scale-gradient-name", end[0] + 6, end[1] - 6);
    write("scale-w", numberTexts(weights).join(",  "));
    write("scale-y", numberTexts(y).join(",  "));
    write("scale-dw", numberTexts(weightGradient).join(",  "));
    write("scale-product", numberText(sum(weights.map((weight, place) => weight * weightGradient[place]))));
    write("scale-outcome", `W is ${numberText(scale, 2)} times what it was, the output is ${numberTexts(y, 3).join(", ")}, and the gradient `
      + `is ${numberTexts(weightGradient, 3).join(", ")}.`);
  }

  function move(identifier, x, y) {
    find(identifier).setAttribute("x", x.toFixed(2));
    find(identifier).setAttribute("y", y.toFixed(2));
  }
}
